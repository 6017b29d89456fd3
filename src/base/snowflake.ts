// Discord snowflakes: 42 bits of milliseconds since 2015-01-01, 5 bits worker, 5 bits process, 12 bits sequence.
// Ids travel as decimal strings of 17 to 19 digits, because JSON numbers lose them above 2^53.
// Source: discord.com/developers/docs/reference#snowflakes

import type { Clock } from './clock.ts';

/** A snowflake as a decimal string, never "0" or "". */
export type Snowflake = string;

export const EPOCH_MS = 1_420_070_400_000;
const SNOWFLAKE = /^[1-9]\d{0,19}$/;
const MAX = (1n << 64n) - 1n;

/** Is this text a well-formed, non-zero 64-bit id? */
export function isSnowflake(value: unknown): value is Snowflake {
  return typeof value === 'string' && SNOWFLAKE.test(value) && (value.length < 20 || BigInt(value) <= MAX);
}

/** Orders two ids as numbers: negative when a is the older. */
export function compareSnowflakes(a: Snowflake, b: Snowflake): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Milliseconds since 1970 at which the id was made. */
export function snowflakeTimeMs(id: Snowflake): number {
  return Number(BigInt(id) >> 22n) + EPOCH_MS;
}

/** The smallest id of a moment, for range scans. `timeMs` is since 1970. */
export function snowflakeAt(timeMs: number): Snowflake {
  return String(BigInt(Math.max(0, Math.floor(timeMs - EPOCH_MS))) << 22n);
}

/**
 * Gives ids that rise for as long as it lives, also when the clock steps back.
 * `worker` (0..31) and `process` (0..31) tell generators apart: no two live generators of a node may share them.
 */
export class SnowflakeGenerator {
  readonly #clock: Clock;
  readonly #node: bigint;
  #lastMs = 0;
  #sequence = 0;

  constructor(clock: Clock, worker: number, process: number) {
    this.#clock = clock;
    this.#node = (BigInt(worker & 31) << 17n) | (BigInt(process & 31) << 12n);
  }

  /** The next id; above `floor` when one is given (the last id stored in a channel). */
  next(floor?: Snowflake): Snowflake {
    let ms = this.#clock.nowMs() - EPOCH_MS;
    if (floor !== undefined) ms = Math.max(ms, Number(BigInt(floor) >> 22n));
    if (ms > this.#lastMs) {
      this.#lastMs = ms;
      this.#sequence = 0;
    } else {
      this.#sequence += 1;
      if (this.#sequence === 4096) {
        this.#lastMs += 1;
        this.#sequence = 0;
      }
    }
    const id = String((BigInt(this.#lastMs) << 22n) | this.#node | BigInt(this.#sequence));
    if (floor !== undefined && compareSnowflakes(id, floor) <= 0) {
      this.#lastMs += 1;
      this.#sequence = 0;
      return String((BigInt(this.#lastMs) << 22n) | this.#node);
    }
    return id;
  }
}
