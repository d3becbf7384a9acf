// A server on node's ws for differential_spec.lua: collect.mjs file. collect.py tells what it does.
import { appendFileSync } from "node:fs";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1", port: 0, perMessageDeflate: true, maxPayload: 1 << 20,
});
server.on("connection", (socket, request) => {
  const line = [request.url];
  socket.on("message", (data, binary) => {
    line.push((binary ? "binary:" : "text:") + data.toString("hex"));
  });
  socket.on("error", () => {}); // "close" follows
  socket.on("close", () => appendFileSync(process.argv[2], line.join(" ") + "\n"));
});
server.on("listening", () => console.log(server.address().port));
