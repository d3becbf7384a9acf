// The server of scenarios.lua on node's ws. Prints its port; ends with its stdin or a signal.
// With TLS when TLS_CERT and TLS_KEY name its files.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { WebSocketServer } from "ws";

const ended = new Map(); // id: what /ended answers, once it is known
const asking = new Map(); // id: who asks for it

function tellEnd(id, text) {
  ended.set(id, text);
  asking.get(id)?.(text);
}

const paths = {
  "/echo": socket => socket.on("message", (data, binary) => socket.send(data, { binary })),

  "/fragments": socket => socket.on("message", (data, binary) => {
    const third = Math.floor(data.length / 3);
    socket.send(data.subarray(0, third), { binary, fin: false });
    socket.send(Buffer.alloc(0), { binary, fin: false });
    socket.send(data.subarray(third), { binary, fin: true });
  }),

  "/ping": socket => {
    socket.on("pong", payload => socket.send(`pong ${payload}`));
    socket.ping("from the server");
  },

  "/close": socket => socket.on("message", data => {
    const [, code, reason] = /^(\d+) ?(.*)$/.exec(data);
    socket.close(Number(code), reason);
  }),

  "/terminate": socket => socket.on("message", () => {
    const tcp = socket._socket;
    if (tcp.encrypted) tcp.destroy(); else tcp.resetAndDestroy(); // TLS cannot be reset here
  }),
  "/vanish": socket => socket.on("message", () => socket._socket.end()),
  "/headers": (socket, request) => socket.send(request.headers["x-ask"]),
  "/protocols": socket => socket.send(socket.protocol),

  "/ended": (socket, _, id) => {
    if (ended.has(id)) socket.send(ended.get(id)); else asking.set(id, text => socket.send(text));
  },
};

const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: { threshold: 0 }, // when it is offered
  handleProtocols: offered => ["v2", "v1"].find(ours => offered.has(ours)) ?? false,
});
sockets.on("headers", (lines, request) => {
  if (request.headers["x-ask"]) lines.push(`X-Reply: ${request.headers["x-ask"]}`);
});

const { TLS_CERT, TLS_KEY } = process.env;
const server = TLS_CERT
  ? https.createServer({ cert: readFileSync(TLS_CERT), key: readFileSync(TLS_KEY) })
  : http.createServer();
server.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url, "http://x");
  const handler = paths[url.pathname];
  if (!handler) {
    socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 12\r\n\r\n"
      + "log in first");
    return;
  }
  sockets.handleUpgrade(request, socket, head, peer => {
    const id = url.searchParams.get("id");
    peer.on("error", () => {}); // "close" follows
    peer.on("close", (code, reason) => {
      if (url.pathname !== "/ended") tellEnd(id, `${code} ${reason}`);
    });
    handler(peer, request, id);
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
