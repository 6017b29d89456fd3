// One HTTP request and its answer. Owns uWebSockets.js' response object from the handler on: it must not be touched after an
// abort or after its end, and every write made later than the handler must be corked. Keeps true: exactly one answer; an answer
// to a request whose body is still coming waits for the rest a moment (and throws it away), so that the client can read it.

import { open, type FileHandle } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from 'uWebSockets.js';
import { Body, type BodyBudget } from './body.ts';
import type { Head } from './head.ts';
import type { HttpReply, HttpRequest } from './types.ts';

/** A file goes out in pieces of this many bytes; one piece per download is held. */
export const FILE_CHUNK_BYTES = 128 * 1024;

/** What a client is told when its answer could not be made. */
export const FAILED: HttpReply = {
  status: 500,
  headers: { 'Content-Type': 'application/json' },
  body: '{"message":"500: Internal Server Error","code":0}',
};

export interface ExchangeOptions {
  readonly budget: BodyBudget;
  readonly bodyBytesMax: number;
  /** The body must be whole after this long, or the connection is cut. */
  readonly requestMs: number;
  /** How long an answer waits for a body that nobody wants. */
  readonly lingerMs: number;
  readonly onError: (error: unknown) => void;
}

export class Exchange implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly address: string;
  readonly #res: HttpResponse;
  readonly #body: Body;
  readonly #options: ExchangeOptions;
  /** uWebSockets.js takes trailers for the next request: a connection that brought a chunked body brings nothing more. */
  readonly #closes: boolean;
  /** The response object is gone: the client went away, or the answer is out. */
  #over = false;
  #answered = false;
  #deadline: NodeJS.Timeout | null = null;
  #onWritable: (() => void) | null = null;

  /** Must be made inside uWebSockets.js' handler: it attaches the data and abort handlers. */
  constructor(res: HttpResponse, head: Head, address: string, options: ExchangeOptions) {
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.headers = head.headers;
    this.address = address;
    this.#res = res;
    this.#options = options;
    this.#closes = head.framing === 'chunked';
    this.#body = new Body(options.budget, head.contentLength, options.bodyBytesMax);
    res.onAborted(() => this.#aborted());
    res.onData((chunk, last) => {
      if (this.#body.complete) return;
      this.#body.push(chunk, last);
      if (last && this.#deadline !== null) {
        clearTimeout(this.#deadline);
        this.#deadline = null;
      }
    });
    if (head.framing !== 'none') {
      this.#deadline = setTimeout(() => this.cut(), options.requestMs);
      this.#deadline.unref();
    }
  }

  body(maxBytes: number): Promise<Uint8Array> {
    return this.#body.read(maxBytes);
  }

  /** Answers; later calls, and calls after the client went away, do nothing. */
  answer(reply: HttpReply): void {
    if (this.#over || this.#answered) return;
    this.#answered = true;
    if (this.#body.complete) {
      this.#write(reply, this.#closes);
      return;
    }
    this.#body.discard();
    const timer = setTimeout(() => this.#write(reply, true), this.#options.lingerMs);
    timer.unref();
    this.#body.whenComplete(() => {
      clearTimeout(timer);
      // Not from within the data handler: it may be the same call that ends the body.
      setImmediate(() => this.#write(reply, this.#closes));
    });
  }

  /** Cuts the connection without an answer. */
  cut(): void {
    if (this.#over) return;
    this.#res.close();
  }

  #aborted(): void {
    this.#over = true;
    this.#body.abort();
    this.#finish();
    this.#onWritable?.();
  }

  #finish(): void {
    this.#over = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
    this.#body.release();
  }

  #write(reply: HttpReply, close: boolean): void {
    if (this.#over) return;
    if (reply.file !== undefined && this.method !== 'HEAD') {
      void this.#stream(reply, reply.file, close);
      return;
    }
    try {
      this.#res.cork(() => this.#writeCorked(reply, close));
    } catch (error) {
      // A reply that can't be written (a header that is no text): half of it may be out, so nothing else can follow.
      this.#options.onError(error);
      this.cut();
    }
    this.#finish();
  }

  #writeCorked(reply: HttpReply, close: boolean): void {
    const { status, body } = reply;
    writeHead(this.#res, reply);
    if (this.method === 'HEAD' && status !== 204) {
      const size = reply.file?.size ?? (body === undefined ? 0 : Buffer.byteLength(body));
      this.#res.endWithoutBody(size, close);
    } else if ((status === 204 || status === 304) && !close) {
      // No Content-Length belongs to these (RFC 9110 section 8.6); an argument, even undefined, would write one.
      this.#res.endWithoutBody();
    } else this.#res.end(body ?? '', close);
  }

  async #stream(
    reply: HttpReply,
    file: { readonly path: string; readonly size: number },
    close: boolean,
  ): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await open(file.path, 'r');
    } catch (error) {
      this.#options.onError(error);
      this.#write(FAILED, close);
      return;
    }
    try {
      await this.#pump(reply, handle, file.size);
    } catch (error) {
      this.#options.onError(error);
      // The head is out: there is no other way to say that the rest will not come.
      this.cut();
    } finally {
      handle.close().catch(this.#options.onError);
    }
  }

  async #pump(reply: HttpReply, handle: FileHandle, size: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(FILE_CHUNK_BYTES, Math.max(size, 1)));
    let headOut = false;
    let position = 0;
    do {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - position), position);
      if (this.#over) return;
      if (bytesRead === 0 && position < size) throw new Error('file is shorter than it was');
      const piece = buffer.subarray(0, bytesRead);
      const start = position;
      position += bytesRead;
      await this.#sendPiece(piece, start, size, headOut ? null : reply);
      headOut = true;
    } while (!this.#over && position < size);
  }

  /** Resolves when the piece is in the kernel's hands, the answer is complete, or the client is gone. */
  #sendPiece(piece: Buffer, start: number, size: number, head: HttpReply | null): Promise<void> {
    return new Promise((resolve) => {
      const res = this.#res;
      let fits = true;
      res.cork(() => {
        if (head !== null) writeHead(res, head);
        if (size === 0) {
          res.end();
          this.#finish();
          return;
        }
        const [ok, done] = res.tryEnd(piece, size);
        if (done) this.#finish();
        else fits = ok;
      });
      if (fits) {
        resolve();
        return;
      }
      this.#onWritable = resolve;
      res.onWritable((offset) => {
        const [ok, done] = res.tryEnd(piece.subarray(offset - start), size);
        if (done) this.#finish();
        if (ok || done) {
          this.#onWritable = null;
          resolve();
        }
        return ok;
      });
    });
  }
}

/** Status line and headers. A value that would break out of its line is left out: none is made from client text unchecked. */
export function writeHead(res: HttpResponse, reply: HttpReply): void {
  res.writeStatus(`${reply.status} ${STATUS_CODES[reply.status] ?? 'Unknown'}`);
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    if (!/[\r\n\0]/.test(value)) res.writeHeader(name, value);
  }
}
