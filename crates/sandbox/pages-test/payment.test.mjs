// The payment page and the Snap page in a real browser. The Rust test tests/it/midtrans/pages.rs
// starts the sandbox and gives its address in SANDBOX_URL; this file is the shop that charges.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { axe, launch } from "./browser.mjs";

const base = process.env.SANDBOX_URL;
const KEY = `Basic ${Buffer.from("SB-Mid-server-sandbox:").toString("base64")}`;
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 360, height: 740 };
// What each of the payer's buttons makes of a payment, and what the page then says.
const ENDS = {
  pay: { status: "settlement", says: "Lunas" },
  fail: { status: "deny", says: "Ditolak" },
  expire: { status: "expire", says: "Kedaluwarsa" },
};
let browser;
let orders = 0;

before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

async function shop(path, body) {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { authorization: KEY, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(response.ok && !/^[45]/.test(answer.status_code ?? ""), `${path}: ${JSON.stringify(answer)}`);
  return answer;
}

// Each test has orders of its own, so that the tests share one sandbox.
function order(name, amount = 27_500) {
  orders += 1;
  return { transaction_details: { order_id: `${name}-${orders}`, gross_amount: amount } };
}

const METHODS = {
  qris: { payment_type: "qris", qris: { acquirer: "gopay" } },
  va: { payment_type: "bank_transfer", bank_transfer: { bank: "bca" } },
};

const charge = (method, details = order(method)) => shop("/v2/charge", { ...METHODS[method], ...details });

// Asks for a Snap page and returns its order's id and where it is.
async function snap(details = order("snap")) {
  const finish = `${base}/?dari=snap`;
  const page = await shop("/snap/v1/transactions", { callbacks: { finish }, ...details });
  return { order_id: details.transaction_details.order_id, path: new URL(page.redirect_url).pathname };
}

async function control(path, body = {}) {
  const response = await fetch(`${base}/control${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${path}: ${response.status}`);
}

async function status(orderId) {
  const response = await fetch(`${base}/control/payments/${orderId}`);
  return response.ok ? (await response.json()).status : response.status;
}

// Opens a page of the sandbox. Errors in its console fail the test; `expects` is a pattern of those
// that Chromium itself writes about answers like 404.
async function open(t, path, { expects, ...options } = {}) {
  const context = await browser.newContext({ viewport: WIDE, locale: "id-ID", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !expects?.test(message.text())) problems.push(message.text());
  });
  page.setDefaultTimeout(10_000);
  t.after(async () => {
    await context.close();
    assert.deepEqual(problems, []);
  });
  await page.goto(base + path);
  return page;
}

const bill = (page, orderId) => page.locator(".bill", { hasText: orderId });
const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

// Presses Tab until the focus is on what `selector` finds, and fails if it never gets there.
async function tabTo(page, selector, most = 40) {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((it) => document.activeElement.matches(it), selector)) return;
  }
  assert.fail(`Tab never reaches ${selector}`);
}

// The payer's hands: both press what `selector` finds.
const HANDS = {
  mouse: (page, selector) => page.locator(selector).click(),
  keyboard: async (page, selector) => {
    await page.locator(selector).waitFor();
    await tabTo(page, selector);
    // One must see where the focus is.
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
    await page.keyboard.press("Enter");
  },
};

// With `rules` axe looks for those only.
async function seriousFaults(page, rules) {
  await page.evaluate(await readFile(axe, "utf8"));
  const result = await page.evaluate(
    (runOnly) => globalThis.axe.run({ resultTypes: ["violations"], ...(runOnly && { runOnly }) }), rules);
  const serious = result.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
}

