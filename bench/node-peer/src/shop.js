// What the shop answers.
import { randomBytes } from 'node:crypto';
import { config } from './config.js';
import { pool, redis, statement } from './stores.js';
import { buttons, list, text } from './whatsapp.js';

const PAGE = 9;
const QUOTE_MINUTES = 15;
const LOCAL_MS = 2_000;
const SHARED_S = 60;
const LIMIT_WINDOW_MS = 60_000;

const rupiah = (amount) => `Rp${Number(amount).toLocaleString('id-ID')}`;

const readCatalogue = statement('catalogue', 'SELECT id, sku, name, price FROM product ORDER BY id');
const readCart = statement(
  'cart',
  `SELECT p.name, c.qty, p.price * c.qty AS total
   FROM cart_line c JOIN product p ON p.id = c.product_id WHERE c.customer_id = $1 ORDER BY p.id`,
);
const addToCart = statement(
  'add',
  `INSERT INTO cart_line (customer_id, product_id, qty) VALUES ($1, $2, $3)
   ON CONFLICT (customer_id, product_id) DO UPDATE SET qty = least(999, cart_line.qty + excluded.qty)`,
);
const removeFromCart = statement(
  'remove',
  'DELETE FROM cart_line WHERE customer_id = $1 AND product_id = $2',
);
const readSaldo = statement('saldo', 'SELECT saldo FROM customer WHERE id = $1');
const readOrders = statement(
  'orders',
  `SELECT number, total, state FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT 9`,
);
const drawUp = statement(
  'quote',
  `INSERT INTO quote (nonce, customer_id, product_id, qty, total, expires_at)
   VALUES ($1, $2, $3, $4, $5, now() + make_interval(mins => $6))`,
);
const placeOrder = statement(
  'order',
  `INSERT INTO orders (quote_nonce, customer_id, product_id, qty, total, state)
   SELECT nonce, customer_id, product_id, qty, total, 'completed' FROM quote
   WHERE nonce = $1 AND customer_id = $2 AND expires_at > now()
   ON CONFLICT (quote_nonce) DO NOTHING
   RETURNING id, number, product_id, qty, total`,
);
const takeSaldo = statement(
  'pay',
  `UPDATE customer SET saldo = saldo - $2 WHERE id = $1 AND saldo >= $2 RETURNING saldo`,
);
const book = statement(
  'book',
  `INSERT INTO ledger_entry (order_id, account, amount, balance_after)
   VALUES ($1, 'saldo:' || $2::bigint, -$3::bigint, $4), ($1, 'sales', $3::bigint, NULL)`,
);
const takeUnits = statement(
  'units',
  `UPDATE stock_unit SET order_id = $1
   WHERE id IN (SELECT id FROM stock_unit WHERE product_id = $2 AND order_id IS NULL
                ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
   RETURNING secret`,
);
const takeStock = statement(
  'stock',
  'UPDATE product SET stock = stock - $2 WHERE id = $1 AND stock >= $2',
);

// The catalogue: in this process, then in Redis, then in PostgreSQL.
let local = { until: 0, reading: undefined };
const catalogue = () => {
  if (Date.now() >= local.until) {
    local = { until: Date.now() + LOCAL_MS, reading: sharedCatalogue() };
    local.reading.catch(() => (local.until = 0));
  }
  return local.reading;
};
const sharedCatalogue = async () => {
  const cached = await redis.get('catalogue');
  const products = cached ? JSON.parse(cached) : (await readCatalogue(pool)).rows;
  if (!cached) await redis.set('catalogue', JSON.stringify(products), 'EX', SHARED_S);
  return { products, bySku: new Map(products.map((product) => [product.sku, product])) };
};

const rows = (products) =>
  products.slice(0, PAGE).map((product) => ({
    id: `v1|detail|${product.sku}`,
    title: product.name.slice(0, 24),
    description: `${product.sku} · ${rupiah(product.price)}`,
  }));

const menu = async () =>
  list('Selamat datang di toko kami! Mau apa hari ini?', 'Menu', [
    { id: 'v1|products', title: 'Produk', description: 'Lihat semua produk' },
    { id: 'v1|cart', title: 'Keranjang', description: 'Lihat keranjang' },
    { id: 'v1|orders', title: 'Pesanan', description: 'Pesanan terakhir' },
    { id: 'v1|balance', title: 'Saldo', description: 'Saldo Anda' },
  ]);

const products = async (job, session) => {
  const { products: all } = await catalogue();
  session.shown = all.slice(0, PAGE).map((product) => product.sku);
  const lines = all
    .slice(0, PAGE)
    .map((product, index) => `${index + 1}. *${product.name}* ${rupiah(product.price)}`);
  return list(`Produk kami:\n${lines.join('\n')}`, 'Lihat produk', rows(all));
};

const search = async (job, session, words) => {
  const { products: all } = await catalogue();
  const wanted = words.join(' ').toLowerCase();
  const found = all.filter((product) => product.name.toLowerCase().includes(wanted));
  if (!found.length) return text(`Maaf, "${wanted}" tidak ditemukan.`);
  session.shown = found.slice(0, PAGE).map((product) => product.sku);
  return list(`Ada ${found.length} produk untuk "${wanted}":`, 'Lihat produk', rows(found));
};

const detail = async (job, session, [sku]) => {
  const product = (await catalogue()).bySku.get(sku?.toUpperCase());
  if (!product) return text('Produk itu tidak ada.');
  session.product = product.sku;
  return buttons(`*${product.name}*\n${product.sku}\nHarga: ${rupiah(product.price)}`, [
    [`v1|buy|${product.sku}`, 'Beli'],
    [`v1|add|${product.sku}`, 'Tambah'],
    ['v1|products', 'Produk lain'],
  ]);
};

