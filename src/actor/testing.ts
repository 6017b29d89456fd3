// A node of several runtimes in one JavaScript thread, for tests: real rings, real records, a clock held in the hand. What is
// sent from one "thread" to another is encoded and decoded as in production, so a test sees what a worker would see.

import { ManualClock } from '../base/clock.ts';
import { assert } from '../base/assert.ts';
import { createRing, RingReader, RingWriter } from './ring.ts';
import { ThreadRuntime } from './runtime.ts';
import type { LogEvent } from './runtime.ts';
import type { ThreadInfo } from './types.ts';

/** Trips through the event loop without any work after which the node counts as settled. */
const QUIET_TRIPS = 3;
/** A node that is still busy after this many trips is in a loop. */
const SETTLE_TRIPS_MAX = 100_000;

export interface TestNodeOptions {
  /** Kinds and how many; main is thread 0 always. Default: one thread, main. */
  readonly threads?: readonly { readonly kind: string; readonly count?: number }[];
  readonly clock?: ManualClock;
  readonly ringBytes?: number;
}

export class TestNode {
  readonly clock: ManualClock;
  /** By thread index. */
  readonly runtimes: ThreadRuntime[] = [];
  /** Everything logged: crashes, dead letters. */
  readonly logged: LogEvent[] = [];
  readonly #awake = new Set<number>();
  #pollArmed = false;

  constructor(options: TestNodeOptions = {}) {
    this.clock = options.clock ?? new ManualClock();
    const topology: ThreadInfo[] = [{ index: 0, kind: 'main' }];
    for (const { kind, count } of options.threads ?? []) {
      for (let i = 0; i < (count ?? 1); i += 1) topology.push({ index: topology.length, kind });
    }
    for (const { index, kind } of topology) {
      this.runtimes.push(
        new ThreadRuntime({
          thread: index,
          kind,
          topology,
          clock: this.clock,
          realTimers: false,
          log: (event) => this.logged.push(event),
          wake: (thread) => this.#wake(thread),
        }),
      );
    }
    const bytes = options.ringBytes ?? 256 * 1024;
    for (const a of this.runtimes) {
      for (const b of this.runtimes) {
        if (a.thread >= b.thread) continue;
        const ab = createRing(bytes);
        const ba = createRing(bytes);
        a.links.attach(b.thread, new RingWriter(ab), new RingReader(ba));
        b.links.attach(a.thread, new RingWriter(ba), new RingReader(ab));
      }
    }
  }

  runtime(thread: number): ThreadRuntime {
    const runtime = this.runtimes[thread];
    assert(runtime !== undefined, `no thread ${thread}`);
    return runtime;
  }

  /** The `nth` runtime of a kind. */
  of(kind: string, nth = 0): ThreadRuntime {
    const runtime = this.runtimes.filter((each) => each.kind === kind)[nth];
    assert(runtime !== undefined, `no ${kind} thread ${nth}`);
    return runtime;
  }

  /** Resolves when no actor has mail, no ring a record, and some trips through the event loop brought nothing new. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let trip = 0; quiet < QUIET_TRIPS; trip += 1) {
      assert(trip < SETTLE_TRIPS_MAX, 'the node does not settle');
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.#isBusy() ? 0 : quiet + 1;
    }
  }

  /** Moves the clock on, firing each timer at its own moment, and settles after each. */
  async advance(ms: number): Promise<void> {
    await this.settle();
    let left = ms;
    while (true) {
      const next = Math.min(...this.runtimes.map(({ timers }) => timers.nextInMs()));
      if (next > left) break;
      this.clock.advance(next);
      left -= next;
      for (const runtime of this.runtimes) runtime.advanceTimers();
      await this.settle();
    }
    this.clock.advance(left);
    for (const runtime of this.runtimes) runtime.advanceTimers();
    await this.settle();
  }

  /** As when a thread dies and is replaced: its calls fail, the others are told. The runtime itself stays to be looked at. */
  cut(thread: number): void {
    for (const runtime of this.runtimes) {
      if (runtime.thread === thread) continue;
      runtime.detach(thread);
      runtime.threadChanged(thread, false);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.runtimes.map((runtime) => runtime.shutdown()));
  }

  #isBusy(): boolean {
    return this.#pollArmed || this.runtimes.some((runtime) => !runtime.scheduler.isIdle || runtime.links.hasRecords());
  }

  #wake(thread: number): void {
    this.#awake.add(thread);
    if (this.#pollArmed) return;
    this.#pollArmed = true;
    setImmediate(() => {
      this.#pollArmed = false;
      const awake = [...this.#awake];
      this.#awake.clear();
      for (const index of awake) if (this.runtime(index).poll()) this.#wake(index);
    });
  }
}

export function testNode(options?: TestNodeOptions): TestNode {
  return new TestNode(options);
}
