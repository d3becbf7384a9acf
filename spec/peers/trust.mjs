// A headless Chromium of a user that trusts our authority, or has never heard of it: the certificates
// that it knows are in its HOME. node trust.mjs https://localhost:port/ trusting|strange
import { close, withTab } from "./chromium.mjs";
import { equal, run } from "./runner.mjs";

const [url, user] = process.argv.slice(2);

const echo = tab => tab.evaluate(() => new Promise((resolve, reject) => {
  const socket = new WebSocket(location.href.replace("https", "wss"));
  socket.onopen = () => socket.send("hello");
  socket.onmessage = event => { socket.close(1000); resolve(event.data); };
  socket.onerror = () => reject(new Error("the WebSocket failed"));
}));

await run({
  "trusting": () => withTab(url, async tab => {
    equal(await tab.evaluate(() => [document.title, window.isSecureContext]), ["page", true]);
    equal(await echo(tab), "hello");
  }),

  "strange": () => withTab("about:blank", async tab => {
    const fate = await tab.goto(url).then(() => "it was loaded", error => error.message);
    equal(/net::\w+/.exec(fate)?.[0], "net::ERR_CERT_AUTHORITY_INVALID");
  }),
}, [user], 60);

await close();
