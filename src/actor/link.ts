// The path from this thread to another (LinkOut) and from another to this (LinkIn): a ring each, and what does not fit it.
//
// A record that finds the ring full waits at the sender, in order, up to OVERFLOW_BYTES_MAX. Past that, calls are refused,
// casts are dropped and counted, and their addresses get a gap notice in the place of what was dropped. A record too long for
// the ring passes in pieces, and everything behind it waits, so the order of a path is the order of its sends whatever the size.

import { assert } from '../base/assert.ts';
import { encodeValue, ENVELOPE_BYTES, K_CHUNK, K_CHUNK_FIRST, K_GAP, recordBytesMax, writeRecord } from './codec.ts';
import type { Outgoing } from './codec.ts';
import { align8, RECORD_HEADER_BYTES, recordMemory } from './ring.ts';
import type { RecordMemory, RingReader, RingWriter } from './ring.ts';
import type { Address } from './types.ts';

/**
 * Bytes that wait at the sender for one destination: some seconds of a busy guild, and three times the largest message that
 * a client can cause (a 20 MB upload). Beyond it the receiver is not keeping up and the sender says so.
 */
export const OVERFLOW_BYTES_MAX = 64 * 1024 * 1024;
/** Above that bound, for what must still get through: refusals of calls, gap notices. */
export const OVERFLOW_RESERVE_BYTES = 1024 * 1024;
/** Addresses of one path whose gaps are told one by one; beyond it every actor of the thread is told. */
export const GAP_ADDRESSES_MAX = 1_024;
/** Shortest piece of a long record that is worth a record of its own while the ring is nearly full. */
const CHUNK_BYTES_MIN = 1_024;

interface Waiting {
  /** Whole record, laid out as in the ring. */
  readonly bytes: Uint8Array;
  readonly kind: number;
  readonly length: number;
  /** Bytes of it already sent, for a record in pieces. */
  sent: number;
}

interface Gap {
  readonly to: Address;
  dropped: number;
}

export class LinkOut {
  readonly thread: number;
  readonly #ring: RingWriter;
  readonly #inlineMax: number;
  #queue: Waiting[] = [];
  #queueHead = 0;
  #gaps: Map<Address | string, Gap> | null = null;
  #gapForAll = 0;
  /** Bytes waiting outside the ring. */
  overflowBytes = 0;
  /** Casts dropped for good. */
  dropped = 0;
  /** Set while the runtime owes this destination a look at its sleep word. */
  dirty = false;

  constructor(thread: number, ring: RingWriter) {
    this.thread = thread;
    this.#ring = ring;
    this.#inlineMax = ring.capacity >> 2;
  }

  get queuedBytes(): number {
    return this.#ring.queuedBytes + this.overflowBytes;
  }

  get isBlocked(): boolean {
    return this.#queueHead < this.#queue.length;
  }

