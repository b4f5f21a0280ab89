// The phone page in a real browser. The Rust test tests/it/pages.rs starts the sandbox and a small
// shop behind it, and gives the address in SANDBOX_URL.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { axe, launch } from "./browser.mjs";

const base = process.env.SANDBOX_URL;
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 360, height: 740 };
const SARI = "6281234567890";
const BUDI = "6285550001111";
let browser;

before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

beforeEach(async () => {
  await control("/reset");
  await control("/customers", { wa_id: SARI, name: "Sari" });
  await control("/customers", { wa_id: BUDI, name: "Budi" });
});

async function control(path, body, method = "POST") {
  const response = await fetch(`${base}/control${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
  });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
}

async function state() { return control("/state", null, "GET"); }

// Opens the page and fails the test on any error in its console.
async function open(t, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, locale: "id-ID", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
  page.setDefaultTimeout(10_000);
  t.after(async () => {
    await context.close();
    assert.deepEqual(problems, []);
  });
  await page.goto(base + (options.query ?? "/"));
  await page.locator(`#phone-${SARI}`).waitFor({ state: "attached" });
  return page;
}

const phone = (page, id) => page.locator(`#phone-${id}`);

async function write(page, id, text) {
  const field = phone(page, id).locator("textarea");
  await field.fill(text);
  await field.press("Enter");
}

const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

test("Sari says hello, gets buttons and taps one", async (t) => {
  const page = await open(t);
  const sari = phone(page, SARI);
  await write(page, SARI, "halo");
  await sari.locator(".bubble.mine", { hasText: "halo" }).waitFor();
  await sari.locator(".bubble.shop", { hasText: "Selamat datang" }).waitFor();
  assert.equal(await sari.locator(".bubble.shop strong").first().textContent(), "Toko Sari");
  assert.equal(await sari.locator(".bubble.shop em").first().textContent(), "dulu");
  assert.equal(await sari.locator(".bubble.shop s").first().textContent(), "Rp15.000");
  assert.equal(await sari.locator(".bubble.shop code").first().textContent(), "KOPI-01");
  assert.equal(await sari.locator(".action").count(), 3);
  await sari.locator(".tick[data-tick=read]").waitFor();
  await sari.getByRole("button", { name: "Produk" }).click();
  const reply = sari.locator(".bubble.mine").last();
  await reply.locator(".quote").waitFor();
  assert.match(await reply.textContent(), /Selamat datang.*Produk/s);
  const said = (await state()).customers[0].thread.filter((bubble) => bubble.from === "customer");
  assert.equal(said[1].payload.interactive.button_reply.id, "produk");
});

test("a list is picked from by keyboard alone", async (t) => {
  const page = await open(t);
  const sari = phone(page, SARI);
  await write(page, SARI, "produk");
  const opener = sari.getByRole("button", { name: "Lihat produk" });
  await opener.waitFor();
  // From the writing field back to the newest button in the conversation.
  for (let presses = 0; presses < 6 && (await focused(page)) !== "Lihat produk"; presses += 1)
    await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "Lihat produk");
  await page.keyboard.press("Enter");
  const sheet = sari.getByRole("dialog", { name: "Lihat produk" });
  await sheet.waitFor();
  assert.equal(await sheet.getByRole("menuitem").count(), 3);
  assert.match(await focused(page), /Kopi Gayo/);
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "hidden" });
  assert.equal(await focused(page), "Lihat produk", "Escape gives the focus back");
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(page), /Kopi Toraja/);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.match(await focused(page), /Keripik/, "the arrows go around");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await sari.locator(".bubble.mine", { hasText: "Kopi Toraja" }).waitFor();
  await sari.locator(".bubble.shop", { hasText: "Pilihan bagus: Kopi Toraja" }).waitFor();
  const link = sari.getByRole("link", { name: "Bayar" });
  assert.equal(await link.getAttribute("href"), "https://example.com/bayar/1");
  assert.equal(await link.getAttribute("rel"), "noopener");
});

test("a picture shows and can be looked at closely", async (t) => {
  const page = await open(t);
  const sari = phone(page, SARI);
  await write(page, SARI, "gambar");
  const picture = sari.locator(".picture img");
  await picture.waitFor();
  await page.waitForFunction(() => document.querySelector(".picture img").naturalWidth > 0);
  await sari.locator(".picture").click();
  const zoom = sari.locator(".zoom");
  await zoom.waitFor();
  await page.keyboard.press("Escape");
  await zoom.waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.className), "picture");
});

