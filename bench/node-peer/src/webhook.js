// Meta's webhook: signature over the raw bytes, dedupe in PostgreSQL, then 200, then the queue.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { config } from './config.js';
import { pool, queue, statement } from './stores.js';

const RANK = { sent: 1, delivered: 2, read: 3, failed: 4 };

const keep = statement(
  'keep',
  `WITH given AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
           AS g (wamid, wa_id, name, payload)
   ), known AS (
       INSERT INTO customer (wa_id, name) SELECT DISTINCT ON (wa_id) wa_id, name FROM given
       ON CONFLICT (wa_id) DO NOTHING RETURNING id, wa_id
   )
   INSERT INTO message (wamid, customer_id, wa_id, payload)
   SELECT g.wamid, coalesce(k.id, c.id), g.wa_id, g.payload
   FROM given g LEFT JOIN known k USING (wa_id) LEFT JOIN customer c USING (wa_id)
   ON CONFLICT (wamid) DO NOTHING
   RETURNING wamid, customer_id, wa_id, payload`,
);
const settle = statement(
  'settle',
  `UPDATE reply r SET status = g.status
   FROM (SELECT id, max(status) AS status
         FROM unnest($1::bigint[], $2::smallint[]) AS u (id, status) GROUP BY id) g
   WHERE r.id = g.id AND r.status < g.status`,
);

export const isSigned = (raw, header) => {
  const given = Buffer.from(header?.startsWith('sha256=') ? header.slice(7) : '', 'hex');
  const right = createHmac('sha256', config.whatsapp.appSecret).update(raw).digest();
  return given.length === right.length && timingSafeEqual(given, right);
};

export const handshake = (request, response) => {
  const query = request.query;
  if (query['hub.mode'] !== 'subscribe' || query['hub.verify_token'] !== config.whatsapp.verifyToken) {
    return response.sendStatus(403);
  }
  return response.type('text/plain').send(query['hub.challenge']);
};

export const receive = async (request, response) => {
  if (!isSigned(request.body, request.get('x-hub-signature-256'))) return response.sendStatus(401);
  const values = JSON.parse(request.body)
    .entry.flatMap((entry) => entry.changes)
    .map((change) => change.value);
  const messages = values.flatMap((value) =>
    (value.messages ?? []).map((message) => ({
      message,
      name: value.contacts?.[0]?.profile?.name ?? '',
    })),
  );
  const statuses = values
    .flatMap((value) => value.statuses ?? [])
    .filter((status) => status.biz_opaque_callback_data && RANK[status.status]);
  const [kept] = await Promise.all([
    messages.length &&
      keep(
        pool,
        messages.map(({ message }) => message.id),
        messages.map(({ message }) => message.from),
        messages.map(({ name }) => name),
        messages.map(({ message }) => message),
      ),
    statuses.length &&
      settle(
        pool,
        statuses.map((status) => status.biz_opaque_callback_data),
        statuses.map((status) => RANK[status.status]),
      ),
  ]);
  if (kept && kept.rows.length) await enqueue(kept.rows);
  return response.sendStatus(200);
};

// https://docs.bullmq.io/guide/queues/adding-bulks; the id of a job keeps it from being added twice
// (https://docs.bullmq.io/guide/jobs/job-ids), which may not hold a colon.
export const enqueue = (rows) =>
  queue.addBulk(
    rows.map((row) => ({
      name: 'message',
      data: { wamid: row.wamid, customer: row.customer_id, waId: row.wa_id, message: row.payload },
      opts: { jobId: row.wamid.replaceAll(':', '_') },
    })),
  );
