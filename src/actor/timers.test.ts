import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock, systemClock } from '../base/clock.ts';
import { TimerNode, TimerWheel } from './timers.ts';

class Probe extends TimerNode {
  readonly #fired: (probe: Probe) => void;
  constructor(fired: (probe: Probe) => void) {
    super();
    this.#fired = fired;
  }
  override fire(): void {
    this.#fired(this);
  }
}

function rethrow(error: unknown): void {
  throw error;
}

test('timers fire once, in their tick, never early, and cancelled ones never (model)', () => {
  const delay = fc.oneof(fc.nat(70), fc.nat(5_000), fc.nat(400_000), fc.integer({ min: 16_000_000, max: 40_000_000 }));
  const step = fc.oneof(
    fc.record({ op: fc.constant('set' as const), ms: delay }),
    fc.record({ op: fc.constant('cancel' as const), pick: fc.nat() }),
    fc.record({ op: fc.constant('advance' as const), ms: delay }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (steps, fraction) => {
      const clock = new ManualClock();
      clock.advance(fraction);
      const wheel = new TimerWheel(clock, false, rethrow);
      const due = new Map<Probe, number>();
      const late: string[] = [];
      const fire = (probe: Probe): void => {
        const at = due.get(probe);
        if (at === undefined || at > clock.monotonicMs()) late.push(`fired at ${clock.monotonicMs()}, due ${at}`);
        due.delete(probe);
      };
      for (const each of steps) {
        if (each.op === 'set') {
          const probe = new Probe(fire);
          due.set(probe, clock.monotonicMs() + each.ms);
          wheel.schedule(probe, each.ms);
        } else if (each.op === 'cancel') {
          const probe = [...due.keys()][each.pick % Math.max(1, due.size)];
          if (probe === undefined) continue;
          wheel.cancel(probe);
          due.delete(probe);
        } else {
          clock.advance(each.ms);
          wheel.advance();
          for (const at of due.values()) assert.ok(at > clock.monotonicMs() - 1, `missed: due ${at}`);
        }
        assert.equal(wheel.count, due.size);
        if (due.size > 0) assert.ok(wheel.nextInMs() <= Math.min(...due.values()) - clock.monotonicMs() + 1);
      }
      assert.deepEqual(late, []);
      clock.advance(100_000_000);
      wheel.advance();
      assert.equal(wheel.count, 0);
    }),
    { numRuns: 300, verbose: 1 },
  );
});

test('timers of different ticks fire in the order of their ticks, also in one long advance', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, false, rethrow);
  const order: number[] = [];
  for (const ms of [5_000_000, 3, 70, 64, 4_096, 1, 300_000, 65]) wheel.schedule(new Probe(() => order.push(ms)), ms);
  clock.advance(6_000_000);
  wheel.advance();
  assert.deepEqual(order, [1, 3, 64, 65, 70, 4_096, 300_000, 5_000_000]);
});

test('timers of one tick fire in the order in which they were set, also when some waited in a coarse slot', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, false, rethrow);
  const order: string[] = [];
  for (const name of ['a', 'b']) wheel.schedule(new Probe(() => order.push(name)), 300);
  clock.advance(290);
  wheel.advance();
  for (const name of ['c', 'd']) wheel.schedule(new Probe(() => order.push(name)), 10);
  clock.advance(10);
  wheel.advance();
  assert.deepEqual(order, ['a', 'b', 'c', 'd']);
});

test('a timer that fires may set others and cancel others of the same tick', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, false, rethrow);
  const fired: string[] = [];
  const victim = new Probe(() => fired.push('victim'));
  wheel.schedule(
    new Probe(() => {
      wheel.cancel(victim);
      wheel.schedule(new Probe(() => fired.push('again')), 10);
    }),
    5,
  );
  wheel.schedule(victim, 5);
  clock.advance(5);
  wheel.advance();
  assert.deepEqual(fired, []);
  clock.advance(10);
  wheel.advance();
  assert.deepEqual(fired, ['again']);
});

test('one that throws does not keep the others from firing', () => {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const wheel = new TimerWheel(clock, false, (error) => errors.push(error));
  let fired = 0;
  for (let i = 0; i < 3; i += 1) {
    wheel.schedule(
      new Probe(() => {
        fired += 1;
        if (i === 1) throw new Error('no');
      }),
      1,
    );
  }
  clock.advance(1);
  wheel.advance();
  assert.equal(fired, 3);
  assert.equal(errors.length, 1);
});

test('with the system clock the host fires them', async () => {
  const wheel = new TimerWheel(systemClock, true, rethrow);
  const from = performance.now();
  const took = await new Promise<number>((resolve) => {
    wheel.schedule(new Probe(() => resolve(performance.now() - from)), 30);
    const never = new Probe(() => assert.fail('cancelled'));
    wheel.schedule(never, 5);
    wheel.cancel(never);
  });
  assert.ok(took >= 30, `fired after ${took} ms`);
  wheel.close();
});
