// A request's body on its way in. The transport feeds it chunks from the first moment (uWebSockets.js does not keep them);
// a route reads it whole with `read`. It keeps true: the bytes held by all requests of a thread never pass the budget, and a
// body that is too large, or that nobody wants, is thrown away as it comes.

import { assert } from '../../base/assert.ts';
import { type ApiError, apiError } from '../../protocol/errors.ts';

/** Bytes of bodies held by one thread, all requests together. */
export class BodyBudget {
  readonly max: number;
  #held = 0;

  constructor(max: number) {
    this.max = max;
  }

  get held(): number {
    return this.#held;
  }

  take(bytes: number): boolean {
    if (this.#held + bytes > this.max) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** The client went away before its request was whole; nobody is there to be answered. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

export class Body {
  /** The last byte has come. */
  complete = false;
  readonly #budget: BodyBudget;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #max: number;
  #failure: ApiError | ClientGone | null = null;
  #reader: { resolve: (bytes: Uint8Array) => void; reject: (error: Error) => void } | null = null;
  #onComplete: (() => void) | null = null;

  /** `declared`: Content-Length; `max`: the most that any route takes, in bytes. */
  constructor(budget: BodyBudget, declared: number, max: number) {
    this.#budget = budget;
    this.#max = max;
    if (declared > max) this.#fail(apiError('TOO_LARGE'));
  }

  /** A piece of the body; copied, because the transport takes its memory back. */
  push(chunk: ArrayBuffer, last: boolean): void {
    if (this.#failure === null && chunk.byteLength > 0) {
      if (this.#bytes + chunk.byteLength > this.#max) this.#fail(apiError('TOO_LARGE'));
      else if (!this.#budget.take(chunk.byteLength))
        this.#fail(apiError('UNAVAILABLE', { text: 'Too many uploads at once' }));
      else {
        this.#bytes += chunk.byteLength;
        this.#chunks.push(Buffer.from(new Uint8Array(chunk)));
      }
    }
    if (!last) return;
    this.complete = true;
    this.#deliver();
    this.#onComplete?.();
    this.#onComplete = null;
  }

  /** The whole body, at most `maxBytes`. May be asked once. */
  read(maxBytes: number): Promise<Uint8Array> {
    assert(this.#reader === null, 'a body is read once');
    if (maxBytes < this.#max) this.#max = maxBytes;
    if (this.#bytes > this.#max) this.#fail(apiError('TOO_LARGE'));
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      if (this.complete || this.#failure !== null) this.#deliver();
    });
  }

  /** Nobody wants what has not been read; what still comes is thrown away. */
  discard(): void {
    if (this.#failure === null) this.#fail(new ClientGone('the body was not wanted'));
  }

  /** The client went away. */
  abort(): void {
    if (this.#failure === null) this.#fail(new ClientGone('the client went away'));
    this.#onComplete?.();
    this.#onComplete = null;
  }

  /** Calls back once the last byte has come (at once when it has). */
  whenComplete(callback: () => void): void {
    if (this.complete) callback();
    else this.#onComplete = callback;
  }

  /** Gives the budget back; when the answer is out, or will never be. */
  release(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    this.#chunks = [];
  }

  #fail(error: ApiError | ClientGone): void {
    this.#failure = error;
    this.release();
    this.#deliver();
  }

  #deliver(): void {
    const reader = this.#reader;
    if (reader === null) return;
    if (this.#failure !== null) reader.reject(this.#failure);
    else if (this.complete)
      reader.resolve(this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks));
    else return;
    this.#reader = null;
  }
}
