import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { ManualClock } from '../../base/clock.ts';
import { bucketHash, createRateLimitTable, GLOBAL_REQUESTS, limitOf, RateLimiter, SLOTS } from './rate-limits.ts';

const START_MS = 1_700_000_000_000;
const LIMIT = { name: 'test', requests: 3, windowMs: 5000 };

function limiter(slots = SLOTS, enforced = true) {
  const clock = new ManualClock(START_MS);
  const table = createRateLimitTable(slots);
  return { clock, table, limits: new RateLimiter(table, clock, enforced) };
}

test('a window opens with the first request, counts down, stands still, and ends', () => {
  const { clock, limits } = limiter();
  const first = limits.take(LIMIT, '1', 'a');
  assert.deepEqual(first, { allowed: true, limit: 3, remaining: 2, resetAfterMs: 5000, resetAtMs: START_MS + 5000 });
  clock.advance(1000);
  assert.equal(limits.take(LIMIT, '1', 'a').remaining, 1);
  const third = limits.take(LIMIT, '1', 'a');
  assert.deepEqual(third, { allowed: true, limit: 3, remaining: 0, resetAfterMs: 4000, resetAtMs: START_MS + 5000 });
  clock.advance(3999);
  assert.deepEqual(limits.take(LIMIT, '1', 'a'), { ...third, allowed: false, resetAfterMs: 1 });
  clock.advance(1);
  const next = limits.take(LIMIT, '1', 'a');
  assert.deepEqual(next, { ...first, resetAtMs: START_MS + 10_000 });
  assert.equal(limits.stats().refused, 1);
});

test('accounts, major parameters and routes have buckets of their own', () => {
  const { limits } = limiter();
  for (let i = 0; i < 3; i += 1) assert.ok(limits.take(LIMIT, '1', 'a').allowed);
  assert.ok(!limits.take(LIMIT, '1', 'a').allowed);
  assert.ok(limits.take(LIMIT, '2', 'a').allowed);
  assert.ok(limits.take(LIMIT, '1', 'b').allowed);
  assert.ok(limits.take({ ...LIMIT, name: 'other' }, '1', 'a').allowed);
});

test('an account has 50 requests a second overall', () => {
  const { clock, limits } = limiter();
  for (let i = 0; i < GLOBAL_REQUESTS; i += 1) assert.ok(limits.takeGlobal('a').allowed);
  assert.ok(!limits.takeGlobal('a').allowed);
  assert.ok(limits.takeGlobal('b').allowed);
  clock.advance(1000);
  assert.ok(limits.takeGlobal('a').allowed);
});

test('a configured number of requests a second counts, also a very large one', () => {
  const clock = new ManualClock(START_MS);
  const limits = new RateLimiter(createRateLimitTable(SLOTS), clock, true, 1_000_000);
  for (let i = 0; i < 5000; i += 1) assert.ok(limits.takeGlobal('a').allowed);
  assert.equal(limits.takeGlobal('a').remaining, 1_000_000 - 5001);
});

test('off lets everything through, with headers that hold nobody back', () => {
  const { limits } = limiter(SLOTS, false);
  for (let i = 0; i < 10; i += 1) {
    assert.deepEqual(limits.take(LIMIT, '1', 'a'), {
      allowed: true,
      limit: 1_048_575,
      remaining: 1_048_574,
      resetAfterMs: 5000,
      resetAtMs: START_MS + 5000,
    });
  }
});

test('a wall clock that steps back locks nobody out', () => {
  const { clock, limits } = limiter();
  clock.advance(60_000);
  for (let i = 0; i < 4; i += 1) limits.take(LIMIT, '1', 'a');
  clock.step(-30_000);
  const verdict = limits.take(LIMIT, '1', 'a');
  assert.ok(verdict.allowed);
  assert.ok(verdict.resetAfterMs <= 5000);
  clock.step(-3_600_000);
  assert.ok(limits.take(LIMIT, '1', 'a').allowed);
});

test('a full table takes over the window that ends first, and says so', () => {
  const { clock, limits } = limiter(16);
  for (let i = 0; i < 16; i += 1) {
    limits.take(LIMIT, String(i), 'a');
    clock.advance(10);
  }
  assert.equal(limits.stats().takeovers, 0);
  assert.ok(limits.take(LIMIT, 'new', 'a').allowed);
  assert.equal(limits.stats().takeovers, 1);
  // The last opened are still counted.
  assert.equal(limits.take(LIMIT, '15', 'a').remaining, 1);
  clock.advance(10_000);
  limits.take(LIMIT, 'later', 'a');
  assert.equal(limits.stats().takeovers, 1);
});

test('the table allows exactly what a plain map of windows would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.integer({ min: 0, max: 5 }), ms: fc.integer({ min: 0, max: 3000 }) }), {
        maxLength: 200,
      }),
      (steps) => {
        const { clock, limits } = limiter();
        const windows = new Map<number, { ends: number; count: number }>();
        for (const { key, ms } of steps) {
          clock.advance(ms);
          const now = clock.nowMs();
          let window = windows.get(key);
          if (window === undefined || window.ends <= now) window = { ends: now + LIMIT.windowMs, count: 0 };
          windows.set(key, window);
          const allowed = window.count < LIMIT.requests;
          if (allowed) window.count += 1;
          const verdict = limits.take(LIMIT, String(key), 'a');
          assert.equal(verdict.allowed, allowed);
          assert.equal(verdict.remaining, LIMIT.requests - window.count);
          assert.equal(verdict.resetAtMs, window.ends);
        }
      },
    ),
  );
});

test('threads share the buckets: together they get what one would', { timeout: 19_000 }, async () => {
  const table = createRateLimitTable(SLOTS);
  const workers = [0, 1].map(
    () =>
      new Worker(new URL('./rate-limits.worker.test-helper.ts', import.meta.url), {
        workerData: { table, startMs: START_MS, tries: 400, keys: 20 },
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const results = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.postMessage('go');
  const counts = (await Promise.all(results)).map(([counts]) => counts as number[]);
  for (let key = 0; key < 20; key += 1) assert.equal((counts[0]?.[key] ?? 0) + (counts[1]?.[key] ?? 0), 100);
});

test('routes without a limit of their own get one; a bucket’s name tells nothing', () => {
  const of = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string) => limitOf({ method, path });
  assert.equal(of('POST', '/channels/:channel_id/messages').requests, 10);
  assert.notEqual(
    of('DELETE', '/channels/:channel_id/messages/:message_id').name,
    of('POST', '/channels/:channel_id/messages').name,
  );
  assert.equal(of('PUT', '/channels/:channel_id/messages/:message_id/reactions/:emoji/@me').name, 'reaction');
  assert.match(bucketHash(of('GET', '/guilds/:guild_id')), /^[0-9a-f]{32}$/);
  assert.notEqual(bucketHash(of('GET', '/guilds/:guild_id')), bucketHash(of('POST', '/guilds')));
  const own = { name: 'own', requests: 1, windowMs: 1 };
  assert.equal(limitOf({ method: 'GET', path: '/x', limit: own }), own);
});
