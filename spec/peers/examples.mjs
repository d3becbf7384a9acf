// Talks to examples: node examples.mjs ws://127.0.0.1:port ticker|chat
import { once } from "node:events";
import WebSocket from "ws";
import { equal, run } from "./runner.mjs";

const [base, name] = process.argv.slice(2);

async function connect(path) {
  const socket = new WebSocket(base + path);
  const queue = [];
  let wake = () => {};
  socket.on("message", data => { queue.push(String(data)); wake(); });
  socket.receive = async () => {
    while (queue.length === 0) await new Promise(resolve => { wake = resolve; });
    return queue.shift();
  };
  await once(socket, "open");
  return socket;
}

async function close(socket) {
  socket.close(1000);
  equal((await once(socket, "close"))[0], 1000);
}

await run({
  "ticker": async () => {
    const socket = await connect("/");
    const first = await socket.receive();
    equal(/\d\d:\d\d:\d\d/.test(first), true);
    let next = await socket.receive();
    if (next === first) next = await socket.receive(); // it came in the second of the first tick
    equal(next !== first, true);
    await close(socket);
  },

  "chat": async () => {
    const ada = await connect("/room/one");
    equal(await ada.receive(), "Guest 1 came in");
    const alone = await connect("/room/two");
    equal(await alone.receive(), "Guest 2 came in");
    const grace = await connect("/room/one");
    for (const socket of [ada, grace]) equal(await socket.receive(), "Guest 3 came in");
    grace.send("hello");
    for (const socket of [ada, grace]) equal(await socket.receive(), "Guest 3: hello");
    await close(grace);
    equal(await ada.receive(), "Guest 3 went out");
    ada.terminate();
    alone.send("still here");
    equal(await alone.receive(), "Guest 2: still here");
    await close(alone);
  },
}, [name]);
process.exit();
