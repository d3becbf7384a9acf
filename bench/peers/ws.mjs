// An echo and publish server on node's ws: node ws.mjs PORT. See ../servers/lunawire.lua.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../../spec/peers/", import.meta.url)));
const { WebSocketServer } = require("ws");
const { TLS_CERT, TLS_KEY, DEFLATE } = process.env;

const http = TLS_CERT
  ? createSecureServer({ cert: readFileSync(TLS_CERT), key: readFileSync(TLS_KEY) })
  : createServer();
const server = new WebSocketServer({
  server: http,
  maxPayload: 2 ** 30,
  perMessageDeflate: DEFLATE
    ? { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 }
    : false,
});

const subscribers = new Set();
server.on("connection", (socket, request) => {
  if (request.url === "/subscribe") {
    subscribers.add(socket);
    socket.on("close", () => subscribers.delete(socket));
  } else if (request.url === "/publish") {
    socket.on("message", (data, binary) => {
      for (const each of subscribers) each.send(data, { binary });
    });
  } else {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  }
});
http.listen(Number(process.argv[2]), "127.0.0.1");
