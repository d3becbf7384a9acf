// The demo page in a headless Chromium. node demo.mjs '{ "plain": url, "secure": url, "lua": interpreter,
// "preload": its sanitizer, "free_port": "port" }'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { close, screenshots, withTab } from "./chromium.mjs";
import { equal, run } from "./runner.mjs";
import { Traffic } from "./traffic.mjs";

const addresses = JSON.parse(process.argv[2]);

// What the page's policy forbids is an error on the console, and nothing on the page would show it.
async function withDemo(act, { url = addresses.plain, allowed = /^$/, ...options } = {}) {
  const messages = [];
  await withTab(url, async tab => {
    tab.on("console", message => message.type() === "error" && messages.push(message.text()));
    await tab.waitForSelector("#state[data-state=open]");
    await act(tab);
  }, { ignoreHTTPSErrors: true, ...options });
  equal(messages.filter(text => !allowed.test(text)), []);
}

const shot = (tab, name) => tab.screenshot({
  path: `${screenshots}/${name}.png`, fullPage: true, animations: "disabled",
});

async function say(tab, text) {
  await tab.fill("#message", text);
  await tab.click("#send");
  await tab.waitForSelector(`#log li.received:has-text("${text}")`);
}

// A demo of our own, that can end.
async function start(port) {
  const server = spawn(addresses.lua, ["examples/demo/demo.lua", port],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, LD_PRELOAD: addresses.preload } });
  const [line] = await Promise.race([once(server.stdout, "data"), once(server, "exit")]);
  return { process: server, port: /:(\d+)/.exec(line)[1] };
}

// --- the board ---

const picture = tab => tab.evaluate(() => document.getElementById("canvas").toDataURL());
const shows = (tab, wanted) => tab.waitForFunction(
  data => document.getElementById("canvas").toDataURL() === data, wanted);