test("the list and an open bill follow what happens, without a reload", async (t) => {
  const page = await open(t, "/");
  await page.evaluate(() => { globalThis.isOriginal = true; });
  const { order_id } = await charge("qris");
  await bill(page, order_id).locator(".chip", { hasText: "Menunggu" }).waitFor();
  const opened = await snap();
  await bill(page, opened.order_id).locator(".chip", { hasText: "Pilih cara bayar" }).waitFor();
  await bill(page, order_id).focus();
  const other = await open(t, `/pay/${order_id}`);
  await other.locator("#pay").click();
  await bill(page, order_id).locator(".chip.settlement", { hasText: "Lunas" }).waitFor();
  assert.match(await page.evaluate(() => document.activeElement.id), new RegExp(order_id), "the focus stays");
  assert.equal(await page.evaluate(() => globalThis.isOriginal), true);

  // Two windows on one bill: the second hears what the first did.
  const third = await charge("va");
  await other.goto(`${base}/pay/${third.order_id}`);
  await page.goto(`${base}/pay/${third.order_id}`);
  await page.locator("#fail").click();
  await other.locator("[role=status]", { hasText: "Ditolak" }).waitFor();
  assert.equal(await other.locator("#pay").count(), 0);
});

for (const [hand, press] of Object.entries(HANDS)) {
  test(`a QRIS and a VA are paid, failed and expired by ${hand}`, async (t) => {
    const bills = [];
    for (const method of ["qris", "va"])
      for (const step of Object.keys(ENDS)) bills.push([step, (await charge(method)).order_id]);
    const page = await open(t, "/");
    for (const [step, orderId] of bills) {
      const end = ENDS[step];
      await press(page, `.bill[href*="/${orderId}?"]`);
      await press(page, `#${step}`);
      await page.locator(`[role=status].${end.status}`, { hasText: end.says }).waitFor();
      assert.equal(await status(orderId), end.status);
      await press(page, "header a[href^='/?']");
      await bill(page, orderId).locator(`.chip.${end.status}`).waitFor();
    }
  });

  test(`a Snap page is paid, failed and expired by ${hand}`, async (t) => {
    const pages = [];
    for (const step of Object.keys(ENDS)) pages.push([step, await snap()]);
    const page = await open(t, "/");
    for (const [step, { order_id, path }] of pages) {
      const end = ENDS[step];
      assert.equal(await status(order_id), 404, "no payment before a method is chosen");
      await press(page, `.bill[href^="${path}"]`);
      await press(page, "#bca_va");
      await press(page, `#${step}`);
      if (step === "fail") {
        // Snap lets the payer try another method.
        await page.getByRole("alert").waitFor();
        assert.equal(await status(order_id), "deny");
        await press(page, "#qris");
        await page.locator(".qr img").waitFor();
        await press(page, "#pay");
        await page.locator("[role=status].settlement").waitFor();
        assert.equal(await status(order_id), "settlement");
      } else {
        await page.locator(`[role=status].${end.status}`, { hasText: end.says }).waitFor();
        assert.equal(await status(order_id), end.status);
      }
      await press(page, "main a.button.primary");
      await page.waitForURL((url) => url.searchParams.get("dari") === "snap");
      assert.equal(new URL(page.url()).searchParams.get("order_id"), order_id);
    }
  });
}

test("a bill is looked up by its VA number, by keyboard, and a wrong number is told", async (t) => {
  const charged = await charge("va", order("va", 1_250_000));
  const number = charged.va_numbers[0].va_number;
  const page = await open(t, "/", { expects: /404/ });
  await tabTo(page, "#number");
  await page.keyboard.type("0000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "Tidak ada tagihan" }).waitFor();
  assert.equal(await page.locator("#number").inputValue(), "0000", "what was typed is still there");
  // With spaces, as bank apps group it.
  await page.locator("#number").fill(number.replace(/(\d{4})(?=\d)/g, "$1 "));
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === `/pay/${charged.order_id}`);
  assert.equal(await page.locator(".number output").textContent(), number);
  assert.equal(await page.locator(".total .amount").textContent(), "Rp1.250.000");
});

