// Events of one session alone: READY, snapshots, members chunks, and what came with a session from another thread. Each is
// freed when its session acknowledges it, so they don't push shared events out of the replay log.

import { NUMBER_MASK, PRIVATE } from './position.ts';

export interface PrivateLogLimits {
  readonly bytesMax: number;
  readonly entriesMax: number;
}

/** 64 MiB: the snapshots of a few hundred large guilds between sending and the next heartbeat. Beyond it the oldest go. */
export const PRIVATE_LOG_LIMITS: PrivateLogLimits = { bytesMax: 64 * 1024 * 1024, entriesMax: 1 << 18 };

export class PrivateLog {
  readonly #limits: PrivateLogLimits;
  /** In order of their numbers, so the first key is the oldest. */
  readonly #entries = new Map<number, Uint8Array>();
  #next = 0;
  #bytes = 0;

  constructor(limits: PrivateLogLimits = PRIVATE_LOG_LIMITS) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return this.#entries.size;
  }

  /** Keeps the event (not a copy: the caller gives it away) and answers its position. */
  append(event: Uint8Array): number {
    const number = this.#next;
    this.#next = (number + 1) & NUMBER_MASK;
    this.#entries.set(number, event);
    this.#bytes += event.length;
    // The newest always stays, however long it is.
    while (
      this.#entries.size > 1 &&
      (this.#bytes > this.#limits.bytesMax || this.#entries.size > this.#limits.entriesMax)
    ) {
      const oldest = this.#entries.keys().next().value as number;
      this.release(oldest);
    }
    return number | PRIVATE;
  }

  has(position: number): boolean {
    return this.#entries.has(position & NUMBER_MASK);
  }

  frame(position: number): Uint8Array | undefined {
    return this.#entries.get(position & NUMBER_MASK);
  }

  release(position: number): void {
    const number = position & NUMBER_MASK;
    const event = this.#entries.get(number);
    if (event === undefined) return;
    this.#entries.delete(number);
    this.#bytes -= event.length;
  }
}
