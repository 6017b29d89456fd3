// One of several threads that use up the same buckets; says how many of its requests were allowed.

import { parentPort, workerData } from 'node:worker_threads';
import { ManualClock } from '../../base/clock.ts';
import { RateLimiter } from './rate-limits.ts';

const { table, startMs, tries, keys } = workerData as {
  table: SharedArrayBuffer;
  startMs: number;
  tries: number;
  keys: number;
};
const limiter = new RateLimiter(table, new ManualClock(startMs), true);
const allowed = new Array<number>(keys).fill(0);
parentPort?.postMessage('ready');
parentPort?.once('message', () => {
  for (let i = 0; i < tries; i += 1) {
    for (let key = 0; key < keys; key += 1) {
      const { allowed: yes } = limiter.take(
        { name: 'shared', requests: 100, windowMs: 60_000 },
        `channel ${key}`,
        'account',
      );
      if (yes) allowed[key] = (allowed[key] ?? 0) + 1;
    }
  }
  parentPort?.postMessage(allowed);
  parentPort?.close();
});
