import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '../../base/clock.ts';
import { ReplayLog } from './log.ts';
import { LITE, PRIVATE } from './position.ts';
import { Positions, RUNS_MAX } from './positions.ts';
import { PrivateLog } from './private-log.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() & 0x7fffffff);
const LIMITS = { bytesMax: 4_096, entriesMax: 256, ageMaxMs: 1_000, slabBytes: 1_024 };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (frame: Uint8Array | undefined): string | undefined => frame && new TextDecoder().decode(frame);

test('an entry is read back whole, and its lite variant where it has one', () => {
  const log = new ReplayLog(new ManualClock(), LIMITS);
  const plain = log.append(bytes('plain'), 5);
  const both = log.append(bytes('full-lite'), 4);
  assert.equal(text(log.frame(plain)), 'plain');
  assert.equal(text(log.frame(plain | LITE)), 'plain');
  assert.equal(text(log.frame(both)), 'full');
  assert.equal(text(log.frame(both | LITE)), '-lite');
  log.forgetViews();
  assert.equal(text(log.frame(both | LITE)), '-lite');
});

test('within a turn every receiver gets the same view of an entry', () => {
  const log = new ReplayLog(new ManualClock(), LIMITS);
  const position = log.append(bytes('event'), 5);
  assert.equal(log.frame(position), log.frame(position));
});

test(`the log never holds more bytes or entries than it may, and never answers with another's bytes (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_500 }), { maxLength: 600, size: 'max' }), (sizes) => {
      const log = new ReplayLog(new ManualClock(), LIMITS);
      const positions: number[] = [];
      for (const [i, size] of sizes.entries()) {
        positions.push(log.append(new Uint8Array(size).fill(i % 251), size));
        assert.ok(log.entries <= LIMITS.entriesMax);
        // One event may be longer than a slab, and stands alone then.
        assert.ok(log.bytes <= LIMITS.bytesMax + 1_500);
        if (i % 7 === 0) log.forgetViews();
      }
      const last = positions.at(-1);
      if (last !== undefined) assert.ok(log.has(last), 'the newest is there');
      let seen = false;
      for (const [i, position] of positions.entries()) {
        const frame = log.frame(position);
        assert.equal(frame !== undefined, log.has(position));
        if (frame === undefined) assert.ok(!seen, 'what fell out is the oldest');
        else {
          seen = true;
          assert.equal(frame.length, sizes[i]);
          assert.ok(frame.every((byte) => byte === i % 251));
        }
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('what is older than the log keeps goes, also on a quiet thread', () => {
  const clock = new ManualClock();
  const log = new ReplayLog(clock, LIMITS);
  const position = log.append(bytes('old'), 3);
  clock.advance(999);
  log.expire();
  assert.ok(log.has(position));
  clock.advance(2);
  log.expire();
  assert.ok(!log.has(position));
  assert.equal(log.bytes, 0);
});

test('the private log lets the oldest go beyond its bytes, and keeps the newest however long it is', () => {
  const log = new PrivateLog({ bytesMax: 100, entriesMax: 10 });
  const first = log.append(new Uint8Array(60));
  const second = log.append(new Uint8Array(60));
  assert.equal(log.frame(first), undefined);
  assert.equal(log.frame(second)?.length, 60);
  const huge = log.append(new Uint8Array(1_000));
  assert.equal(log.frame(huge)?.length, 1_000);
  assert.equal(log.entries, 1);
  log.release(huge);
  assert.equal(log.bytes, 0);
});

test(`positions behave as a plain queue (seed ${SEED})`, () => {
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ skip: fc.integer({ min: 0, max: 3 }), tag: fc.constantFrom(0, LITE) }) },
    { weight: 1, arbitrary: fc.record({ drop: fc.nat({ max: 10 }) }) },
    // Everything, as a client's heartbeat does: the ring goes and begins anew.
    { weight: 1, arbitrary: fc.record({ drop: fc.constant(10_000) }) },
    { weight: 1, arbitrary: fc.record({ own: fc.constant(true) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const own = new PrivateLog({ bytesMax: 1e6, entriesMax: 1e6 });
      const positions = new Positions();
      const model: number[] = [];
      let next = 0;
      for (const s of steps) {
        if ('drop' in s) {
          const n = Math.min(s.drop, model.length);
          positions.dropFirst(n, own);
          model.splice(0, n);
        } else {
          let position: number;
          if ('own' in s) position = own.append(new Uint8Array(1));
          else {
            next += s.skip;
            position = next | s.tag;
            next += 1;
          }
          positions.push(position);
          model.push(position);
        }
        assert.equal(positions.count, model.length);
        const out: number[] = [];
        positions.collectLast(Math.min(5, model.length), out);
        assert.deepEqual(out, model.slice(-5));
      }
      const all: number[] = [];
      positions.collectLast(positions.count, all);
      assert.deepEqual(all, model);
      assert.equal(
        own.entries,
        model.filter((position) => (position & PRIVATE) !== 0).length,
        'dropped own events are freed',
      );
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test('consecutive events cost a session no memory, and the worst is bounded', () => {
  const own = new PrivateLog();
  const positions = new Positions();
  for (let i = 0; i < 100_000; i += 1) positions.push(i);
  assert.equal(positions.bytes, 0);
  positions.dropFirst(positions.count, own);
  for (let i = 0; i < 50_000; i += 1) positions.push(200_000 + i * 2);
  assert.equal(positions.runs, RUNS_MAX);
  assert.equal(positions.bytes, RUNS_MAX * 8);
  assert.equal(positions.count, RUNS_MAX + 1);
  positions.dropFirst(positions.count, own);
  assert.equal(positions.bytes, 0);
});

test('positions that fell out of the log are forgotten up to the first that is still there', () => {
  const log = new ReplayLog(new ManualClock(), LIMITS);
  const own = new PrivateLog();
  const positions = new Positions();
  positions.push(log.append(new Uint8Array(900), 900));
  const mine = own.append(new Uint8Array(10));
  positions.push(mine);
  for (let i = 0; i < 3; i += 1) positions.push(log.append(new Uint8Array(900), 900));
  positions.dropFallen(log, own);
  assert.equal(positions.count, 5);
  positions.push(log.append(new Uint8Array(900), 900));
  positions.dropFallen(log, own);
  assert.equal(positions.count, 5, 'the first fell out; the private one behind it did not');
  for (let i = 0; i < 10; i += 1) log.append(new Uint8Array(900), 900);
  own.release(mine);
  positions.dropFallen(log, own);
  assert.equal(positions.count, 0);
});

test('5,000 sessions of a busy guild share the replay: megabytes, not gigabytes', () => {
  const log = new ReplayLog(new ManualClock());
  const sessions = Array.from({ length: 5_000 }, () => new Positions());
  const event = new Uint8Array(500);
  for (let i = 0; i < 800; i += 1) {
    const position = log.append(event, event.length);
    for (const session of sessions) session.push(position);
  }
  const bytes = log.bytes + sessions.reduce((sum, session) => sum + session.bytes, 0);
  assert.ok(bytes < 2 * 1024 * 1024, `${bytes} bytes for 800 unacknowledged events of 5,000 sessions`);
});
