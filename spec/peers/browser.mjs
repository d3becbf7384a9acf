// A headless Chromium. node browser.mjs '{ "chat": url, "page": url, ... }'
import { close, withTab } from "./chromium.mjs";
import { equal, run } from "./runner.mjs";

const addresses = JSON.parse(process.argv[2]);

// What becomes of a WebSocket that the tab's page opens: "open", or "closed" and the code.
const fateOf = (tab, url) => tab.evaluate(address => new Promise(resolve => {
  const socket = new WebSocket(address);
  socket.onopen = () => { socket.close(1000); resolve("open"); };
  socket.onclose = event => resolve(`closed ${event.code}`);
}), url);

// Echo of small and large messages through a WebSocket of the tab's page: the agreed extensions.
const echoIn = (tab, url) => tab.evaluate(address => new Promise((resolve, reject) => {
  const socket = new WebSocket(address);
  const sizes = [0, 10, 500, 5000, 70000, 500000, 10];
  const message = () => "some text, and some more; ".repeat(20000).slice(0, sizes[0]);
  socket.onopen = () => socket.send(message());
  socket.onclose = event => reject(new Error(`closed with ${event.code} ${event.reason}`));
  socket.onmessage = event => {
    if (event.data !== message()) reject(new Error(`a wrong answer to ${sizes[0]} characters`));
    sizes.shift();
    if (sizes.length === 0) resolve(socket.extensions); else socket.send(message());
  };
}), url);

await run({
  "chat": () => withTab(addresses.chat, ada => withTab(addresses.chat, async grace => {
    await grace.waitForSelector("p:has-text('came in')");
    await ada.fill("input", "hello <i>");
    await ada.press("input", "Enter");
    for (const tab of [ada, grace]) await tab.waitForSelector("p:has-text(': hello <i>')");
  })),

  "same origin": () => withTab(addresses.page, async tab => {
    equal(await fateOf(tab, addresses.page.replace("http", "ws")), "open");
  }),

  "other origin": () => withTab(addresses.page, async tab => {
    equal(await fateOf(tab, addresses.strict), "closed 1006");
  }),

  "other origin in origins": () => withTab(addresses.page, async tab => {
    equal(await fateOf(tab, addresses.listed), "open");
    equal(await fateOf(tab, addresses.any), "open");
  }),

  "wss": () => withTab(addresses.secure, async tab => {
    equal(await echoIn(tab, addresses.secure.replace("https", "wss")), "");
  }, { ignoreHTTPSErrors: true }),

  "wss untrusted": () => withTab(addresses.page, async tab => {
    equal(await fateOf(tab, addresses.secure.replace("https", "wss")), "closed 1006");
  }),

  "compression": () => withTab(addresses.page, async tab => {
    equal(await echoIn(tab, addresses.deflate), "permessage-deflate; " +
      "server_no_context_takeover; client_no_context_takeover");
    equal(await echoIn(tab, addresses.takeover), "permessage-deflate; " +
      "server_max_window_bits=12; client_max_window_bits=12");
  }),
}, [], 120);

await close();