const showCart = async (job) => {
  const { rows: lines } = await readCart(pool, job.customer);
  if (!lines.length) return text('Keranjang Anda kosong.');
  const total = lines.reduce((sum, line) => sum + Number(line.total), 0);
  const listed = lines.slice(0, 20).map((line) => `${line.qty}× ${line.name} ${rupiah(line.total)}`);
  return buttons(`Keranjang:\n${listed.join('\n')}\nTotal ${rupiah(total)}`, [
    ['v1|checkout', 'Bayar'],
    ['v1|products', 'Produk lain'],
  ]);
};

const add = async (job, session, [sku, qty = '1']) => {
  const product = (await catalogue()).bySku.get(sku?.toUpperCase());
  const count = Number(qty);
  if (!product || !Number.isInteger(count) || count < 1 || count > 999) {
    return text('Tulis: tambah KODE JUMLAH');
  }
  await addToCart(pool, job.customer, product.id, count);
  return showCart(job);
};

const remove = async (job, session, [sku]) => {
  const product = (await catalogue()).bySku.get(sku?.toUpperCase());
  if (!product) return text('Produk itu tidak ada.');
  await removeFromCart(pool, job.customer, product.id);
  return showCart(job);
};

const buy = async (job, session, [sku, qty = '1']) => {
  const product = (await catalogue()).bySku.get(sku?.toUpperCase());
  const count = Number(qty);
  if (!product || !Number.isInteger(count) || count < 1 || count > 999) {
    return text('Tulis: beli KODE JUMLAH');
  }
  const total = Number(product.price) * count;
  const nonce = randomBytes(8).toString('hex');
  const [, saldo] = await Promise.all([
    drawUp(pool, nonce, job.customer, product.id, count, total, QUOTE_MINUTES),
    readSaldo(pool, job.customer),
  ]);
  session.quote = nonce;
  return buttons(
    `${count}× ${product.name}\nTotal ${rupiah(total)}\nSaldo Anda ${rupiah(saldo.rows[0].saldo)}`,
    [
      [`v1|pay|${nonce}|saldo`, 'Bayar pakai saldo'],
      ['v1|no', 'Batal'],
    ],
  );
};

const orders = async (job) => {
  const { rows: found } = await readOrders(pool, job.customer);
  if (!found.length) return text('Anda belum punya pesanan.');
  return text(
    found.map((order) => `#${order.number} ${rupiah(order.total)} ${order.state}`).join('\n'),
  );
};

const saldo = async (job) => {
  const { rows: found } = await readSaldo(pool, job.customer);
  return text(`Saldo Anda ${rupiah(found[0].saldo)}.`);
};

class Refused extends Error {}

// The whole purchase and its reply in one commit. The product's row comes last, as buyers of one
// product wait for each other from there on.
const pay = async (job, session, [nonce], conclude) => {
  const used = await redis.charge(`limit:${job.waId}`, LIMIT_WINDOW_MS);
  if (used > config.purchaseLimit) return text('Terlalu banyak pembelian. Coba lagi sebentar.');
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const order = (await placeOrder(client, nonce, job.customer)).rows[0];
    if (!order) throw new Refused('Penawaran itu sudah tidak berlaku.');
    const paid = (await takeSaldo(client, job.customer, order.total)).rows[0];
    if (!paid) throw new Refused('Saldo Anda tidak cukup.');
    await book(client, order.id, job.customer, order.total, paid.saldo);
    const units = (await takeUnits(client, order.id, order.product_id, order.qty)).rows;
    if (units.length < order.qty) throw new Refused('Maaf, stok habis.');
    const reply = await conclude(
      client,
      text(
        `Lunas! Pesanan #${order.number}, ${rupiah(order.total)}.\n` +
          `${units.map((unit) => unit.secret).join('\n')}\nSisa saldo ${rupiah(paid.saldo)}.`,
      ),
    );
    const taken = await takeStock(client, order.product_id, order.qty);
    if (!taken.rowCount) throw new Refused('Maaf, stok habis.');
    await client.query('COMMIT');
    session.quote = undefined;
    return { committed: reply };
  } catch (error) {
    await client.query('ROLLBACK');
    if (error instanceof Refused) return text(error.message);
    throw error;
  } finally {
    client.release();
  }
};

const COMMANDS = {
  menu,
  halo: menu,
  produk: products,
  products,
  cari: search,
  detail,
  keranjang: showCart,
  cart: showCart,
  tambah: add,
  add,
  hapus: remove,
  beli: buy,
  buy,
  pay,
  pesanan: orders,
  orders,
  saldo,
  balance: saldo,
};

// What a message asks for: the id of a tap, or words.
const words = (message) => {
  const tapped = message.interactive?.button_reply?.id ?? message.interactive?.list_reply?.id;
  if (tapped?.startsWith('v1|')) return tapped.slice(3).split('|');
  return (message.text?.body ?? '').trim().split(/\s+/);
};

export const answer = async (job, session, conclude) => {
  if (!job.message.text && !job.message.interactive) return undefined;
  const [command, ...rest] = words(job.message);
  // A number picks from the list shown last.
  const picked = session.shown?.[Number(command) - 1];
  if (picked) return detail(job, session, [picked]);
  const flow = COMMANDS[command.toLowerCase()] ?? menu;
  return flow(job, session, rest, conclude);
};