// Draws a line through these points of the board, which go from 0 to 1.
async function draw(tab, points) {
  const canvas = tab.locator("#canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await tab.mouse.move(...at(points[0]));
  await tab.mouse.down();
  for (const point of points.slice(1)) await tab.mouse.move(...at(point), { steps: 5 });
  await tab.mouse.up();
}

async function drawTogether(one, other) {
  const empty = await picture(one);
  await shows(other, empty);
  await draw(one, [[0.1, 0.2], [0.4, 0.8], [0.7, 0.3]]);
  const line = await picture(one);
  equal(line !== empty, true);
  await shows(other, line);
  await other.click("#colours button:last-child");
  await draw(other, [[0.9, 0.1], [0.2, 0.9]]);
  const both = await picture(other);
  equal(both !== line, true);
  await shows(one, both);
  return { empty, both };
}

// --- upload ---

const file = size => {
  const buffer = Buffer.alloc(size);
  for (let i = 0; i < size; i++) buffer[i] = (i * 31 + (i >> 8)) & 255;
  return { name: "data.bin", mimeType: "application/octet-stream", buffer };
};

async function upload(tab) {
  await tab.evaluate(() => { // every step of the bar
    const bar = document.getElementById("progress");
    window.steps = [];
    new MutationObserver(() => window.steps.push(bar.value))
      .observe(bar, { attributes: true, attributeFilter: ["value"] });
  });
  await tab.setInputFiles("#file", file(5e6));
  await tab.waitForSelector("#uploaded:has-text('read 5.0 MB')");
  equal(/\b[0-9a-f]{8} is right\.$/.test(await tab.textContent("#uploaded")), true);
  return tab.evaluate(() => window.steps);
}

// --- the comparison ---

const feeds = ["polling", "long", "events", "socket"];

const figures = tab => tab.evaluate(() => {
  const shown = {};
  for (const row of document.querySelectorAll("tr[data-feed]")) {
    const one = shown[row.dataset.feed] = {};
    for (const figure of row.querySelectorAll("[data-figure]")) {
      one[figure.dataset.figure] = figure.dataset.value && Number(figure.dataset.value);
    }
  }
  return shown;
});

const haveDelays = tab => tab.waitForFunction(() =>
  [...document.querySelectorAll("[data-figure=delay]")].every(one => one.dataset.value));

const scenarios = {
  "echo": () => withDemo(async tab => {
    equal(await tab.textContent("#address"), addresses.plain.replace("http", "ws"));
    for (const text of ["hello", "Grüße aus Lua", "a message with <b>markup</b> in it"]) {
      await say(tab, text);
    }
    await withDemo(second => say(second, "second tab"));
    equal(await tab.locator("#log li.received").count(), 3); // nothing of the second one's
    await tab.click("#burst");
    await tab.waitForSelector("#log li.note:has-text('1000 messages came back')");
  }),

  "counter": () => withDemo(one => withDemo(async other => {
    const count = tab => tab.evaluate(() => Number(document.getElementById("count").textContent));
    const above = (tab, limit) => tab.waitForFunction(least =>
      Number(document.getElementById("count").textContent) > least, limit);
    await above(one, 0);
    await above(one, await count(one));
    await above(one, 5);
    await other.waitForFunction(() => Number(document.getElementById("count").textContent) > 5);
    for (const tab of [one, other]) { // it is low for half a second: none is to be missed
      await tab.evaluate(() => {
        const shown = document.getElementById("count");
        new MutationObserver(() => { window.wasLow ||= Number(shown.textContent) < 5; })
          .observe(shown, { childList: true, characterData: true, subtree: true });
      });
    }
    await other.click("#reset");
    for (const tab of [one, other]) await tab.waitForFunction(() => window.wasLow);
  })),

  "board": () => withDemo(one => withDemo(async other => {
    const { empty, both } = await drawTogether(one, other);
    await withDemo(newcomer => shows(newcomer, both));
    await one.click("#clear");
    await Promise.all([shows(one, empty), shows(other, empty)]);
    await withDemo(newcomer => shows(newcomer, empty));
  })),

  "chat": () => withDemo(ada => withDemo(async grace => {
    const enter = async (tab, text) => {
      await tab.fill("#chat-text", text);
      await tab.press("#chat-text", "Enter");
    };
    const sees = (tab, text) => tab.waitForSelector(`#chat-log li:has-text("${text}")`);
    await enter(ada, "Ada");
    await sees(ada, "Ada came in");
    await enter(grace, "Grace \"G\"");
    await sees(ada, "Grace \\\"G\\\" came in");
    await enter(grace, "hello <i>&\\ Ünïcode");
    await sees(grace, "hello <i>&");
    const last = await ada.waitForSelector("#chat-log li.said");
    equal(await last.textContent(), "Grace \"G\"hello <i>&\\ Ünïcode");
    await withDemo(late => sees(late, "hello <i>&"));
    await grace.close();
    await sees(ada, "Grace \\\"G\\\" left");
  })),

  "upload": () => withDemo(async tab => {
    const session = await tab.context().newCDPSession(tab);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", { // loopback would take it in one gulp
      offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1e7,
    });
    const steps = await upload(tab);
    equal(steps.at(-1), 1);
    equal(steps.some(step => step > 0 && step < 1), true);
    equal([...steps].sort((a, b) => a - b), steps);
  }),

  "upload refused": () => withDemo(async tab => {
    const folder = mkdtempSync(`${tmpdir()}/demo-`), large = `${folder}/large.bin`;
    writeFileSync(large, "");
    truncateSync(large, 34 * 2 ** 20);
    await tab.setInputFiles("#file", large);
    await tab.waitForFunction(() =>
      /refused: 413|broke off/.test(document.getElementById("uploaded").textContent));
    rmSync(folder, { recursive: true });
  }, { allowed: /^Failed to load resource/ }),

  "statistics": () => withDemo(async tab => {
    const figure = name => `[data-figure=${name}]`;
    await tab.waitForFunction(at => Number(document.querySelector(at).textContent) >= 5,
      figure("open"));
    equal(/^[\d.]+ [kM]B$/.test(await tab.textContent(figure("memory_lua"))), true);
    const before = await tab.textContent(figure("messages_in"));
    await say(tab, "one more");
    await tab.waitForFunction(([at, old]) => document.querySelector(at).textContent !== old,
      [figure("messages_in"), before]);
  }),

  "dark": () => withDemo(async tab => {
    await draw(tab, [[0.2, 0.5], [0.5, 0.1], [0.8, 0.5], [0.5, 0.9], [0.2, 0.5]]);
    await shot(tab, "demo-dark");
  }, { colorScheme: "dark" }),

  "phone": () => withDemo(async tab => {
    await tab.fill("#message", "word ".repeat(100) + "x".repeat(200));
    await tab.click("#send");
    await tab.waitForSelector("#log li.received");
    await tab.click("#compare-run");
    await haveDelays(tab);
    equal(await tab.evaluate(() => document.documentElement.scrollWidth), 390);
    await shot(tab, "demo-phone");
    await tab.locator("#canvas").scrollIntoViewIfNeeded();
    const empty = await picture(tab);
    await tab.locator("#canvas").tap();
    equal(await picture(tab) !== empty, true);
  }, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }),
};

