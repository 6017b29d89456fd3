// The positions of the events a session was given and has not acknowledged, oldest first, as runs of consecutive numbers.
// The sessions of one busy guild get the same entries one after another, so the usual session holds a single run and a
// delivery is one increment.
//
//   ring   (start, length) (start, length) ...      tail  [tailStart, tailEnd)
//          ^ head: oldest                                  newest
//
// The ring grows from nothing, doubles, and goes when it is empty. When it is full the oldest run is forgotten: a RESUME from
// before it gets op 9.

import { assert } from '../../base/assert.ts';
import type { ReplayLog } from './log.ts';
import { distance, NUMBER_MASK, PRIVATE } from './position.ts';
import type { PrivateLog } from './private-log.ts';

/**
 * Runs before the tail: 4,096 runs are 32 KB, the worst a session can cost. They are at least 4,096 events, four times what Discord
 * is known to replay.
 */
export const RUNS_MAX = 4_096;
const RUNS_MIN = 4;

export class Positions {
  tailStart = 0;
  tailEnd = 0;
  /** Positions in all, the tail's included. */
  count = 0;
  #ring: Int32Array | null = null;
  #head = 0;
  #runs = 0;

  /** Hot. `position` is the next event's; the numbers of a thread only rise. */
  push(position: number): void {
    this.count += 1;
    if (position === this.tailEnd) this.tailEnd = position + 1;
    else this.#startRun(position);
  }

  get runs(): number {
    return this.#runs;
  }

  /** Bytes beyond the object itself. */
  get bytes(): number {
    return this.#ring?.byteLength ?? 0;
  }

  #startRun(position: number): void {
    const length = this.tailEnd - this.tailStart;
    if (length > 0) this.#store(this.tailStart, length);
    this.tailStart = position;
    this.tailEnd = position + 1;
  }

  #store(start: number, length: number): void {
    let ring = this.#ring;
    if (ring === null) ring = this.#ring = new Int32Array(RUNS_MIN * 2);
    const capacity = ring.length >> 1;
    if (this.#runs === capacity) {
      if (capacity === RUNS_MAX) {
        // If private, its entries stay until the private log's own bound: a client that acknowledges nothing is closed in a minute.
        this.count -= ring[this.#head * 2 + 1] as number;
        this.#head = (this.#head + 1) & (capacity - 1);
        this.#runs -= 1;
      } else ring = this.#grow(ring);
    }
    const at = ((this.#head + this.#runs) & ((ring.length >> 1) - 1)) * 2;
    ring[at] = start;
    ring[at + 1] = length;
    this.#runs += 1;
  }

  #grow(old: Int32Array): Int32Array {
    const ring = new Int32Array(old.length * 2);
    const capacity = old.length >> 1;
    for (let i = 0; i < this.#runs; i += 1) {
      const from = ((this.#head + i) & (capacity - 1)) * 2;
      ring[i * 2] = old[from] as number;
      ring[i * 2 + 1] = old[from + 1] as number;
    }
    this.#head = 0;
    this.#ring = ring;
    return ring;
  }

  /** Forgets the oldest `n`, freeing private ones. */
  dropFirst(n: number, privateLog: PrivateLog): void {
    assert(n >= 0 && n <= this.count, 'more positions dropped than held');
    let rest = n;
    while (rest > 0 && this.#runs > 0) {
      const ring = this.#ring as Int32Array;
      const at = this.#head * 2;
      const start = ring[at] as number;
      const length = ring[at + 1] as number;
      const gone = Math.min(rest, length);
      if ((start & PRIVATE) !== 0) releaseRun(start, gone, privateLog);
      rest -= gone;
      if (gone === length) {
        this.#head = (this.#head + 1) & ((ring.length >> 1) - 1);
        this.#runs -= 1;
      } else {
        ring[at] = start + gone;
        ring[at + 1] = length - gone;
      }
    }
    if (rest > 0) {
      if ((this.tailStart & PRIVATE) !== 0) releaseRun(this.tailStart, rest, privateLog);
      this.tailStart += rest;
    }
    this.count -= n;
    if (this.#runs === 0) {
      this.#ring = null;
      this.#head = 0;
    }
  }

  /** Forgets the oldest ones that the logs no longer hold, up to the first that they do. */
  dropFallen(log: ReplayLog, privateLog: PrivateLog): void {
    while (this.count > 0) {
      const ring = this.#ring;
      const inRing = this.#runs > 0 && ring !== null;
      const start = inRing ? (ring[this.#head * 2] as number) : this.tailStart;
      const length = inRing ? (ring[this.#head * 2 + 1] as number) : this.tailEnd - this.tailStart;
      let fallen: number;
      if ((start & PRIVATE) !== 0) {
        fallen = 0;
        while (fallen < length && !privateLog.has(start + fallen)) fallen += 1;
      } else if (log.has(start)) fallen = 0;
      else fallen = Math.min(length, Math.max(1, distance(start & NUMBER_MASK, log.first)));
      if (fallen === 0) return;
      this.dropFirst(fallen, privateLog);
      if (fallen < length) return;
    }
  }

  /** Appends the newest `n` positions to `out`, oldest first. */
  collectLast(n: number, out: number[]): void {
    assert(n <= this.count, 'more positions asked than held');
    let skip = this.count - n;
    const ring = this.#ring;
    for (let i = 0; i < this.#runs && ring !== null; i += 1) {
      const at = ((this.#head + i) & ((ring.length >> 1) - 1)) * 2;
      const start = ring[at] as number;
      const length = ring[at + 1] as number;
      for (let k = Math.min(skip, length); k < length; k += 1) out.push(start + k);
      skip = Math.max(0, skip - length);
    }
    for (let p = this.tailStart + skip; p < this.tailEnd; p += 1) out.push(p);
  }
}

function releaseRun(start: number, length: number, privateLog: PrivateLog): void {
  for (let i = 0; i < length; i += 1) privateLog.release(start + i);
}
