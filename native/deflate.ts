// "zlib-stream": one zlib stream (RFC 1950) for a connection's life, flushed after each message, so that every output ends in
// 00 00 FF FF. In Rust where the binding is present, else node:zlib; the outputs differ in bytes and inflate to the same.

import { constants, createDeflate, type Deflate } from 'node:zlib';
import { assert } from '../src/base/assert.ts';
import { core, type CoreBinding, type CoreDeflate } from './binding.ts';

/**
 * Level 1 costs 2 us for a message of 900 bytes and makes it 5.9 times smaller; level 6 costs 11 us for 7.5 times
 * (shared/reference/native.md, C). A gateway runs out of processor before it runs out of bandwidth.
 */
export const DEFLATE_LEVEL_DEFAULT = 1;

/** Memory of one stream, for those who budget for it. */
export const DEFLATE_STREAM_BYTES = 312 * 1024;

export interface DeflateStream {
  /**
   * Compresses one message, which must not be empty, and hands its output to `done`: before it returns with the binding,
   * later without, always in order. `output` is valid only until `done` returns. Not called any more after `close`.
   */
  compress(input: Uint8Array, done: (output: Uint8Array) => void): void;
  /**
   * Bytes given to `compress` and not handed to `done` yet: always 0 with the binding. The portable stream has no bound of
   * its own for them: a session adds them to its socket's buffered bytes and closes at the limit it has for those.
   */
  readonly queuedBytes: number;
  /** Gives the stream's memory back. May be called twice. */
  close(): void;
}

/** Level 1 (fast) to 9 (small). */
export function createDeflateStream(level: number = DEFLATE_LEVEL_DEFAULT): DeflateStream {
  assert(Number.isInteger(level) && level >= 1 && level <= 9, 'deflate level outside 1 to 9');
  return core === undefined ? new PortableDeflateStream(level) : new NativeDeflateStream(core, level);
}

/** Output buffer of this thread, lent to one message at a time. Holds any message of up to 200 KiB. */
const SCRATCH_BYTES = 256 * 1024;
let scratch: Uint8Array | undefined;

class NativeDeflateStream implements DeflateStream {
  readonly queuedBytes = 0;
  readonly #deflate: CoreDeflate;
  #isClosed = false;

  constructor(binding: CoreBinding, level: number) {
    this.#deflate = new binding.Deflate(level);
  }

  compress(input: Uint8Array, done: (output: Uint8Array) => void): void {
    assert(input.byteLength > 0, 'an empty message has no compressed form');
    if (this.#isClosed) return;
    const output = takeScratch(outputBound(input.byteLength));
    const written = this.#deflate.compress(input, output);
    try {
      done(output.subarray(0, written));
    } finally {
      if (output.byteLength === SCRATCH_BYTES) scratch = output;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deflate.close();
  }
}

/** The same formula as `output_bound` in crates/compress, which refuses less. */
function outputBound(input: number): number {
  return input + Math.floor(input / 4) + 1024;
}

/** Takes the thread's buffer away, so that a `done` that compresses another message gets one of its own. */
function takeScratch(bytes: number): Uint8Array {
  if (bytes > SCRATCH_BYTES) return new Uint8Array(bytes);
  const taken = scratch ?? new Uint8Array(SCRATCH_BYTES);
  scratch = undefined;
  return taken;
}

interface Waiting {
  readonly input: Uint8Array;
  readonly done: (output: Uint8Array) => void;
}

class PortableDeflateStream implements DeflateStream {
  readonly #deflate: Deflate;
  /** Messages not begun yet; see `queuedBytes` for their bound. */
  #waiting: Waiting[] = [];
  /** Output of the message that is being compressed. */
  #parts: Uint8Array[] = [];
  #queuedBytes = 0;
  #isBusy = false;
  #isClosed = false;

  constructor(level: number) {
    this.#deflate = createDeflate({ level, flush: constants.Z_NO_FLUSH });
    this.#deflate.on('data', (part: Buffer) => this.#parts.push(part));
    // A stream that fails stays silent; its connection ends by its missing heartbeats.
    this.#deflate.on('error', () => this.close());
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  compress(input: Uint8Array, done: (output: Uint8Array) => void): void {
    assert(input.byteLength > 0, 'an empty message has no compressed form');
    if (this.#isClosed) return;
    // zlib reads the input later, on another thread, and the caller may change it as soon as we return. (A Buffer's slice() copies nothing.)
    this.#waiting.push({ input: new Uint8Array(input), done });
    this.#queuedBytes += input.byteLength;
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const message = this.#waiting.shift();
    this.#isBusy = message !== undefined;
    if (message === undefined) return;
    this.#deflate.write(message.input);
    this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
      if (this.#isClosed) return;
      this.#queuedBytes -= message.input.byteLength;
      const output = this.#takeOutput();
      try {
        message.done(output);
      } finally {
        this.#next();
      }
    });
  }

  #takeOutput(): Uint8Array {
    // What is still in the readable buffer: read() emits it as 'data' too.
    while (this.#deflate.read() !== null);
    const parts = this.#parts;
    this.#parts = [];
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.#queuedBytes = 0;
    this.#deflate.destroy();
  }
}
