// Echo with permessage-deflate on node's ws, for spec/deflate_spec.lua.
//
//   node deflate.mjs client ws://127.0.0.1:port '[options, ...]'  a line for each, agreement or failure
//   node deflate.mjs server '[options, ...]'                      prints a port for each
//
// The options are those of perMessageDeflate.
import { once } from "node:events";
import WebSocket, { WebSocketServer } from "ws";

const [role, ...rest] = process.argv.slice(2);
const text = "some text, and some more of the text; ".repeat(2000);
const sizes = [0, 10, 300, 5000, 70000];

async function check(socket, wanted) {
  const [data] = await once(socket, "message");
  if (String(data) !== wanted) throw new Error(`a wrong answer to ${wanted.length} bytes`);
}

async function talk(url, options) {
  const socket = new WebSocket(url, [], { perMessageDeflate: { threshold: 0, ...options } });
  socket.failed = new Promise((_, reject) => socket.on("error", reject));
  socket.failed.catch(() => {});
  const work = async () => {
    await once(socket, "open");
    for (let round = 0; round < 2; round++) {
      for (const size of sizes) {
        socket.send(text.slice(0, size) + round);
        await check(socket, text.slice(0, size) + round);
      }
      socket.send(text.slice(0, 500), { fin: false });
      socket.send("", { fin: false });
      socket.send("end");
      await check(socket, text.slice(0, 500) + "end");
    }
    socket.close(1000);
    await once(socket, "close");
    return socket.extensions;
  };
  return Promise.race([work(), socket.failed]);
}

async function serve(options) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0,
    perMessageDeflate: { threshold: 0, ...options } });
  server.on("connection", socket => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    socket.on("error", error => console.error(error));
  });
  await once(server, "listening");
  console.log(server.address().port);
}

if (role === "client") {
  for (const options of JSON.parse(rest[1])) {
    try {
      console.log("ok", await talk(rest[0], options));
    } catch (error) {
      console.log("failed", JSON.stringify(options), error.message);
    }
  }
} else {
  for (const options of JSON.parse(rest[0])) await serve(options);
}
