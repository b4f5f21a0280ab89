// PostgreSQL, Redis Cluster and the queue.
import { Queue } from 'bullmq';
import { Cluster } from 'ioredis';
import pg from 'pg';
import { config } from './config.js';

// https://node-postgres.com/apis/pool: one pool a process; `max` above the default of 10, because
// 32 jobs share it, and far below PostgreSQL's 100 connections.
export const pool = new pg.Pool({
  connectionString: config.databaseUrl,
  max: 20,
  idleTimeoutMillis: 30_000,
});
// https://node-postgres.com/features/pooling: an idle client may fail; unheard, it ends the process.
pool.on('error', (error) => console.error('idle database client:', error.message));

// https://node-postgres.com/features/queries#prepared-statements: a named statement is parsed and
// planned once a connection.
export const statement = (name, text) => (client, ...values) => client.query({ name, text, values });

export const redis = new Cluster(config.redisNodes, {
  // https://github.com/redis/ioredis#autopipelining: commands of one tick leave together.
  enableAutoPipelining: true,
  // https://docs.bullmq.io/guide/going-to-production: a worker waits for Redis, it does not give up.
  redisOptions: { maxRetriesPerRequest: null },
});
redis.on('error', (error) => console.error('redis:', error.message));

// https://docs.bullmq.io/bull/patterns/redis-cluster: one hash tag, as BullMQ's scripts touch
// several keys at once.
export const prefix = '{shop}';
export const queueName = 'messages';
export const queue = new Queue(queueName, {
  connection: redis,
  prefix,
  defaultJobOptions: {
    // https://docs.bullmq.io/guide/queues/auto-removal-of-jobs
    removeOnComplete: true,
    removeOnFail: { count: 1_000 },
    // https://docs.bullmq.io/guide/retrying-failing-jobs
    attempts: 8,
    backoff: { type: 'exponential', delay: 100 },
  },
});

// https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/: let go of one's own lock
// only.
redis.defineCommand('unlock', {
  numberOfKeys: 1,
  lua: `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`,
});
// https://redis.io/docs/latest/commands/incr/#pattern-rate-limiter: count and expiry in one step.
redis.defineCommand('charge', {
  numberOfKeys: 1,
  lua: `local n = redis.call('incr', KEYS[1])
if n == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end
return n`,
});
