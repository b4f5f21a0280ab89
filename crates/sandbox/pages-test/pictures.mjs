// Takes the README's pictures of the phone page, with whatever shop is behind the sandbox.
//
//   PAGES_TEST_MODULES=… node pictures.mjs http://127.0.0.1:9100 docs/pictures STEP…
//
// A step is `Sari: halo` (writes), `Sari> Produk` (taps a button or picks a row of the last message,
// by title or id) or `Sari^` (the picture shows the newest list of hers opened). Customers that do
// not exist yet are created. After writing and tapping the script waits for the shop's answer.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { launch } from "./browser.mjs";

const ANSWER_MS = 15_000;
const SETTLE_MS = 700;
const [base, directory, ...given] = process.argv.slice(2);
assert.ok(base && directory, "usage: node pictures.mjs SANDBOX_URL DIRECTORY [STEP…]");
const steps = given.length ? given : ["Sari: halo", "Budi: produk", "Budi^"];

async function control(where, body) {
  const response = await fetch(`${base}/control${where}`, {
    method: body ? "POST" : "GET",
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(response.ok, `${where}: ${answer.error}`);
  return answer;
}

async function find(name) {
  const { customers } = await control("/state");
  const known = customers.find(({ profile }) => profile.name === name);
  if (known) return known.profile.wa_id;
  const wa_id = `62812${String(10_000_000 + customers.length)}`;
  await control("/customers", { wa_id, name });
  return wa_id;
}

async function play(step) {
  const [, name, sign, words] = /^([^:>^]+)([:>^])\s*(.*)$/.exec(step) ?? assert.fail(`no step: ${step}`);
  const customer = `/customers/${await find(name.trim())}`;
  if (sign === "^") return find(name.trim());
  const heard = (await control(`${customer}/inbox`)).length;
  await (sign === ":" ? control(`${customer}/says`, { text: words }) : control(`${customer}/taps`, { option: words }));
  for (const end = Date.now() + ANSWER_MS; (await control(`${customer}/inbox`)).length === heard;) {
    assert.ok(Date.now() < end, `no answer to: ${step}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return null;
}

async function picture(browser, name, options, opened) {
  const context = await browser.newContext({ locale: "id-ID", timezoneId: "Asia/Jakarta", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  await page.goto(`${base}/?lang=id`);
  await page.locator(".phone").first().waitFor({ state: "attached" });
  await page.evaluate(() => document.fonts.ready);
  for (const customer of opened) {
    const phone = page.locator(`#phone-${customer}`);
    const list = phone.locator("button.action", { has: page.locator("svg.list") }).last();
    if (await phone.isVisible()) await list.click();
  }
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: path.join(directory, `${name}.png`) });
  await context.close();
}

const opened = [];
for (const step of steps) {
  const list = await play(step);
  if (list) opened.push(list);
}
await mkdir(directory, { recursive: true });
const browser = await launch();
try {
  const wide = { viewport: { width: 1280, height: 860 } };
  await picture(browser, "phone", { ...wide, colorScheme: "light" }, opened);
  await picture(browser, "phone-dark", { ...wide, colorScheme: "dark" }, opened);
  await picture(browser, "phone-narrow", { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }, []);
} finally {
  await browser.close();
}
