// The shop as one process: webhooks and the worker. Run one a core.
import express from 'express';
import { config } from './src/config.js';
import { pool, queue, redis } from './src/stores.js';
import { handshake, receive } from './src/webhook.js';
import { start } from './src/worker.js';

// https://expressjs.com/en/advanced/best-practice-performance.html: NODE_ENV=production, which who
// starts it sets; no header and no hash that nobody reads.
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.get('/readyz', (request, response) => response.sendStatus(200));
app.get('/webhooks/whatsapp', handshake);
// The signature covers the bytes: https://expressjs.com/en/api.html#express.raw
app.post('/webhooks/whatsapp', express.raw({ type: () => true, limit: '3mb' }), receive);
app.use((error, request, response, next) => {
  console.error('webhook:', error.message);
  response.sendStatus(503);
});

const worker = start();
const server = app.listen(config.port, '127.0.0.1');
// https://nodejs.org/api/http.html#serverkeepalivetimeout: longer than whoever calls us keeps an
// idle connection, so that no request meets a closing one.
server.keepAliveTimeout = 65_000;

process.once('SIGTERM', async () => {
  server.close();
  server.closeIdleConnections();
  await worker.stop();
  await queue.close();
  await pool.end();
  redis.disconnect();
  process.exit(0);
});