// These do not draw on the board that the others look at, and wait for most of their time.
const meanwhile = {
  "comparison": async () => {
    let traffic;
    await withDemo(async tab => {
      await tab.click("#compare-run");
      await haveDelays(tab);
      // The page hears of a figure a moment after the browser: they must become the same.
      const seen = await traffic.until(async () => {
        const shown = await figures(tab), counted = traffic.counts();
        return counted.polling.requests >= 4 && counted.socket.messages >= 4
          && feeds.every(name => shown[name].requests === counted[name].requests
            && shown[name].bytes === counted[name].bytes)
          && shown.socket.delay < shown.polling.delay && shown; // it takes some to be seen
      });
      equal([seen.events.requests, seen.socket.requests], [1, 1]);
      equal(seen.socket.bytes < seen.events.bytes, true);
      equal(seen.events.bytes < seen.long.bytes, true);
      equal(seen.socket.bytes < seen.polling.bytes, true);
      await shot(tab, "demo");
      await tab.click("#compare-run");
      await tab.waitForSelector("#compare[data-state=closed]");
    }, { before: async tab => { traffic = await Traffic.of(tab); } });
  },

  "wss": () => withDemo(one => withDemo(async other => {
    equal(await one.textContent("#address"), addresses.secure.replace("https", "wss"));
    await say(one, "hello over TLS");
    await drawTogether(one, other);
    await upload(one);
    await one.click("#compare-run");
    await haveDelays(one);
    // How they compare takes some prices to show, and is looked at above.
    const { socket, polling } = await figures(one);
    equal(socket.bytes > 0 && polling.bytes > 0, true);
  }, { url: addresses.secure }), { url: addresses.secure }),

  "reconnecting": async () => {
    const first = await start(addresses.free_port);
    const url = `http://localhost:${first.port}/`;
    await withDemo(async tab => {
      await draw(tab, [[0.1, 0.1], [0.9, 0.9]]);
      const drawn = await picture(tab);
      await say(tab, "before");
      first.process.kill();
      await tab.waitForSelector("#state[data-state=closed]");
      const second = await start(first.port);
      await tab.waitForSelector("#state[data-state=open]");
      await say(tab, "after");
      equal(await picture(tab) !== drawn, true); // the new server knows of no strokes
      second.process.kill();
    }, { url, allowed: /WebSocket connection .* failed/ });
  },
};

await Promise.all([run(scenarios, [], 200), run(meanwhile, [], 200)]);
await close();
