// The outlet of a zlib-stream connection: one zlib stream for the connection's life, every message ends in a sync flush and is
// sent as a binary frame. The stream begins with stored blocks and goes on compressed once there is a session.

import type { DeflateStream } from '../../../native/deflate.ts';
import type { Outlet } from '../../service/session/session.ts';
import type { Socket } from '../transport/types.ts';
import { storedBlocks, ZLIB_HEADER_BYTES } from './frames.ts';

/** Waiting input beyond which the sender is told to wait; only the portable compressor lets any wait. */
const QUEUED_BYTES_MAX = 64 * 1024;

/** The thread's compressors: bounded, because each costs 312 KiB. */
export class DeflatePool {
  readonly #max: number;
  readonly #create: () => DeflateStream;
  #used = 0;

  constructor(max: number, create: () => DeflateStream) {
    this.#max = max;
    this.#create = create;
  }

  get used(): number {
    return this.#used;
  }

  take(): DeflateStream | null {
    if (this.#used >= this.#max) return null;
    this.#used += 1;
    return this.#create();
  }

  giveBack(stream: DeflateStream): void {
    this.#used -= 1;
    stream.close();
  }
}

export class ZlibOutlet implements Outlet {
  readonly #socket: Socket;
  readonly #pool: DeflatePool;
  #stream: DeflateStream | null = null;
  #started = false;
  #stripHeader = false;
  #closed = false;
  #result = 1;
  #toldToWait = false;
  /** Called when a sender that was told to wait may go on. */
  onRoom: (() => void) | null = null;

  constructor(socket: Socket, pool: DeflatePool) {
    this.#socket = socket;
    this.#pool = pool;
  }

  /** From here on messages are compressed, if there is a compressor to be had. */
  compress(): void {
    if (this.#stream !== null || this.#closed) return;
    this.#stream = this.#pool.take();
    // The compressor begins with a header of its own, which the stream has had already.
    this.#stripHeader = this.#started;
  }

  send(message: Uint8Array): number {
    if (this.#closed) return 2;
    const stream = this.#stream;
    if (stream === null) {
      const first = !this.#started;
      this.#started = true;
      return this.#socket.send(storedBlocks(message, first), true);
    }
    this.#started = true;
    this.#result = 1;
    stream.compress(message, this.#output);
    if (stream.queuedBytes <= QUEUED_BYTES_MAX) return this.#result;
    this.#toldToWait = true;
    return 0;
  }

  readonly #output = (compressed: Uint8Array): void => {
    if (this.#closed) return;
    let out = compressed;
    if (this.#stripHeader) {
      this.#stripHeader = false;
      out = compressed.subarray(ZLIB_HEADER_BYTES);
    }
    this.#result = this.#socket.send(out, true);
    if (this.#result === 2) {
      // A hole in the stream can't be read over.
      this.close();
      this.#socket.close();
      return;
    }
    if (!this.#toldToWait || (this.#stream?.queuedBytes ?? 0) > QUEUED_BYTES_MAX / 2) return;
    this.#toldToWait = false;
    this.onRoom?.();
  };

  cork(callback: () => void): unknown {
    return this.#socket.cork(callback);
  }

  getBufferedAmount(): number {
    if (this.#closed) return 0;
    return this.#socket.getBufferedAmount() + (this.#stream?.queuedBytes ?? 0);
  }

  end(code?: number, reason?: string): void {
    if (this.#closed) return;
    this.close();
    this.#socket.end(code, reason);
  }

  /** The socket is gone: the compressor goes back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#stream !== null) this.#pool.giveBack(this.#stream);
    this.#stream = null;
  }
}
