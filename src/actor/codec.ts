// How a message lies in a record. One layout for the ring and for records that wait outside it:
//
//   0     4     8          16         24    28     32      36      40
//   +-----+-----+----------+----------+-----+------+-------+-------+--------+----------+---------+
//   | len | kind| to (f64) | from f64 | ref | json | bytes | name  | name   | bytes    | json    |
//   |     |     | 0: named | caller   |     | len  | len   | len   | pad 8  | pad 8    |         |
//   +-----+-----+----------+----------+-----+------+-------+-------+--------+----------+---------+
//
// `bytes` lies on 8 bytes, because V8 copies shared memory word by word only then. The JSON comes last: its length in UTF-8
// is known only once it is written. JSON length 0xffffffff means "undefined", bytes length 0xffffffff "no bytes".

import { assert } from '../base/assert.ts';
import { align8 } from './ring.ts';
import type { RecordMemory } from './ring.ts';
import type { Pid } from './types.ts';

export const ENVELOPE_BYTES = 40;
const NONE = -1;

/**
 * Received bytes are cut from slabs of this size: memory of one's own costs 300 ns a piece, a cut 60. A receiver that keeps one
 * small piece for long keeps its slab, so slabs are small; what is longer than SLAB_PIECE_MAX gets memory of its own.
 */
const SLAB_BYTES = 16 * 1024;
const SLAB_PIECE_MAX = 4 * 1024;
/** Up to here V8 keeps typed arrays in its own heap, and a plain slice is the cheapest. */
const SLICE_MAX = 64;

let slab: ArrayBuffer = new ArrayBuffer(0);
let slabUsed = SLAB_BYTES;

/** Copies bytes out of a record. Every byte of the result is written, so the memory need not be cleared first. */
function copyOut(u8: Uint8Array, at: number, length: number): Uint8Array {
  if (length <= SLICE_MAX) return u8.slice(at, at + length);
  let copy: Uint8Array;
  if (length > SLAB_PIECE_MAX) copy = new Uint8Array(uninitialised(length), 0, length);
  else {
    if (slabUsed + length > SLAB_BYTES) {
      slab = uninitialised(SLAB_BYTES);
      slabUsed = 0;
    }
    copy = new Uint8Array(slab, slabUsed, length);
    slabUsed += align8(length);
  }
  copy.set(u8.subarray(at, at + length));
  return copy;
}

function uninitialised(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}

/** Kinds of records. */
export const K_CAST = 1;
export const K_CALL = 2;
export const K_REPLY = 3;
export const K_ERROR = 4;
/** Notice that casts to the address were dropped; to nobody in particular: to every actor of the thread. */
export const K_GAP = 5;
/** Pieces of a record that is too long for the ring: the first says the whole length. */
export const K_CHUNK_FIRST = 6;
export const K_CHUNK = 7;

/** An outgoing record, before it has a place. */
export interface Outgoing {
  kind: number;
  /** Receiver's pid, or 0 and `name`. */
  to: number;
  from: number;
  ref: number;
  name: string;
  json: string | undefined;
  bytes: Uint8Array | undefined;
}

/** Splits a value into its JSON text and its out-of-band bytes. Throws TypeError for what JSON cannot hold. */
export function encodeValue(value: unknown, into: Outgoing): void {
  into.bytes = undefined;
  if (value === null || typeof value !== 'object') {
    into.json = JSON.stringify(value);
    return;
  }
  const { bytes } = value as { bytes?: unknown };
  if (bytes instanceof Uint8Array) {
    into.bytes = bytes;
    if (hasOnlyBytes(value)) {
      into.json = '{}';
      return;
    }
    const { bytes: _, ...rest } = value as { bytes: Uint8Array; [key: string]: unknown };
    into.json = JSON.stringify(rest);
  } else into.json = JSON.stringify(value);
}

function hasOnlyBytes(value: object): boolean {
  for (const key in value) if (key !== 'bytes') return false;
  return true;
}

/** An upper bound of the record's length: a UTF-16 unit is at most three bytes of UTF-8. */
export function recordBytesMax(out: Outgoing): number {
  let bytes = ENVELOPE_BYTES;
  if (out.to === 0) bytes += align8(out.name.length * 3);
  if (out.bytes !== undefined) bytes += align8(out.bytes.byteLength);
  if (out.json !== undefined) bytes += out.json.length * 3;
  return align8(bytes);
}

