// The replay log of an I/O thread: every encoded event that reached at least one of its sessions, once. Sessions keep
// positions, so 5,000 sessions of a busy guild share one copy.
//
//   slabs   [ old ........ ] [ ............ ] [ current ....    ]
//   index     ^ first entry                         next entry ^
//
// Bounded by bytes, entries and age; the oldest slab goes as a whole. A session whose position fell out cannot be resumed
// from before it: it gets a definite op 9, never a gap.
// The bytes are also the send buffer: the relay writes each session's sequence number into the frame's slot and hands the
// same view to the socket, which copies it.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { distance, LITE, NUMBER_MASK } from './position.ts';

export interface ReplayLogLimits {
  /** Bytes of all slabs. */
  readonly bytesMax: number;
  /** Entries; rounded up to a power of two. 16 bytes of index each. */
  readonly entriesMax: number;
  /** Entries older than this may go. */
  readonly ageMaxMs: number;
  /** Usual slab; an event that is longer gets a slab of its own. */
  readonly slabBytes: number;
}

/** 32 MiB hold five minutes of about 200 messages a second of 500 bytes; age covers the resume window and two heartbeats. */
export const REPLAY_LOG_LIMITS: ReplayLogLimits = {
  bytesMax: 32 * 1024 * 1024,
  entriesMax: 1 << 18,
  ageMaxMs: 400_000,
  slabBytes: 256 * 1024,
};

interface Slab {
  readonly bytes: Uint8Array;
  used: number;
  /** Number of the first entry after this slab. */
  end: number;
  lastAppendMs: number;
}

/** Words of the index per entry: slab number, offset, length of the full variant, length of the lite variant (0: none). */
const WORDS = 4;
const INDEX_ENTRIES_MIN = 256;

export class ReplayLog {
  readonly #limits: ReplayLogLimits;
  readonly #clock: Clock;
  readonly #entriesMax: number;
  #index = new Int32Array(INDEX_ENTRIES_MIN * WORDS);
  #indexMask = INDEX_ENTRIES_MIN - 1;
  #slabs: Slab[] = [];
  /** Number of #slabs[0]. */
  #firstSlab = 0;
  #spare: Uint8Array | undefined;
  #bytes = 0;
  #first = 0;
  #next = 0;
  /** Views of the entries appended since forgetViews: one object an event, not one a delivery. */
  #views: (Uint8Array | undefined)[] = [];
  #liteViews: (Uint8Array | undefined)[] = [];
  #viewsFrom = 0;

  constructor(clock: Clock, limits: ReplayLogLimits = REPLAY_LOG_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
    let entries = INDEX_ENTRIES_MIN;
    while (entries < limits.entriesMax) entries *= 2;
    assert(entries <= NUMBER_MASK >> 1, 'replay log larger than its numbers');
    this.#entriesMax = entries;
  }

  /** Number of the oldest entry that is still here. */
  get first(): number {
    return this.#first;
  }

  get entries(): number {
    return distance(this.#first, this.#next);
  }

  /** Bytes of memory held by slabs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the event in and answers its number. `split`: length of the full variant when a lite one follows it. */
  append(event: Uint8Array, split: number): number {
    assert(split > 0 && split <= event.length, 'split outside its event');
    if (this.entries === this.#entriesMax) {
      if (this.#slabs.length === 1) this.#openSlab(this.#limits.slabBytes);
      this.#dropSlab();
    }
    if (this.entries > this.#indexMask) this.#growIndex();
    let slab = this.#slabs[this.#slabs.length - 1];
    if (slab === undefined || slab.bytes.length - slab.used < event.length) {
      slab = this.#openSlab(Math.max(event.length, this.#limits.slabBytes));
    }
    const number = this.#next;
    const at = (number & this.#indexMask) * WORDS;
    this.#index[at] = this.#firstSlab + this.#slabs.length - 1;
    this.#index[at + 1] = slab.used;
    this.#index[at + 2] = split;
    this.#index[at + 3] = event.length - split;
    slab.bytes.set(event, slab.used);
    slab.used += event.length;
    slab.lastAppendMs = this.#clock.monotonicMs();
    this.#next = (number + 1) & NUMBER_MASK;
    slab.end = this.#next;
    return number;
  }

  has(position: number): boolean {
    return distance(this.#first, position & NUMBER_MASK) < this.entries;
  }

  /** The frame at a position, to be written to and sent at once; undefined when it fell out. */
  frame(position: number): Uint8Array | undefined {
    const number = position & NUMBER_MASK;
    if (distance(this.#first, number) >= this.entries) return undefined;
    const at = (number & this.#indexMask) * WORDS;
    const lite = (position & LITE) !== 0 && this.#index[at + 3] !== 0;
    const recent = distance(this.#viewsFrom, number);
    if (recent >= VIEWS_MAX) return this.#view(at, lite);
    const views = lite ? this.#liteViews : this.#views;
    return (views[recent] ??= this.#view(at, lite));
  }

  /** At the end of a flush. Later frames get views of their own. */
  forgetViews(): void {
    this.#views.length = 0;
    this.#liteViews.length = 0;
    this.#viewsFrom = this.#next;
  }

  /** Lets go of what is too old. */
  expire(): void {
    const oldest = this.#clock.monotonicMs() - this.#limits.ageMaxMs;
    for (let slab = this.#slabs[0]; slab !== undefined && slab.lastAppendMs < oldest; slab = this.#slabs[0]) {
      this.#dropSlab();
    }
  }

  #view(at: number, lite: boolean): Uint8Array {
    const slab = this.#slabs[(this.#index[at] as number) - this.#firstSlab];
    assert(slab !== undefined, 'entry without its slab');
    const offset = this.#index[at + 1] as number;
    const full = this.#index[at + 2] as number;
    return lite
      ? slab.bytes.subarray(offset + full, offset + full + (this.#index[at + 3] as number))
      : slab.bytes.subarray(offset, offset + full);
  }

  #openSlab(length: number): Slab {
    while (this.#slabs.length > 0 && this.#bytes + length > this.#limits.bytesMax) this.#dropSlab();
    let bytes: Uint8Array;
    if (length === this.#limits.slabBytes && this.#spare !== undefined) {
      bytes = this.#spare;
      this.#spare = undefined;
    } else bytes = new Uint8Array(length);
    const slab: Slab = { bytes, used: 0, end: this.#next, lastAppendMs: this.#clock.monotonicMs() };
    this.#slabs.push(slab);
    this.#bytes += length;
    return slab;
  }

  #dropSlab(): void {
    const slab = this.#slabs.shift();
    assert(slab !== undefined, 'no slab to drop');
    this.#firstSlab = (this.#firstSlab + 1) | 0;
    this.#bytes -= slab.bytes.length;
    this.#first = slab.end;
    // A reused slab must not be written to under a view that still waits for its flush.
    if (slab.bytes.length === this.#limits.slabBytes) this.#spare = slab.bytes;
    if (distance(this.#viewsFrom, this.#first) < NUMBER_MASK >> 1) this.forgetViews();
  }

  #growIndex(): void {
    const size = (this.#indexMask + 1) * 2;
    const index = new Int32Array(size * WORDS);
    for (let n = this.#first; n !== this.#next; n = (n + 1) & NUMBER_MASK) {
      const from = (n & this.#indexMask) * WORDS;
      index.set(this.#index.subarray(from, from + WORDS), (n & (size - 1)) * WORDS);
    }
    this.#index = index;
    this.#indexMask = size - 1;
  }
}

/** Views kept until the next flush; a turn with more events makes views anew for the rest. */
const VIEWS_MAX = 4_096;
