// Passwords: argon2id on libuv's pool, never on the event loop. A flood of logins waits in a bounded line here instead of
// taking memory: each hash in work holds MEMORY_KIB.

import { hash, type Options, verify } from '@node-rs/argon2';
import { apiError } from '../../protocol/errors.ts';

/** OWASP's second choice for argon2id: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
/** Of each thread; threads are as many as cores, so one at a time keeps every core busy and holds 19 MiB a thread. */
const AT_ONCE = 1;
/** Waiting beside it, per thread: two or three seconds of work. Full: 503, try again. */
export const WAITING_MAX = 64;
/** Of one address, so that one can't fill the line for all. Full: 429. */
export const WAITING_PER_ADDRESS_MAX = 32;

const OPTIONS: Options = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES, outputLen: 32 };

/** Longest password in UTF-8 bytes: argon2 takes any, but the client pays for the hashing of a megabyte, not we. */
export const PASSWORD_BYTES_MAX = 512;

/** A line of jobs, some of which run at once. */
export class HashQueue {
  readonly #atOnce: number;
  readonly #waiting: { readonly start: () => void }[] = [];
  readonly #byAddress = new Map<string, number>();
  #running = 0;

  constructor(atOnce = AT_ONCE) {
    this.#atOnce = atOnce;
  }

  /** Rejects with UNAVAILABLE when the line is full, with a 429 when it is full of this address. */
  async run<T>(address: string, job: () => Promise<T>): Promise<T> {
    const mine = this.#byAddress.get(address) ?? 0;
    if (mine >= WAITING_PER_ADDRESS_MAX) throw apiError('RATE_LIMITED', { retryAfter: 1 });
    if (this.#waiting.length >= WAITING_MAX) throw apiError('UNAVAILABLE', { retryAfter: 2 });
    this.#byAddress.set(address, mine + 1);
    try {
      if (this.#running >= this.#atOnce) await new Promise<void>((start) => this.#waiting.push({ start }));
      else this.#running += 1;
      try {
        return await job();
      } finally {
        // The place goes straight to the next in line.
        const next = this.#waiting.shift();
        if (next === undefined) this.#running -= 1;
        else next.start();
      }
    } finally {
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    }
  }

  get waiting(): number {
    return this.#waiting.length;
  }
}

const queue = new HashQueue();
/** Verified against when there is no such account, so that the answer takes as long. Made at the first need. */
let dummy: Promise<string> | undefined;

export function hashPassword(password: string, address = ''): Promise<string> {
  return queue.run(address, () => hash(password, OPTIONS));
}

/** Is it the password? With `stored` null the same work is done, and the answer is no. */
export async function verifyPassword(stored: string | null, password: string, address = ''): Promise<boolean> {
  return queue.run(address, async () => {
    dummy ??= hash('no such account', OPTIONS);
    const against = stored ?? (await dummy);
    const matches = await verify(against, password);
    return matches && stored !== null;
  });
}