test("a QR code shows, and its text and a VA number are copied", async (t) => {
  const { order_id, qr_string } = await charge("qris");
  const page = await open(t, `/pay/${order_id}`, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.waitForFunction(() => document.querySelector(".qr img").naturalWidth > 0);
  await page.locator("#qr-text summary").click();
  await page.locator("#qr-text button").click();
  await page.locator("#qr-text button", { hasText: "Tersalin" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), qr_string);
  // What is opened stays open while the page follows the payment.
  await page.locator("#tools summary").click();
  await control(`/pay/${order_id}`);
  await page.locator("[role=status].settlement").waitFor();
  await page.locator("#tools[open]").waitFor();
  const va = await charge("va");
  await page.goto(`${base}/pay/${va.order_id}`);
  await page.locator(".number button").click();
  await page.locator(".number button", { hasText: "Tersalin" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), va.va_numbers[0].va_number);
});

test("everything works without JavaScript", async (t) => {
  const va = await charge("va");
  const page = await open(t, "/", { javaScriptEnabled: false, expects: /409/ });
  await page.locator("#number").fill(va.va_numbers[0].va_number);
  await page.getByRole("button", { name: "Cari" }).click();
  await page.locator("#pay").click();
  await page.locator("[role=status]", { hasText: "Lunas" }).waitFor();
  assert.equal(await status(va.order_id), "settlement");
  for (const step of ["fail", "expire"]) {
    const { order_id } = await charge("qris");
    await page.goto(`${base}/`);
    await bill(page, order_id).click();
    await page.locator(`#${step}`).click();
    await page.locator("[role=status]", { hasText: ENDS[step].says }).waitFor();
    assert.equal(await status(order_id), ENDS[step].status);
  }
  const { order_id, path } = await snap();
  await page.goto(base + path);
  await page.locator("#qris").click();
  // A page that is out of date says so and changes nothing.
  await control(`/pay/${order_id}`);
  await page.locator("#expire").click();
  await page.getByRole("alert").filter({ hasText: "sudah berubah" }).waitFor();
  assert.equal(await status(order_id), "settlement");
});

test("in both languages, light and dark, the pages fit 360 pixels and pass axe", async (t) => {
  // The longest of all that a shop may send.
  const long = (name) => ({
    transaction_details: { order_id: `${name}-`.padEnd(50, "0123456789"), gross_amount: 9_999_999 },
    item_details: [
      { name: "x".repeat(50), price: 9_000_000, quantity: 1 },
      { name: "Kopi Gayo arabika panggang sedang", price: 999_999, quantity: 1 },
    ],
  });
  const { path } = await snap(long("snap"));
  const chosen = await snap(long("chosen"));
  await control(`/choose/${chosen.order_id}`, { method: "echannel" });
  const qris = (await charge("qris", long("qris"))).order_id;
  const done = (await charge("qris", long("done"))).order_id;
  await control(`/expire/${done}`);
  for (const [language, colorScheme] of [["id", "light"], ["en", "dark"]]) {
    const page = await open(t, "/", { viewport: NARROW, colorScheme });
    const isDark = colorScheme === "dark";
    for (const place of ["/", path, chosen.path, `/pay/${qris}`, `/pay/${done}`]) {
      await page.goto(`${base}${place}?lang=${language}`);
      for (const summary of await page.locator("summary").all()) await summary.click();
      assert.equal(await page.locator("html").getAttribute("lang"), language);
      assert.equal(await sideways(page), 0, `${place} moves sideways`);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(Math.max(...ground.match(/\d+/g)) < 80, isDark, `${colorScheme}: ${ground}`);
      // The dark changes nothing but colours.
      await seriousFaults(page, isDark ? ["color-contrast"] : undefined);
    }
    // Scanners need a light ground around the code, also in the dark.
    await page.goto(`${base}/pay/${qris}`);
    assert.equal(await page.locator(".qr").evaluate((it) => getComputedStyle(it).backgroundColor), "rgb(255, 255, 255)");
  }
});
