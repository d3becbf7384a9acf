// A headless Chromium, for the scenarios of browser.mjs and demo.mjs.
import { chromium } from "playwright-core";
import { equal } from "./runner.mjs";

export const screenshots = "build/screenshots";

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  timeout: 120000,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
  ],
});

export const close = () => browser.close();

// A new tab at this address, whose errors make the scenario fail at the end. `before` is called with
// it before it goes there.
export async function withTab(url, act, { before, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, ...options });
  const tab = await context.newPage();
  const errors = [];
  tab.setDefaultTimeout(60000);
  tab.on("pageerror", error => errors.push(String(error)));
  await before?.(tab);
  await tab.goto(url);
  await act(tab);
  equal(errors, []);
  await context.close();
}