  /** False: no room, the record is not sent. `urgent` may use the reserve. */
  send(out: Outgoing, urgent: boolean): boolean {
    if (!this.isBlocked) {
      const most = recordBytesMax(out);
      if (most <= this.#inlineMax) {
        const position = this.#ring.reserve(most);
        if (position >= 0) {
          const length = writeRecord(out, this.#ring.memory, position);
          this.#ring.commit(position, length, out.kind);
          return true;
        }
      }
    }
    return this.#enqueue(out, urgent);
  }

  /** A cast was dropped: its receiver must learn that something is missing. */
  noteGap(to: Address): void {
    this.dropped += 1;
    this.#gaps ??= new Map();
    const key = typeof to === 'number' ? to : to.name;
    const gap = this.#gaps.get(key);
    if (gap !== undefined) gap.dropped += 1;
    else if (this.#gaps.size < GAP_ADDRESSES_MAX) this.#gaps.set(key, { to, dropped: 1 });
    else this.#gapForAll += 1;
    // Dropped for its size alone: nothing waits whose going would bring the notice.
    if (!this.isBlocked) this.#queueGaps();
  }

  /** Moves what waits into the ring. True: something moved, and the receiver should know. */
  pump(): boolean {
    let moved = false;
    while (this.#queueHead < this.#queue.length) {
      const waiting = this.#queue[this.#queueHead] as Waiting;
      const before = waiting.sent;
      if (!this.#move(waiting)) {
        this.#compact();
        return moved || waiting.sent !== before;
      }
      moved = true;
      this.overflowBytes -= waiting.length;
      this.#queueHead += 1;
      if (this.#gaps !== null && this.overflowBytes <= OVERFLOW_BYTES_MAX / 2) this.#queueGaps();
    }
    this.#queue = [];
    this.#queueHead = 0;
    return moved;
  }

  #move(waiting: Waiting): boolean {
    if (waiting.length <= this.#inlineMax) {
      let position = this.#ring.reserve(waiting.length);
      if (position < 0) {
        if (this.#ring.stall(waiting.length)) return false;
        position = this.#ring.reserve(waiting.length);
      }
      this.#ring.memory.u8.set(waiting.bytes, position);
      this.#ring.commit(position, waiting.length, waiting.kind);
      return true;
    }
    while (waiting.sent < waiting.length) {
      const first = waiting.sent === 0;
      const overhead = RECORD_HEADER_BYTES + (first ? 8 : 0);
      let piece = Math.min(waiting.length - waiting.sent, this.#inlineMax - overhead);
      let position = this.#ring.reserve(overhead + piece);
      if (position < 0) {
        piece = Math.min(piece, CHUNK_BYTES_MIN);
        position = this.#ring.reserve(overhead + piece);
      }
      if (position < 0) {
        if (this.#ring.stall(overhead + piece)) return false;
        position = this.#ring.reserve(overhead + piece);
      }
      const { i32, u8 } = this.#ring.memory;
      if (first) {
        i32[(position >> 2) + 2] = waiting.length;
        i32[(position >> 2) + 3] = waiting.kind;
      }
      u8.set(waiting.bytes.subarray(waiting.sent, waiting.sent + piece), position + overhead);
      this.#ring.commit(position, overhead + piece, first ? K_CHUNK_FIRST : K_CHUNK);
      waiting.sent += piece;
    }
    return true;
  }

  #enqueue(out: Outgoing, urgent: boolean): boolean {
    // The bound counts true lengths; the worst case of UTF-8 would refuse three times too early.
    let length = ENVELOPE_BYTES + (out.to === 0 ? align8(Buffer.byteLength(out.name)) : 0);
    if (out.bytes !== undefined) length += align8(out.bytes.byteLength);
    if (out.json !== undefined) length += Buffer.byteLength(out.json);
    const bound = OVERFLOW_BYTES_MAX + (urgent ? OVERFLOW_RESERVE_BYTES : 0);
    if (this.overflowBytes + length > bound) return false;
    if (this.#gaps !== null && this.overflowBytes + length <= OVERFLOW_BYTES_MAX / 2) this.#queueGaps();
    const memory = recordMemory(new ArrayBuffer(align8(length)));
    const written = writeRecord(out, memory, 0);
    assert(written === length, `record of ${written} bytes, ${length} expected`);
    this.#queue.push({ bytes: memory.u8.subarray(0, length), kind: out.kind, length, sent: 0 });
    this.overflowBytes += length;
    return true;
  }

  #queueGaps(): void {
    const gaps = this.#gaps as Map<Address | string, Gap>;
    this.#gaps = null;
    for (const { to, dropped } of gaps.values()) this.#enqueue(gapRecord(to, dropped), true);
    if (this.#gapForAll > 0) this.#enqueue(gapRecord(null, this.#gapForAll), true);
    this.#gapForAll = 0;
  }

  #compact(): void {
    // Half of the array is history: let it go, so that a queue that never empties does not grow.
    if (this.#queueHead < 1_024 || this.#queueHead * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#queueHead);
    this.#queueHead = 0;
  }
}

function gapRecord(to: Address | null, dropped: number): Outgoing {
  const out: Outgoing = { kind: K_GAP, to: 0, from: 0, ref: dropped, name: '', json: undefined, bytes: undefined };
  if (typeof to === 'number') out.to = to;
  else if (to !== null) out.name = to.name;
  encodeValue(undefined, out);
  return out;
}

/** Told of each whole record. Must not throw. */
export type RecordReceiver = (kind: number, memory: RecordMemory, position: number) => void;

export class LinkIn {
  readonly thread: number;
  readonly #ring: RingReader;
  readonly #receive: RecordReceiver;
  #long: RecordMemory | null = null;
  #longLength = 0;
  #longKind = 0;
  #longFilled = 0;

  constructor(thread: number, ring: RingReader, receive: RecordReceiver) {
    this.thread = thread;
    this.#ring = ring;
    this.#receive = receive;
  }

  isEmpty(): boolean {
    return this.#ring.isEmpty();
  }

  drain(recordsMax: number): number {
    return this.#ring.drain(recordsMax, this.#onRecord);
  }

  takeStalled(): boolean {
    return this.#ring.takeStalled();
  }

  readonly #onRecord = (kind: number, position: number, bytes: number): void => {
    if (kind !== K_CHUNK_FIRST && kind !== K_CHUNK) {
      this.#receive(kind, this.#ring.memory, position);
      return;
    }
    const { i32, u8 } = this.#ring.memory;
    let overhead = RECORD_HEADER_BYTES;
    if (kind === K_CHUNK_FIRST) {
      assert(this.#long === null, 'link: a long record inside another');
      overhead += 8;
      this.#longLength = i32[(position >> 2) + 2] as number;
      this.#longKind = i32[(position >> 2) + 3] as number;
      this.#longFilled = 0;
      this.#long = recordMemory(new ArrayBuffer(align8(this.#longLength)));
    }
    const long = this.#long;
    assert(long !== null, 'link: a piece without a beginning');
    long.u8.set(u8.subarray(position + overhead, position + bytes), this.#longFilled);
    this.#longFilled += bytes - overhead;
    assert(this.#longFilled <= this.#longLength, 'link: more pieces than the record has');
    if (this.#longFilled < this.#longLength) return;
    this.#long = null;
    this.#receive(this.#longKind, long, 0);
  };
}
