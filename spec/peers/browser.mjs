// A headless Chromium. node browser.mjs '{ "demo": url, "chat": url, "page": url, ... }'
import { chromium } from "playwright-core";
import { equal, run } from "./runner.mjs";

const addresses = JSON.parse(process.argv[2]);
const screenshots = "build/screenshots";

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
  ],
});

// A new tab at this address, whose errors make the scenario fail at the end.
async function withTab(url, act, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, ...options });
  const tab = await context.newPage();
  const errors = [];
  tab.setDefaultTimeout(5000);
  tab.on("pageerror", error => errors.push(String(error)));
  await tab.goto(url);
  await act(tab);
  equal(errors, []);
  await context.close();
}

async function say(tab, text) {
  await tab.fill("#message", text);
  await tab.click("#send");
}

const received = (tab, text) => tab.waitForSelector(`li.received:has-text("${text}")`);
const isOpen = tab => tab.waitForSelector("#state[data-state=open]");

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
  "demo": () => withTab(addresses.demo, async tab => {
    await isOpen(tab);
    equal(await tab.textContent("#address"), addresses.demo.replace("http", "ws") + "echo");
    for (const text of ["hello", "Grüße aus Lua", "a message with <b>markup</b> in it"]) {
      await say(tab, text);
      await received(tab, text);
    }
    await withTab(addresses.demo, async second => {
      await isOpen(second);
      await say(second, "second tab");
      await received(second, "second tab");
    });
    equal(await tab.locator("li.received").count(), 3); // nothing of the second one's
    await tab.click("#burst");
    await tab.waitForSelector("li.note:has-text('1000 messages came back')");
    await tab.screenshot({ path: `${screenshots}/demo.png` });
  }),

  "demo in the dark": () => withTab(addresses.demo, async tab => {
    await isOpen(tab);
    await tab.screenshot({ path: `${screenshots}/demo-dark.png` });
  }, { colorScheme: "dark" }),

  "demo on a phone": () => withTab(addresses.demo, async tab => {
    await isOpen(tab);
    await say(tab, "word ".repeat(100) + "x".repeat(200));
    await received(tab, "word");
    equal(await tab.evaluate(() => document.documentElement.scrollWidth), 390);
    equal(await tab.isVisible("#send"), true);
    await tab.screenshot({ path: `${screenshots}/demo-phone.png` });
  }, { viewport: { width: 390, height: 844 }, hasTouch: true }),

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
}, [], 10);

await browser.close();
