// Sockets without a network, for tests and simulation: what is sent is kept, the other end is driven by calls, and how much
// the network takes can be set.

import type { Socket, SocketData, SocketHandler } from './types.ts';

export interface MemorySocketOptions {
  readonly query?: string;
  readonly host?: string;
  readonly address?: string;
}

export class MemorySocket implements Socket {
  readonly #handler: SocketHandler;
  readonly #data: SocketData;
  /** Every frame that reached the other end, copied. */
  readonly received: { readonly bytes: Uint8Array; readonly isBinary: boolean }[] = [];
  /** Close code, once closed. */
  closeCode: number | undefined;
  /** Bytes that the network still takes before frames are buffered; Infinity: all. */
  windowBytes = Number.POSITIVE_INFINITY;
  /** Buffered bytes beyond which frames are dropped. */
  bufferedMax = 1024 * 1024;
  #buffered: { readonly bytes: Uint8Array; readonly isBinary: boolean }[] = [];
  #bufferedBytes = 0;
  corks = 0;

  constructor(handler: SocketHandler, options: MemorySocketOptions = {}) {
    this.#handler = handler;
    this.#data = {
      address: options.address ?? '127.0.0.1',
      query: options.query ?? 'v=10&encoding=json',
      host: options.host ?? 'localhost:8080',
      connection: null,
    };
    handler.open(this);
  }

  // ---- the server's side

  send(message: Uint8Array | string, isBinary = false): number {
    this.#mustBeOpen();
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message.slice();
    if (this.#buffered.length === 0 && this.windowBytes >= bytes.length) {
      this.windowBytes -= bytes.length;
      this.received.push({ bytes, isBinary });
      return 1;
    }
    if (this.#bufferedBytes > this.bufferedMax) return 2;
    this.#buffered.push({ bytes, isBinary });
    this.#bufferedBytes += bytes.length;
    return 0;
  }

  cork(callback: () => void): unknown {
    this.#mustBeOpen();
    this.corks += 1;
    callback();
    return this;
  }

  getBufferedAmount(): number {
    this.#mustBeOpen();
    return this.#bufferedBytes;
  }

  end(code = 1000): void {
    this.#mustBeOpen();
    this.closeCode = code;
    this.#handler.close(this, code);
  }

  close(): void {
    this.#mustBeOpen();
    this.closeCode = 1006;
    this.#handler.close(this, 1006);
  }

  getUserData(): SocketData {
    return this.#data;
  }

  #mustBeOpen(): void {
    if (this.closeCode !== undefined) throw new Error('Invalid access of closed socket');
  }

  // ---- the client's side

  get isOpen(): boolean {
    return this.closeCode === undefined;
  }

  write(message: string | Uint8Array, isBinary = typeof message !== 'string'): void {
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
    this.#handler.message(this, bytes.slice().buffer as ArrayBuffer, isBinary);
  }

  /** The network takes this much more. */
  open(bytes: number): void {
    this.windowBytes += bytes;
    while (this.#buffered.length > 0) {
      const next = this.#buffered[0] as { readonly bytes: Uint8Array; readonly isBinary: boolean };
      if (next.bytes.length > this.windowBytes) break;
      this.#buffered.shift();
      this.windowBytes -= next.bytes.length;
      this.#bufferedBytes -= next.bytes.length;
      this.received.push(next);
    }
    if (this.isOpen) this.#handler.drain(this);
  }

  /** The client closes, or (1006) its connection is cut. */
  leave(code: number): void {
    this.#mustBeOpen();
    this.closeCode = code;
    this.#handler.close(this, code);
  }
}
