// The timers of one thread: a hierarchical wheel of 1 ms ticks (4 levels of 64 slots, 4.6 hours; what is later waits in the
// last slot and is placed again). Inserting and cancelling are O(1) and allocate nothing but the node, because every call
// sets one and nearly every call cancels it. One setTimeout of the host serves them all; with a manual clock none does, and
// the test advances.
//
//   level 0: 64 x 1 ms   level 1: 64 x 64 ms   level 2: 64 x 4,096 ms   level 3: 64 x 262,144 ms

import type { Clock } from '../base/clock.ts';
import { assert } from '../base/assert.ts';

/** Timers a thread holds, pending calls included; about 100 MB. Beyond it `schedule` throws, which ends the actor that asked. */
export const TIMERS_MAX = 1_000_000;

const BITS = 6;
const SLOTS = 1 << BITS;
const LEVELS = 4;
const SPAN = SLOTS ** LEVELS;

/** One timer; extended by whatever it fires. Linked into its slot's ring while `at` is set. */
export abstract class TimerNode {
  /** Tick it is due, or -1 when not scheduled. */
  at = -1;
  prev: TimerNode | null = null;
  next: TimerNode | null = null;
  slot = -1;
  abstract fire(): void;
}

export class TimerWheel {
  readonly #clock: Clock;
  /** First and last of each slot: a slot keeps the order in which its timers were set, and so does a tick. */
  readonly #slots: (TimerNode | null)[] = new Array<TimerNode | null>(SLOTS * LEVELS).fill(null);
  readonly #lasts: (TimerNode | null)[] = new Array<TimerNode | null>(SLOTS * LEVELS).fill(null);
  readonly #onError: (error: unknown) => void;
  readonly #real: boolean;
  /** Every tick up to this one has fired. */
  #tick: number;
  #count = 0;
  #host: NodeJS.Timeout | null = null;
  #hostAt = Number.POSITIVE_INFINITY;
  #hostHeld = true;
  #firing = false;
  #closed = false;

  /** `real`: armed by the host's setTimeout; otherwise someone calls `advance`. */
  constructor(clock: Clock, real: boolean, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#real = real;
    this.#onError = onError;
    this.#tick = Math.floor(clock.monotonicMs());
  }

  get count(): number {
    return this.#count;
  }

