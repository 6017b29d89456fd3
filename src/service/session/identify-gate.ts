// Identify concurrency: an account may start one session per key (shard id modulo max_concurrency) every five seconds. One I/O
// thread keeps the table of an account, chosen by its id, so that all threads agree.

import type { Clock } from '../../base/clock.ts';
import type { Snowflake } from '../../base/snowflake.ts';

/** Clients wait 5,000 ms from their own clock's view of the last identify; the way there may have been slower than the next. */
export const IDENTIFY_WINDOW_MS = 4_750;
/** Keys remembered: 20,000 identifies a minute fill 1,700 in a window; beyond this the oldest is forgotten. */
const KEYS_MAX = 100_000;

export class IdentifyGate {
  readonly #clock: Clock;
  /** `${user}:${key}` -> when it identified last; oldest first, because an entry is re-inserted. */
  readonly #last = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** May this key identify now? Counts when it may. */
  admit(userId: Snowflake, key: number): boolean {
    const now = this.#clock.monotonicMs();
    for (const [name, at] of this.#last) {
      if (now - at < IDENTIFY_WINDOW_MS && this.#last.size <= KEYS_MAX) break;
      this.#last.delete(name);
    }
    const name = `${userId}:${key}`;
    if (this.#last.has(name)) return false;
    this.#last.set(name, now);
    return true;
  }
}

/** Which of the I/O threads keeps an account's table. */
export function gateOwner(userId: Snowflake, threads: number): number {
  return Number(BigInt(userId) % BigInt(threads));
}
