// The gateway's frames that are the same for everybody, encoded once, and the plain form of a zlib-stream.

import { GatewayOpcode } from '../../protocol/opcodes.ts';

const encoder = new TextEncoder();

function frame(op: number, d: unknown): Uint8Array {
  return encoder.encode(JSON.stringify({ op, d, s: null, t: null }));
}

export function helloFrame(heartbeatIntervalMs: number): Uint8Array {
  return frame(GatewayOpcode.HELLO, { heartbeat_interval: heartbeatIntervalMs, _trace: [] });
}
export const HEARTBEAT_ACK = frame(GatewayOpcode.HEARTBEAT_ACK, null);
/** The server asks for a heartbeat. */
export const HEARTBEAT = frame(GatewayOpcode.HEARTBEAT, null);
export const RECONNECT = frame(GatewayOpcode.RECONNECT, null);
/** op 9, not resumable: identify anew. */
export const INVALID_SESSION = frame(GatewayOpcode.INVALID_SESSION, false);

/** RFC 1950: deflate with a 32 KiB window, no dictionary. */
export const ZLIB_HEADER_BYTES = 2;
const ZLIB_HEADER = [0x78, 0x01];
/** RFC 1951, 3.2.4: what a sync flush ends with; clients wait for it. It is an empty stored block. */
const SYNC_FLUSH = [0x00, 0x00, 0x00, 0xff, 0xff];
const STORED_BYTES_MAX = 0xffff;
const STORED_HEADER_BYTES = 5;

/**
 * A message as stored blocks of a zlib-stream: what every inflater reads, at no memory. A connection speaks so until it has a session,
 * because a compressor costs 312 KiB, and afterwards when the thread's compressors are all in use.
 */
export function storedBlocks(message: Uint8Array, first: boolean): Uint8Array {
  const blocks = Math.ceil(message.length / STORED_BYTES_MAX);
  const head = first ? ZLIB_HEADER_BYTES : 0;
  const out = new Uint8Array(head + blocks * STORED_HEADER_BYTES + message.length + SYNC_FLUSH.length);
  if (first) out.set(ZLIB_HEADER);
  let at = head;
  for (let from = 0; from < message.length; from += STORED_BYTES_MAX) {
    const part = message.subarray(from, from + STORED_BYTES_MAX);
    const { length } = part;
    out.set([0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff], at);
    out.set(part, at + STORED_HEADER_BYTES);
    at += STORED_HEADER_BYTES + length;
  }
  out.set(SYNC_FLUSH, at);
  return out;
}
