// The client of scenarios.lua on node's ws: node client.mjs ws://127.0.0.1:port [scenario...]
import { once } from "node:events";
import WebSocket from "ws";
import { equal, run } from "./runner.mjs";

const [base, ...names] = process.argv.slice(2);
const sizes = [0, 1, 125, 126, 65535, 65536, 1 << 20];
const multibyte = "a\u00e9\u20ac\u{1f600}".repeat(5000);
let ids = 0;

// An open connection, with its messages in a queue for `receive`.
async function connect(path, options = {}) {
  const socket = new WebSocket(base + path, options.protocols ?? [],
    { perMessageDeflate: { threshold: 0 }, ...options });
  const queue = [], waiting = [];
  socket.on("message", (data, binary) => {
    const message = binary ? data : String(data);
    if (waiting.length > 0) waiting.shift()(message); else queue.push(message);
  });
  socket.receive = () => queue.length > 0 ? queue.shift()
    : new Promise(resolve => waiting.push(resolve));
  socket.ended = new Promise(resolve => {
    socket.on("close", (code, reason) => resolve(`${code} ${reason}`));
  });
  socket.on("ping", payload => { socket.lastPing = String(payload); });
  if (options.open) options.open(socket);
  await once(socket, "open");
  socket.on("error", () => {}); // "close" follows
  return socket;
}

async function withConnection(path, talk, options) {
  const socket = await connect(path, options);
  await talk(socket);
  socket.close(1000);
  equal(await socket.ended, "1000 ");
}

// How the server says that the connection with this id ended.
async function endOf(id) {
  let end;
  await withConnection(`/ended?id=${id}`, async socket => { end = await socket.receive(); });
  return end;
}

async function closeWith(code, reason, seen) {
  const id = `close-${++ids}`;
  const socket = await connect(`/echo?id=${id}`);
  socket.close(code, reason);
  equal((await socket.ended).split(" ")[0], seen.split(" ")[0]);
  equal(await endOf(id), seen);
}

async function closedWith(text) {
  const socket = await connect("/close");
  socket.send(text);
  equal(await socket.ended, text);
}

// Ends TCP without a closing handshake.
async function vanish(end) {
  const id = `vanish-${++ids}`;
  const socket = await connect(`/echo?id=${id}`);
  end(socket._socket);
  equal((await endOf(id)).split(" ")[0], "1006");
}

async function abandoned(path) {
  const socket = await connect(path);
  socket.send("x");
  equal((await socket.ended).split(" ")[0], "1006");
}

await run({
  "text": () => withConnection("/echo", async socket => {
    for (const size of sizes) {
      socket.send("x".repeat(size));
      equal(await socket.receive() === "x".repeat(size), true);
    }
  }),

  "binary": () => withConnection("/echo", async socket => {
    for (const size of sizes) {
      const data = Buffer.alloc(size, "\0\x01\xfe\xff", "latin1");
      socket.send(data);
      equal((await socket.receive()).equals(data), true);
    }
  }),

  "utf8": () => withConnection("/echo", async socket => {
    socket.send(multibyte);
    equal(await socket.receive() === multibyte, true);
  }),

  "fragments sent": () => withConnection("/echo", async socket => {
    const bytes = Buffer.from(multibyte);
    for (let i = 0; i < bytes.length; i += 997) { // cuts characters, too
      socket.send(bytes.subarray(i, i + 997), { binary: false, fin: i + 997 >= bytes.length });
    }
    equal(await socket.receive() === multibyte, true);
  }),

  "fragments received": () => withConnection("/fragments", async socket => {
    for (const text of ["", "abc", multibyte]) {
      socket.send(text);
      equal(await socket.receive() === text, true);
    }
  }),

  "ping sent": () => withConnection("/echo", async socket => {
    socket.ping("from the client");
    equal(String(await once(socket, "pong")), "from the client");
    socket.ping("x".repeat(125));
    equal(String(await once(socket, "pong")), "x".repeat(125));
  }),

  "ping received": () => withConnection("/ping", async socket => {
    equal(await socket.receive(), "pong from the server");
    equal(socket.lastPing, "from the server");
  }),

  "closing": async () => {
    await closeWith(1000, "bye", "1000 bye");
    await closeWith(4999, "é".repeat(61), "4999 " + "é".repeat(61));
    await closeWith(undefined, undefined, "1005 ");
  },

  "being closed": async () => {
    await closedWith("1000 ");
    await closedWith("1013 come later");
    await closedWith("3000 " + "é".repeat(61));
  },

  "subprotocol": async () => {
    for (const [protocols, chosen] of [[["v1", "v2"], "v2"], [["v1"], "v1"]]) {
      await withConnection("/protocols", async socket => {
        equal(socket.protocol, chosen);
        equal(await socket.receive(), chosen);
      }, { protocols });
    }
  },

  "headers": async () => {
    let answer;
    const open = socket => socket.on("upgrade", response => { answer = response.headers; });
    await withConnection("/headers", async socket => {
      equal(answer["x-reply"], "a value, with comma");
      equal(await socket.receive(), "a value, with comma");
    }, { headers: { "X-Ask": "a value, with comma" }, open });
  },

  "refusal": async () => {
    const socket = new WebSocket(base + "/refused");
    const [, response] = await once(socket, "unexpected-response");
    equal(response.statusCode, 401);
    equal(String((await response.toArray())[0]).trim(), "log in first");
  },

  "hundred connections": async () => {
    const hundred = [...Array(100).keys()].map(String);
    const sockets = await Promise.all(hundred.map(() => connect("/echo")));
    for (const i of hundred) sockets[i].send(i);
    equal(await Promise.all(sockets.map(socket => socket.receive())), hundred);
    for (const socket of sockets) socket.close(1000);
    await Promise.all(sockets.map(socket => socket.ended));
  },

  "thousand messages": () => withConnection("/echo", async socket => {
    for (let i = 0; i < 1000; i++) socket.send(`message ${i}`);
    for (let i = 0; i < 1000; i++) equal(await socket.receive(), `message ${i}`);
  }),

  "vanishing": async () => {
    await vanish(tcp => tcp.encrypted ? tcp.destroy() : tcp.resetAndDestroy());
    await vanish(tcp => tcp.end());
  },

  "being left": async () => {
    await abandoned("/terminate");
    await abandoned("/vanish");
  },
}, names);
process.exit();
