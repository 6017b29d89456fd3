// A single-producer single-consumer ring of records in a SharedArrayBuffer: the path from one thread to another.
//
//   0        64       128      192      256                                            256 + capacity
//   +--------+--------+--------+--------+----------------------------------------------+
//   |  tail  |  head  | stalled|  spare | records                                      |
//   +--------+--------+--------+--------+----------------------------------------------+
//   one cache line each, so that      |
//   the two sides don't share one     +-> | length u32 | kind u32 | payload ... | pad to 8 |
//
// `tail` and `head` count bytes and wrap at 2^31; a position is the counter modulo the capacity (a power of two). A record
// never wraps: when it does not fit before the end, a PAD record fills the rest. Records begin on 8 bytes, because V8
// copies shared memory word by word only between aligned places (measured: 4.2 against 0.55 M/s at 1 KB).
//
// The producer writes records whole, then stores `tail` (sequentially consistent) for one or many of them: the consumer sees a
// record whole or not at all. `stalled` is the producer's request to be woken when there is room again: it sets the word, looks at
// `head` once more, and only then gives up; the consumer stores `head`, then takes the word. With both in the one order of
// sequentially consistent accesses one of the two sees the other (Dekker), so no wake-up is lost.
// All shared words go through an injected atomics object, so that a model checker can stand between the two sides.

import { assert } from '../base/assert.ts';

/** The part of Atomics that the ring needs. */
export interface AtomicsLike {
  load(array: Int32Array, index: number): number;
  store(array: Int32Array, index: number, value: number): number;
  exchange(array: Int32Array, index: number, value: number): number;
  compareExchange(array: Int32Array, index: number, expected: number, replacement: number): number;
}

const TAIL = 0;
const HEAD = 16;
const STALLED = 32;
const PREFIX_BYTES = 256;
export const RECORD_HEADER_BYTES = 8;
/** Fills the ring to its end; the next record is at position 0. */
export const KIND_PAD = 0;
/** Counters wrap here, so that they stay small integers for V8. */
export const COUNTER_MASK = 0x7fff_ffff;
/** Smallest ring: the largest control record must fit a quarter of it. */
export const RING_BYTES_MIN = 4_096;
/** Largest: counters must tell full from empty and stay far from their own wrap. */
export const RING_BYTES_MAX = 1 << 29;

export function createRing(capacity: number): SharedArrayBuffer {
  assert(capacity >= RING_BYTES_MIN && capacity <= RING_BYTES_MAX, `ring of ${capacity} bytes`);
  assert((capacity & (capacity - 1)) === 0, 'ring capacity must be a power of two');
  return new SharedArrayBuffer(PREFIX_BYTES + capacity);
}

export function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Node's own UTF-8 on a Buffer, without the argument checks of write() and toString(). */
export interface TextMemory extends Buffer {
  utf8Write(text: string, offset: number): number;
  utf8Slice(start: number, end: number): string;
}

/** Records' memory under the four views that readers and writers use; all begin at the same byte. */
export interface RecordMemory {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  readonly text: TextMemory;
}

export function recordMemory(buffer: ArrayBufferLike, offset = 0): RecordMemory {
  const length = buffer.byteLength - offset;
  return {
    i32: new Int32Array(buffer, offset, length / 4),
    f64: new Float64Array(buffer, offset, length / 8),
    u8: new Uint8Array(buffer, offset, length),
    text: Buffer.from(buffer, offset, length) as Buffer as TextMemory,
  };
}

export class RingWriter {
  readonly capacity: number;
  readonly memory: RecordMemory;
  readonly #words: Int32Array;
  readonly #atomics: AtomicsLike;
  readonly #mask: number;
  readonly #i32: Int32Array;
  #tail: number;
  /** The consumer's counter as last seen; it only moves on, so an old value is safe. */
  #head: number;
  #padding = 0;
  #published: number;

  constructor(ring: SharedArrayBuffer, atomics: AtomicsLike = Atomics) {
    this.memory = recordMemory(ring, PREFIX_BYTES);
    this.#i32 = this.memory.i32;
    this.#words = new Int32Array(ring, 0, PREFIX_BYTES / 4);
    this.#atomics = atomics;
    this.capacity = ring.byteLength - PREFIX_BYTES;
    this.#mask = this.capacity - 1;
    this.#tail = atomics.load(this.#words, TAIL);
    this.#published = this.#tail;
    this.#head = atomics.load(this.#words, HEAD);
  }