/** Writes all but the first 8 bytes (length and kind, which publish the record). Answers the record's length. */
export function writeRecord(out: Outgoing, memory: RecordMemory, position: number): number {
  const { i32, f64, u8, text } = memory;
  const word = position >> 2;
  f64[(position >> 3) + 1] = out.to;
  f64[(position >> 3) + 2] = out.from;
  i32[word + 6] = out.ref;
  let at = position + ENVELOPE_BYTES;
  if (out.to === 0) {
    const length = writeName(out.name, memory, at);
    i32[word + 9] = length;
    at += align8(length);
  } else i32[word + 9] = 0;
  const { bytes, json } = out;
  if (bytes === undefined) i32[word + 8] = NONE;
  else {
    i32[word + 8] = bytes.byteLength;
    u8.set(bytes, at);
    at += align8(bytes.byteLength);
  }
  if (json === undefined) i32[word + 7] = NONE;
  else {
    const length = json.length === 2 ? writeTwo(u8, json, at) : text.utf8Write(json, at);
    i32[word + 7] = length;
    at += length;
  }
  return at - position;
}

/** The name written last, as words: a burst goes to one name, and copying words is five times cheaper than encoding. */
let lastName = '';
let lastNameBytes = 0;
let lastNameWords = new Int32Array(0);

function writeName(name: string, { i32, u8, text }: RecordMemory, at: number): number {
  const first = at >> 2;
  if (name === lastName) {
    for (let i = 0; i < lastNameWords.length; i += 1) i32[first + i] = lastNameWords[i] as number;
    return lastNameBytes;
  }
  const bytes = text.utf8Write(name, at);
  // The reader compares whole words.
  for (let pad = bytes; (pad & 7) !== 0; pad += 1) u8[at + pad] = 0;
  if (bytes <= NAME_CACHE_BYTES_MAX) {
    lastName = name;
    lastNameBytes = bytes;
    lastNameWords = i32.slice(first, first + (align8(bytes) >> 2));
  }
  return bytes;
}

function writeTwo(u8: Uint8Array, json: string, at: number): number {
  u8[at] = json.charCodeAt(0);
  u8[at + 1] = json.charCodeAt(1);
  return 2;
}

export function readTo(memory: RecordMemory, position: number): Pid {
  return memory.f64[(position >> 3) + 1] as Pid;
}

export function readFrom(memory: RecordMemory, position: number): Pid {
  return memory.f64[(position >> 3) + 2] as Pid;
}

export function readRef(memory: RecordMemory, position: number): number {
  return memory.i32[(position >> 2) + 6] as number;
}

interface CachedName {
  readonly bytes: number;
  readonly words: Int32Array;
  readonly text: string;
}

/** Names as they were last decoded, by a hash of their bytes: a thread hears few names, often. A collision replaces. */
const NAME_CACHE_SIZE = 1_024;
const NAME_CACHE_BYTES_MAX = 64;
const names: (CachedName | undefined)[] = new Array<CachedName | undefined>(NAME_CACHE_SIZE).fill(undefined);

export function readName(memory: RecordMemory, position: number): string {
  const { i32, text } = memory;
  const bytes = i32[(position >> 2) + 9] as number;
  const at = position + ENVELOPE_BYTES;
  if (bytes > NAME_CACHE_BYTES_MAX) return text.utf8Slice(at, at + bytes);
  const first = at >> 2;
  const count = align8(bytes) >> 2;
  let hash = bytes;
  for (let i = 0; i < count; i += 1) hash = Math.imul(hash ^ (i32[first + i] as number), 0x9e37_79b1);
  const place = (hash >>> 16) & (NAME_CACHE_SIZE - 1);
  const cached = names[place];
  if (cached !== undefined && cached.bytes === bytes && sameWords(cached.words, i32, first)) return cached.text;
  const name = text.utf8Slice(at, at + bytes);
  names[place] = { bytes, words: i32.slice(first, first + count), text: name };
  return name;
}

function sameWords(words: Int32Array, i32: Int32Array, first: number): boolean {
  for (let i = 0; i < words.length; i += 1) if (words[i] !== i32[first + i]) return false;
  return true;
}

/** The value back: JSON parsed, `bytes` copied out and attached. */
export function readValue(memory: RecordMemory, position: number): unknown {
  const { i32, u8, text } = memory;
  const word = position >> 2;
  const jsonLength = i32[word + 7] as number;
  const bytesLength = i32[word + 8] as number;
  let at = position + ENVELOPE_BYTES + align8(i32[word + 9] as number);
  let bytes: Uint8Array | undefined;
  if (bytesLength !== NONE) {
    bytes = copyOut(u8, at, bytesLength);
    at += align8(bytesLength);
  }
  if (jsonLength === NONE) return undefined;
  if (bytes !== undefined && jsonLength === 2) return { bytes };
  const value: unknown = JSON.parse(text.utf8Slice(at, at + jsonLength));
  if (bytes !== undefined) {
    assert(typeof value === 'object' && value !== null, 'record: bytes without an object');
    (value as { bytes?: Uint8Array }).bytes = bytes;
  }
  return value;
}