  /** Fires `node` after `ms`, never early. */
  schedule(node: TimerNode, ms: number): void {
    assert(node.at < 0, 'timer scheduled twice');
    assert(this.#count < TIMERS_MAX, `more than ${TIMERS_MAX} timers`);
    assert(ms >= 0, `timer of ${ms} ms`);
    const now = this.#clock.monotonicMs();
    // With no timer left the wheel may stand still: nothing to fire in between.
    if (this.#count === 0 && !this.#firing) this.#tick = Math.max(this.#tick, Math.floor(now));
    node.at = Math.max(Math.ceil(now + ms), this.#tick + 1);
    this.#place(node);
    this.#count += 1;
    if (this.#real) this.#arm(node);
  }

  cancel(node: TimerNode): void {
    if (node.at < 0) return;
    this.#unlink(node);
    node.at = -1;
    this.#count -= 1;
  }

  /** Fires what is due. Answers how many fired. */
  advance(): number {
    const now = Math.floor(this.#clock.monotonicMs());
    let fired = 0;
    this.#firing = true;
    try {
      while (this.#tick < now && this.#count > 0) {
        const next = this.#nextTick();
        if (next > now) break;
        this.#tick = next;
        fired += this.#runTick(next);
      }
    } finally {
      this.#firing = false;
    }
    // What is left is due later, and no slot with content begins before `now`: the loop would have run it.
    if (this.#tick < now) this.#tick = now;
    return fired;
  }

  /** Milliseconds from now to the next moment with work, Infinity when there is none. */
  nextInMs(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#nextTick() - this.#clock.monotonicMs());
  }

  /** Called when the thread falls idle: a host timer that serves nobody must not hold the process. */
  settle(): void {
    if (this.#count > 0 || this.#host === null || !this.#hostHeld) return;
    this.#host.unref();
    this.#hostHeld = false;
  }

  close(): void {
    this.#closed = true;
    if (this.#host !== null) clearTimeout(this.#host);
    this.#host = null;
    this.#hostAt = Number.POSITIVE_INFINITY;
  }

  #runTick(tick: number): number {
    // Cascade from above first: what is due in this tick may still sit in a coarse slot.
    for (let level = LEVELS - 1; level > 0; level -= 1) {
      if (tick % SLOTS ** level === 0) this.#cascade(level * SLOTS + (Math.floor(tick / SLOTS ** level) & (SLOTS - 1)));
    }
    const slot = tick & (SLOTS - 1);
    let fired = 0;
    for (
      let node = this.#slots[slot] as TimerNode | null;
      node !== null;
      node = this.#slots[slot] as TimerNode | null
    ) {
      assert(node.at === tick, `timer due at ${node.at} met at ${tick}`);
      this.cancel(node);
      fired += 1;
      try {
        node.fire();
      } catch (error) {
        this.#onError(error);
      }
    }
    return fired;
  }

  #cascade(slot: number): void {
    let node = this.#slots[slot] as TimerNode | null;
    this.#slots[slot] = null;
    this.#lasts[slot] = null;
    while (node !== null) {
      const next: TimerNode | null = node.next;
      node.prev = null;
      node.next = null;
      this.#place(node);
      node = next;
    }
  }

  #place(node: TimerNode): void {
    // The level is that of the highest digit in which due time and present differ: then the slot's turn comes exactly once.
    const ahead = node.at - this.#tick;
    let slot: number;
    if (ahead <= 0) slot = node.at & (SLOTS - 1);
    else if (ahead >= SPAN - SPAN / SLOTS) {
      slot = (LEVELS - 1) * SLOTS + ((Math.floor(this.#tick / SLOTS ** (LEVELS - 1)) + SLOTS - 1) & (SLOTS - 1));
    } else {
      let level = 0;
      let unit = 1;
      while (level < LEVELS - 1 && Math.floor(node.at / (unit * SLOTS)) !== Math.floor(this.#tick / (unit * SLOTS))) {
        level += 1;
        unit *= SLOTS;
      }
      slot = level * SLOTS + (Math.floor(node.at / unit) & (SLOTS - 1));
    }
    const last = this.#lasts[slot] as TimerNode | null;
    node.slot = slot;
    node.next = null;
    node.prev = last;
    if (last === null) this.#slots[slot] = node;
    else last.next = node;
    this.#lasts[slot] = node;
  }

  #unlink(node: TimerNode): void {
    if (node.prev === null) this.#slots[node.slot] = node.next;
    else node.prev.next = node.next;
    if (node.next === null) this.#lasts[node.slot] = node.prev;
    else node.next.prev = node.prev;
    node.prev = null;
    node.next = null;
  }

  /** The next tick at which a slot has content: exact on level 0, the slot's beginning above. */
  #nextTick(): number {
    let best = Number.POSITIVE_INFINITY;
    let unit = 1;
    for (let level = 0; level < LEVELS; level += 1, unit *= SLOTS) {
      const here = Math.floor(this.#tick / unit);
      for (let step = 1; step < SLOTS; step += 1) {
        if (this.#slots[level * SLOTS + ((here + step) & (SLOTS - 1))] === null) continue;
        best = Math.min(best, (here + step) * unit);
        break;
      }
    }
    return best;
  }

  #arm(node: TimerNode): void {
    if (!this.#hostHeld && this.#host !== null) {
      this.#host.ref();
      this.#hostHeld = true;
    }
    if (node.at < this.#hostAt && !this.#firing) this.#setHost();
  }

  #setHost(): void {
    if (this.#closed) return;
    const inMs = this.nextInMs();
    if (this.#host !== null) clearTimeout(this.#host);
    this.#host = null;
    this.#hostAt = Number.POSITIVE_INFINITY;
    if (inMs === Number.POSITIVE_INFINITY) return;
    // A long way off the host is asked once in between, which costs nothing and keeps within its 31 bits.
    const wait = Math.min(Math.ceil(inMs), 0x7fff_fff0);
    this.#hostAt = this.#clock.monotonicMs() + wait;
    this.#hostHeld = true;
    this.#host = setTimeout(this.#onHost, wait);
  }

  readonly #onHost = (): void => {
    this.#host = null;
    this.#hostAt = Number.POSITIVE_INFINITY;
    this.advance();
    this.#setHost();
  };
}