  /** Bytes written and not yet consumed, as far as the producer knows. */
  get queuedBytes(): number {
    this.#head = this.#atomics.load(this.#words, HEAD);
    return (this.#tail - this.#head) & COUNTER_MASK;
  }

  /**
   * Room for a record of up to `bytes` (header included), or for a run of records. Answers its byte position in `memory`, or -1
   * when full.
   */
  reserve(bytes: number): number {
    const position = this.#tail & this.#mask;
    const toEnd = this.capacity - position;
    const padding = toEnd < bytes ? toEnd : 0;
    const need = padding + bytes;
    if (this.capacity - ((this.#tail - this.#head) & COUNTER_MASK) < need) {
      this.#head = this.#atomics.load(this.#words, HEAD);
      if (this.capacity - ((this.#tail - this.#head) & COUNTER_MASK) < need) return -1;
    }
    this.#padding = padding;
    if (padding === 0) return position;
    this.#i32[position >> 2] = padding;
    this.#i32[(position >> 2) + 1] = KIND_PAD;
    return 0;
  }

  /** Completes the record that was reserved last; `bytes` may be less than was reserved. Seen by the consumer after `publish`. */
  commit(position: number, bytes: number, kind: number): void {
    const word = position >> 2;
    this.#i32[word] = bytes;
    this.#i32[word + 1] = kind;
    this.commitRun(bytes);
  }

  /** The same for a run of records that were copied with their headers. */
  commitRun(bytes: number): void {
    this.#tail = (this.#tail + this.#padding + align8(bytes)) & COUNTER_MASK;
    this.#padding = 0;
  }

  /** Shows the consumer everything committed. */
  publish(): void {
    if (this.#published === this.#tail) return;
    this.#published = this.#tail;
    this.#atomics.store(this.#words, TAIL, this.#tail);
  }

  /** Asks the consumer for a wake-up when it has made room. False: there is room for `bytes` already. Publishes first. */
  stall(bytes: number): boolean {
    this.publish();
    this.#atomics.store(this.#words, STALLED, 1);
    if (this.reserve(bytes) < 0) return true;
    this.#atomics.store(this.#words, STALLED, 0);
    return false;
  }
}

/** Told of each record: its kind, and where its payload lies until the callback returns. */
export type RecordHandler = (kind: number, position: number, bytes: number) => void;

export class RingReader {
  readonly capacity: number;
  readonly memory: RecordMemory;
  readonly #words: Int32Array;
  readonly #atomics: AtomicsLike;
  readonly #mask: number;
  #head: number;

  constructor(ring: SharedArrayBuffer, atomics: AtomicsLike = Atomics) {
    this.memory = recordMemory(ring, PREFIX_BYTES);
    this.#words = new Int32Array(ring, 0, PREFIX_BYTES / 4);
    this.#atomics = atomics;
    this.capacity = ring.byteLength - PREFIX_BYTES;
    this.#mask = this.capacity - 1;
    this.#head = atomics.load(this.#words, HEAD);
  }

  isEmpty(): boolean {
    return this.#atomics.load(this.#words, TAIL) === this.#head;
  }

  /**
   * Hands up to `recordsMax` records to the handler and gives their room back, telling `onRoom` if the producer waits for room.
   * Answers how many there were. A handler must not throw: half a drain would be lost.
   */
  drain(recordsMax: number, handler: RecordHandler, onRoom: () => void): number {
    const tail = this.#atomics.load(this.#words, TAIL);
    let head = this.#head;
    if (head === tail) return 0;
    const i32 = this.memory.i32;
    let freed = 0;
    let count = 0;
    while (head !== tail && count < recordsMax) {
      const position = head & this.#mask;
      const bytes = i32[position >> 2] as number;
      const kind = i32[(position >> 2) + 1] as number;
      if (bytes < RECORD_HEADER_BYTES || position + bytes > this.capacity) {
        assert(false, `ring: torn record of ${bytes} bytes at ${position}`);
      }
      if (kind !== KIND_PAD) {
        handler(kind, position, bytes);
        count += 1;
      }
      const step = align8(bytes);
      head = (head + step) & COUNTER_MASK;
      freed += step;
      // A producer that waits for room is woken while there is work left for this side: neither stands still.
      if (freed >= this.capacity >> 2) {
        this.#giveRoom(head, onRoom);
        freed = 0;
      }
    }
    this.#head = head;
    this.#giveRoom(head, onRoom);
    return count;
  }

  #giveRoom(head: number, onRoom: () => void): void {
    this.#atomics.store(this.#words, HEAD, head);
    if (this.#atomics.load(this.#words, STALLED) === 0) return;
    if (this.#atomics.exchange(this.#words, STALLED, 0) === 1) onRoom();
  }
}