test("two customers talk side by side", async (t) => {
  const page = await open(t);
  await write(page, SARI, "halo");
  await write(page, BUDI, "produk");
  await phone(page, SARI).locator(".bubble.shop", { hasText: "Selamat datang" }).waitFor();
  await phone(page, BUDI).locator(".bubble.shop", { hasText: "Ada di rak" }).waitFor();
  assert.equal(await phone(page, SARI).getByText("Ada di rak").count(), 0);
  await page.locator("#add").click();
  await page.getByLabel("Nama").fill("Rani");
  await page.getByLabel("Nomor WhatsApp").fill("6287770001111");
  await page.keyboard.press("Enter");
  await phone(page, "6287770001111").waitFor();
  await page.keyboard.press("Alt+2");
  await page.keyboard.type("gambar");
  await page.keyboard.press("Enter");
  await phone(page, BUDI).locator(".picture").waitFor();
  assert.equal((await state()).customers.length, 3);
});

test("on 360 pixels the page is one phone with tabs and nothing moves sideways", async (t) => {
  const page = await open(t, { viewport: NARROW, hasTouch: true });
  assert.equal(await sideways(page), 0);
  await write(page, SARI, "halo");
  await phone(page, SARI).locator(".action").first().waitFor();
  await write(page, SARI, "x".repeat(300));
  assert.equal(await phone(page, BUDI).isVisible(), false);
  await control(`/customers/${BUDI}/says`, { text: "halo" });
  const tab = page.getByRole("tab", { name: /Budi/ });
  await tab.locator(".badge", { hasText: "1" }).waitFor();
  assert.match(await page.title(), /^\(1\)/);
  await page.getByRole("tab", { name: /Sari/ }).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await tab.getAttribute("aria-selected"), "true");
  await tab.locator(".badge").waitFor({ state: "hidden" });
  await write(page, BUDI, "produk");
  await phone(page, BUDI).getByRole("button", { name: "Lihat produk" }).click();
  await phone(page, BUDI).locator(".sheet").waitFor();
  assert.equal(await sideways(page), 0);
  await page.keyboard.press("Escape");
  await page.locator("#faults").click();
  await page.locator("#drawer").waitFor();
  assert.equal(await sideways(page), 0);
  await page.keyboard.press("Escape");
  await page.locator("#add").click();
  assert.equal(await sideways(page), 0);
});

test("the drawer arms faults, clears them and starts over", async (t) => {
  const page = await open(t);
  await page.locator("#faults").click();
  const more = page.getByRole("button", { name: "Tambah: Kembar" });
  await more.click();
  await page.locator("#fault-list li.on output", { hasText: "1" }).waitFor();
  await more.click();
  await page.locator("#fault-list li.on output", { hasText: "2" }).waitFor();
  assert.deepEqual((await state()).faults.map(({ fault, next }) => [fault, next]), [["duplicate", 2]]);
  assert.equal(await page.locator("#armed").textContent(), "2");
  await page.locator("#clear").click();
  await page.locator("#armed").waitFor({ state: "hidden" });
  await page.locator("#reset").click();
  assert.equal((await state()).customers.length, 2, "one press is not enough");
  await page.locator("#reset").click();
  await phone(page, SARI).waitFor({ state: "detached" });
});

test("the page speaks both languages in light and dark, and passes axe", async (t) => {
  for (const [language, scheme] of [["id", "light"], ["en", "dark"]]) {
    const page = await open(t, { query: `/?lang=${language}`, colorScheme: scheme });
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    await write(page, SARI, "produk");
    await phone(page, SARI).locator(".action").first().waitFor();
    await page.locator("#faults").click();
    const words = await page.locator("body").innerText();
    assert.doesNotMatch(words, /undefined/);
    assert.match(words, language === "id" ? /Laci gangguan/ : /Drawer of trouble/);
    await seriousFaults(page);
  }
});

async function seriousFaults(page) {
  // The page's policy forbids foreign script tags; evaluated code is the tester's own.
  await page.evaluate(await readFile(axe, "utf8"));
  const result = await page.evaluate(() => globalThis.axe.run());
  const serious = result.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
}
