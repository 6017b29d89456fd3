// The path from this thread to another (LinkOut) and from another to this (LinkIn): a ring each, and what does not fit it.
//
// A record that finds the ring full waits at the sender, in order, up to OVERFLOW_BYTES_MAX. Past that, calls are refused,
// casts are dropped and counted, and their addresses get a gap notice in the place of what was dropped. A record too long for
// the ring passes in pieces (its own header, with its kind, is part of the first), and everything behind it waits, so the order of a path is the order of its sends whatever the size.

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
/** Memory of waiting records is taken in pages of this size; one is kept when the path drains. */
const PAGE_BYTES = 256 * 1024;

/** Waiting records, laid out as in the ring, headers included; or one record that is too long for the ring. */
interface Page {
  readonly memory: RecordMemory;
  readonly isLong: boolean;
  /** Bytes written to it, and bytes moved on into the ring. */
  used: number;
  moved: number;
}

interface Gap {
  readonly to: Address;
  dropped: number;
}

export class LinkOut {
  readonly thread: number;
  readonly #ring: RingWriter;
  readonly #inlineMax: number;
  #pages: Page[] = [];
  #spare: RecordMemory | null = null;
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
    this.#inlineMax = Math.min(ring.capacity, PAGE_BYTES) >> 2;
  }

  get queuedBytes(): number {
    return this.#ring.queuedBytes + this.overflowBytes;
  }

  get isBlocked(): boolean {
    return this.#pages.length > 0;
  }

  /** False: no room, the record is not sent. `urgent` may use the reserve. The receiver sees it after `publish`. */
  send(out: Outgoing, urgent: boolean): boolean {
    const most = recordBytesMax(out);
    if (most <= this.#inlineMax && !this.isBlocked) {
      const position = this.#ring.reserve(most);
      if (position >= 0) {
        const length = writeRecord(out, this.#ring.memory, position);
        this.#ring.commit(position, length, out.kind);
        return true;
      }
    }
    return this.#enqueue(out, most, urgent);
  }

  publish(): void {
    this.#ring.publish();
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
    while (this.#pages.length > 0) {
      const page = this.#pages[0] as Page;
      const before = page.moved;
      const whole = page.isLong ? this.#moveLong(page) : this.#moveRecords(page);
      moved ||= page.moved !== before;
      if (!whole) break;
      this.#pages.shift();
      if (page.isLong) this.overflowBytes -= page.used;
      else this.#spare = page.memory;
      if (this.#gaps !== null && this.overflowBytes <= OVERFLOW_BYTES_MAX / 2) this.#queueGaps();
    }
    this.#ring.publish();
    return moved;
  }

  /** As many records at a time as the ring takes. */
  #moveRecords(page: Page): boolean {
    const { i32, u8 } = page.memory;
    while (page.moved < page.used) {
      let run = page.used - page.moved;
      if (run > this.#inlineMax) {
        run = 0;
        while (true) {
          const next = align8(i32[(page.moved + run) >> 2] as number);
          if (run + next > this.#inlineMax) break;
          run += next;
        }
      }
      let position = this.#ring.reserve(run);
      if (position < 0) {
        run = align8(i32[page.moved >> 2] as number);
        position = this.#reserveOrStall(run);
        if (position < 0) return false;
      }
      this.#ring.memory.u8.set(u8.subarray(page.moved, page.moved + run), position);
      this.#ring.commitRun(run);
      page.moved += run;
      this.overflowBytes -= run;
    }
    return true;
  }

  /** One record in pieces. */
  #moveLong(page: Page): boolean {
    while (page.moved < page.used) {
      const first = page.moved === 0;
      const overhead = RECORD_HEADER_BYTES + (first ? 8 : 0);
      let piece = Math.min(page.used - page.moved, this.#inlineMax - overhead);
      let position = this.#ring.reserve(overhead + piece);
      if (position < 0) {
        piece = Math.min(piece, CHUNK_BYTES_MIN);
        position = this.#reserveOrStall(overhead + piece);
        if (position < 0) return false;
      }
      const { i32, u8 } = this.#ring.memory;
      if (first) i32[(position >> 2) + 2] = page.used;
      u8.set(page.memory.u8.subarray(page.moved, page.moved + piece), position + overhead);
      this.#ring.commit(position, overhead + piece, first ? K_CHUNK_FIRST : K_CHUNK);
      page.moved += piece;
    }
    return true;
  }

  #reserveOrStall(bytes: number): number {
    const position = this.#ring.reserve(bytes);
    if (position >= 0) return position;
    return this.#ring.stall(bytes) ? -1 : this.#ring.reserve(bytes);
  }

  #enqueue(out: Outgoing, most: number, urgent: boolean): boolean {
    const bound = OVERFLOW_BYTES_MAX + (urgent ? OVERFLOW_RESERVE_BYTES : 0);
    // The worst case of UTF-8 is three times the usual: only where it is small may it stand for the true length.
    const isLong = most > this.#inlineMax;
    const need = isLong ? exactBytes(out) : most;
    if (this.overflowBytes + need > bound) return false;
    if (this.#gaps !== null && this.overflowBytes + need <= OVERFLOW_BYTES_MAX / 2) this.#queueGaps();
    const page = isLong ? this.#longPage(need) : this.#pageFor(need);
    const at = page.used;
    const length = writeRecord(out, page.memory, at);
    page.memory.i32[at >> 2] = length;
    page.memory.i32[(at >> 2) + 1] = out.kind;
    const taken = isLong ? length : align8(length);
    page.used += taken;
    this.overflowBytes += taken;
    return true;
  }

  #pageFor(bytes: number): Page {
    const last = this.#pages.at(-1);
    if (last !== undefined && !last.isLong && last.used + bytes <= PAGE_BYTES) return last;
    const memory = this.#spare ?? recordMemory(new ArrayBuffer(PAGE_BYTES));
    this.#spare = null;
    const page: Page = { memory, isLong: false, used: 0, moved: 0 };
    this.#pages.push(page);
    return page;
  }

  #longPage(bytes: number): Page {
    const page: Page = { memory: recordMemory(new ArrayBuffer(align8(bytes))), isLong: true, used: 0, moved: 0 };
    this.#pages.push(page);
    return page;
  }

  #queueGaps(): void {
    const gaps = this.#gaps;
    this.#gaps = null;
    if (gaps === null) return;
    const tell = (out: Outgoing): void => void this.#enqueue(out, recordBytesMax(out), true);
    for (const { to, dropped } of gaps.values()) tell(gapRecord(to, dropped));
    if (this.#gapForAll > 0) tell(gapRecord(null, this.#gapForAll));
    this.#gapForAll = 0;
  }
}

function exactBytes(out: Outgoing): number {
  let bytes = ENVELOPE_BYTES + (out.to === 0 ? align8(Buffer.byteLength(out.name)) : 0);
  if (out.bytes !== undefined) bytes += align8(out.bytes.byteLength);
  if (out.json !== undefined) bytes += Buffer.byteLength(out.json);
  return bytes;
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
  readonly #onRoom: () => void;
  #long: RecordMemory | null = null;
  #longLength = 0;
  #longFilled = 0;

  /** `onRoom`: the sender waits for room, and there is some now. */
  constructor(thread: number, ring: RingReader, receive: RecordReceiver, onRoom: () => void) {
    this.thread = thread;
    this.#ring = ring;
    this.#receive = receive;
    this.#onRoom = onRoom;
  }

  isEmpty(): boolean {
    return this.#ring.isEmpty();
  }

  drain(recordsMax: number): number {
    return this.#ring.drain(recordsMax, this.#onRecord, this.#onRoom);
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
    this.#receive(long.i32[1] as number, long, 0);
  };
}
