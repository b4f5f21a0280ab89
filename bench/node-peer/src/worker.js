// One job, one message: lock its customer, read the session, answer, commit, send.
import { randomBytes } from 'node:crypto';
import { DelayedError, Worker } from 'bullmq';
import { answer } from './shop.js';
import { pool, prefix, queueName, redis, statement } from './stores.js';
import { enqueue } from './webhook.js';
import { send } from './whatsapp.js';

const CONCURRENCY = 32;
const LOCK_MS = 15_000;
const LOCKED_RETRY_MS = 20;
const SESSION_S = 1_800;
const SWEEP_MS = 5_000;

// The reply, and the message done with it: one statement, one commit.
const concludeWith = statement(
  'conclude',
  `WITH done AS (
       UPDATE message SET done_at = now() WHERE wamid = $1 AND done_at IS NULL RETURNING wamid, wa_id
   )
   INSERT INTO reply (message, wa_id, payload) SELECT wamid, wa_id, $2 FROM done
   RETURNING id, wa_id, payload`,
);
const concludeSilently = statement('silent', 'UPDATE message SET done_at = now() WHERE wamid = $1');
const unsent = statement(
  'unsent',
  `SELECT m.done_at IS NOT NULL AS done, r.id, r.wa_id, r.payload
   FROM message m LEFT JOIN reply r ON r.message = m.wamid AND r.sent_at IS NULL
   WHERE m.wamid = $1`,
);
const markSent = statement('sent', 'UPDATE reply SET wamid = $2, sent_at = now() WHERE id = $1');
const forgotten = statement(
  'forgotten',
  `SELECT wamid, customer_id, wa_id, payload FROM message
   WHERE done_at IS NULL AND received_at < now() - interval '10 seconds' ORDER BY received_at LIMIT 500`,
);

const deliver = async (reply) => markSent(pool, reply.id, await send(reply));

const turn = async (data) => {
  const key = `session:${data.waId}`;
  const session = JSON.parse((await redis.get(key)) ?? '{}');
  const conclude = async (client, payload) =>
    (await concludeWith(client, data.wamid, payload)).rows[0];
  const given = await answer(data, session, conclude);
  if (!given) return concludeSilently(pool, data.wamid);
  const reply = given.committed ?? (await conclude(pool, given));
  const [sent] = await Promise.all([
    reply && deliver(reply),
    redis.set(key, JSON.stringify(session), 'EX', SESSION_S),
  ]);
  return sent;
};

const work = async (job, token) => {
  const data = job.data;
  const lock = `lock:${data.waId}`;
  const mine = randomBytes(12).toString('base64');
  if (!(await redis.set(lock, mine, 'PX', LOCK_MS, 'NX'))) {
    // https://docs.bullmq.io/patterns/process-step-jobs#delaying
    await job.moveToDelayed(Date.now() + LOCKED_RETRY_MS, token);
    throw new DelayedError();
  }
  try {
    if (job.attemptsMade > 0) {
      // Tried before: what was committed is only sent again.
      const before = (await unsent(pool, data.wamid)).rows[0];
      if (before.done) return before.id && (await deliver(before));
    }
    await turn(data);
  } finally {
    await redis.unlock(lock, mine);
  }
};

export const start = () => {
  // https://docs.bullmq.io/guide/workers/concurrency: many at once for work that waits on others.
  const worker = new Worker(queueName, work, {
    connection: redis,
    prefix,
    concurrency: CONCURRENCY,
  });
  // https://docs.bullmq.io/guide/going-to-production: without a listener an error ends the process.
  worker.on('error', (error) => console.error('worker:', error.message));
  worker.on('failed', (job, error) => console.error('job failed:', error.message));
  // A process that dies between its commit and the queue leaves messages that nobody has queued.
  const sweep = setInterval(async () => {
    try {
      const { rows } = await forgotten(pool);
      if (rows.length) await enqueue(rows);
    } catch (error) {
      console.error('sweep:', error.message);
    }
  }, SWEEP_MS);
  return {
    stop: async () => {
      clearInterval(sweep);
      await worker.close();
    },
  };
};
