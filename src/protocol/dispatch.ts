// A dispatch is encoded once and sent to many sessions, each with its own sequence number. JSON allows white space before a
// number, so the frame has a slot of fixed width that each session's number overwrites:
//
//   {"op":0,"s":         7,"t":"MESSAGE_CREATE","d":{…}}
//   0           12         22
//               |<- slot ->|  SEQUENCE_WIDTH bytes, right-aligned, spaces on the left

import { assert } from '../base/assert.ts';

export const SEQUENCE_OFFSET = 12;
export const SEQUENCE_WIDTH = 10;
/** The largest number the slot holds. */
export const SEQUENCE_MAX = 9_999_999_999;

const encoder = new TextEncoder();
const EMPTY_SLOT = ' '.repeat(SEQUENCE_WIDTH - 1) + '0';

/** Encodes a dispatch with its slot; `data` is the JSON text of `d`. */
export function encodeDispatchText(type: string, data: string): Uint8Array {
  return encoder.encode(`{"op":0,"s":${EMPTY_SLOT},"t":"${type}","d":${data}}`);
}

export function encodeDispatch(type: string, data: unknown): Uint8Array {
  return encodeDispatchText(type, JSON.stringify(data));
}

/** Writes a session's sequence number into the slot of the frame that begins at `frame[offset]`. */
export function writeSequence(frame: Uint8Array, sequence: number, offset = 0): void {
  assert(sequence >= 0 && sequence <= SEQUENCE_MAX, 'sequence outside its slot');
  let at = offset + SEQUENCE_OFFSET + SEQUENCE_WIDTH - 1;
  let rest = sequence;
  do {
    const next = Math.floor(rest / 10);
    frame[at] = 48 + (rest - next * 10);
    rest = next;
    at -= 1;
  } while (rest > 0);
  const first = offset + SEQUENCE_OFFSET;
  while (at >= first) {
    frame[at] = 32;
    at -= 1;
  }
}
