// REST rate limits, shared by all I/O threads through one SharedArrayBuffer: an account may reach any of them. A bucket is a
// route (or a group that shares a limit's name), its major parameter and the account; it has a fixed window that opens with the
// first request, as clients expect (Remaining counts down, Reset stands still). Every account also has 50 requests a second
// overall. Buckets live in an open-addressed table by the hash of their key:
//
//   word 0      word 1      word 2     word 3     then slots of two words
//   hash seed   takeovers   refused    (free)     +--------------------+---------------------------------------------+
//                                                 | key, 64-bit hash   | ends, ms (38) | requests (20) | tag (6)     |
//                                                 +--------------------+---------------------------------------------+
//
// The state of a bucket is one word, changed by compare-and-exchange, so that a request is counted once whichever thread takes
// it. The tag, the key's top bits, tells a thread that still writes for the slot's former key from the new one. Times
// are milliseconds since 1970 modulo 2^38 (eight years): a window runs when its end lies ahead by no more than its length.
// Full: a key finds its slot within PROBE_MAX places. When all of them hold live windows, the one that ends first is taken over
// (its bucket starts afresh: the error lets through, never locks out) and counted. An account has at most
// GLOBAL_REQUESTS x window seconds of live buckets, so it takes hundreds of accounts at full speed to get there.
// Source: discord.com/developers/docs/topics/rate-limits

import { createHash, randomBytes } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Route } from './route.ts';

/** Requests a second of one account, all routes together, unless the configuration says otherwise. */
export const GLOBAL_REQUESTS = 50;
export const GLOBAL_WINDOW_MS = 1000;
/** 1 MiB: enough for 250 busy accounts, see above. A power of two. */
export const SLOTS = 65_536;
/** Slots looked at for a key; with half the table in use a run this long is one in tens of thousands. */
const PROBE_MAX = 16;
const HEADER_WORDS = 4;
const COUNT_MAX = (1 << 20) - 1;
const TIME_MODULUS = 2 ** 38;
/** Tells a window that runs from one long over. */
const WINDOW_MS_MAX = 3_600_000;
/** The times a word is tried again when another thread changed it first; each failure means that another thread got on. */
const RACES_MAX = 1000;

export interface Limit {
  readonly name: string;
  readonly requests: number;
  readonly windowMs: number;
}

/** What became of a request: it was counted, or it must wait. */
export interface Verdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the window is over. */
  readonly resetAfterMs: number;
  readonly resetAtMs: number;
}

/**
 * For routes that state no limit of their own: Discord's shape, with more room, since a self-hosted server has no strangers.
 * Ten messages in five seconds is twice what Discord grants a bot; adding and taking back reactions is as often as there
 * (four a second), because every one is a dispatch to the whole channel.
 */
const DEFAULTS: Readonly<Record<string, Limit>> = {
  'POST /channels/:channel_id/messages': { name: 'message-create', requests: 10, windowMs: 5000 },
  'PATCH /channels/:channel_id/messages/:message_id': { name: 'message-edit', requests: 10, windowMs: 5000 },
  // Its own bucket, as on Discord: moderation must go on while sending is slowed down.
  'DELETE /channels/:channel_id/messages/:message_id': { name: 'message-delete', requests: 10, windowMs: 1000 },
  'POST /channels/:channel_id/messages/bulk-delete': { name: 'message-bulk-delete', requests: 5, windowMs: 1000 },
  'POST /channels/:channel_id/typing': { name: 'typing', requests: 10, windowMs: 5000 },
  'GET /gateway/bot': { name: 'gateway-bot', requests: 20, windowMs: 5000 },
};
const REACTION: Limit = { name: 'reaction', requests: 4, windowMs: 1000 };
const READ = { requests: 50, windowMs: 5000 };
const WRITE = { requests: 20, windowMs: 5000 };

/** The limit a route has when it states none. */
export function limitOf(route: Pick<Route, 'method' | 'path' | 'limit'>): Limit {
  if (route.limit !== undefined) return route.limit;
  const name = `${route.method} ${route.path}`;
  const known = DEFAULTS[name];
  if (known !== undefined) return known;
  if (route.path.includes('/reactions/') && route.method !== 'GET') return REACTION;
  return { name, ...(route.method === 'GET' ? READ : WRITE) };
}

/** Bucket name for clients: the same for all ids, and tells nothing about them. */
export function bucketHash(limit: Limit): string {
  return createHash('sha256').update(`guildhall bucket ${limit.name}`).digest('hex').slice(0, 32);
}

/** Made once by the boot code and handed to every I/O thread. */
export function createRateLimitTable(slots = SLOTS): SharedArrayBuffer {
  assert(slots >= PROBE_MAX && (slots & (slots - 1)) === 0, 'slots is a power of two');
  const buffer = new SharedArrayBuffer((HEADER_WORDS + 2 * slots) * 8);
  // The seed keeps clients from choosing keys that fall on each other.
  new BigInt64Array(buffer)[0] = randomBytes(8).readBigInt64LE();
  return buffer;
}

export class RateLimiter {
  readonly #words: BigInt64Array;
  readonly #mask: number;
  readonly #seedLow: number;
  readonly #seedHigh: number;
  readonly #clock: Clock;
  readonly #enforced: boolean;
  readonly #overall: Limit;

  /**
   * `enforced: false` (limits.rate = off) lets everything through, with headers of a bucket that nobody can empty: hikari counts
   * what a window has left by itself, and would wait for the next one.
   * `overall`: requests a second of one account.
   */
  constructor(table: SharedArrayBuffer, clock: Clock, enforced: boolean, overall = GLOBAL_REQUESTS) {
    this.#overall = { name: '', requests: Math.min(overall, COUNT_MAX), windowMs: GLOBAL_WINDOW_MS };
    this.#words = new BigInt64Array(table);
    this.#mask = (this.#words.length - HEADER_WORDS) / 2 - 1;
    const seed = BigInt.asUintN(64, this.#words[0] as bigint);
    this.#seedLow = Number(seed & 0xffff_ffffn) | 0;
    this.#seedHigh = Number(seed >> 32n) | 0;
    this.#clock = clock;
    this.#enforced = enforced;
  }

  /** Counts a request of `account` against what it has a second overall. */
  takeGlobal(account: string): Verdict {
    return this.take(this.#overall, '', account);
  }

  /** Counts a request, or refuses it. A refused request costs nothing. */
  take(limit: Limit, major: string, account: string): Verdict {
    assert(limit.requests >= 1 && limit.requests <= COUNT_MAX, 'a limit is at least one request');
    assert(limit.windowMs <= WINDOW_MS_MAX, 'a window is at most an hour');
    const nowMs = Math.floor(this.#clock.nowMs());
    if (!this.#enforced) return verdict(true, COUNT_MAX, 1, nowMs, limit.windowMs);
    const key = this.#hash(`${limit.name}\n${major}\n${account}`);
    const slot = this.#find(key, nowMs);
    for (let race = 0; race < RACES_MAX; race += 1) {
      const before = Atomics.load(this.#words, slot + 1);
      const { leftMs, count } = readState(before, key, limit, nowMs);
      if (count >= limit.requests) {
        Atomics.add(this.#words, 2, 1n);
        return verdict(false, limit.requests, count, nowMs, leftMs);
      }
      const after = packState(nowMs + leftMs, count + 1, key);
      if (Atomics.compareExchange(this.#words, slot + 1, before, after) === before) {
        return verdict(true, limit.requests, count + 1, nowMs, leftMs);
      }
    }
    // A word fought over this long is one whose limit others are reaching already.
    return verdict(false, limit.requests, limit.requests, nowMs, limit.windowMs);
  }

  /** Buckets that were cut short because the table was full, and requests refused, since the table was made. */
  stats(): { takeovers: number; refused: number } {
    return { takeovers: Number(Atomics.load(this.#words, 1)), refused: Number(Atomics.load(this.#words, 2)) };
  }

  /** Index of the first word of the key's slot; claims one when there is none. */
  #find(key: bigint, nowMs: number): number {
    const start = Number(BigInt.asUintN(32, key)) & this.#mask;
    let best = -1;
    let bestKey = 0n;
    let bestLeftMs = Number.POSITIVE_INFINITY;
    for (let probe = 0; probe < PROBE_MAX; probe += 1) {
      const slot = HEADER_WORDS + 2 * ((start + probe) & this.#mask);
      const there = Atomics.load(this.#words, slot);
      if (there === key) return slot;
      const leftMs = there === 0n ? 0 : leftOf(Atomics.load(this.#words, slot + 1), nowMs);
      // All that is over is as good as empty, and the first such place is the best one.
      if (leftMs < bestLeftMs) {
        best = slot;
        bestKey = there;
        bestLeftMs = leftMs;
      }
    }
    if (bestLeftMs > 0) Atomics.add(this.#words, 1, 1n);
    const before = Atomics.compareExchange(this.#words, best, bestKey, key);
    if (before === bestKey || before === key) return best;
    // Another thread took the place for another key in this instant; both count there once, and the tag starts the window anew.
    return best;
  }

  /** Two 32-bit FNV-1a hashes with different seeds, mixed; never 0, which means empty. */
  #hash(text: string): bigint {
    let low = this.#seedLow ^ 0x811c9dc5;
    let high = this.#seedHigh ^ 0x01000193;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x85ebca6b);
      high ^= high >>> 13;
    }
    low ^= low >>> 16;
    low = Math.imul(low, 0xc2b2ae35);
    low ^= low >>> 15;
    high = Math.imul(high ^ (high >>> 16), 0x27d4eb2f);
    const hash = BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
    return hash === 0n ? 1n : hash;
  }
}

function tagOf(key: bigint): bigint {
  return BigInt.asUintN(6, key >> 58n);
}

function packState(endsMs: number, count: number, key: bigint): bigint {
  return BigInt.asIntN(64, (BigInt(endsMs % TIME_MODULUS) << 26n) | (BigInt(count) << 6n) | tagOf(key));
}

/** Milliseconds that a window still runs; 0 when it is over (an end that lies too far ahead is one long past). */
function leftOf(state: bigint, nowMs: number): number {
  const endsMs = Number(BigInt.asUintN(64, state) >> 26n);
  const leftMs = (endsMs - (nowMs % TIME_MODULUS) + TIME_MODULUS) % TIME_MODULUS;
  return leftMs <= WINDOW_MS_MAX ? leftMs : 0;
}

/** The running window; a new one when it is over, when the slot was another key's, or when the wall clock stepped back. */
function readState(state: bigint, key: bigint, limit: Limit, nowMs: number): { leftMs: number; count: number } {
  const leftMs = leftOf(state, nowMs);
  const isRunning = leftMs > 0 && leftMs <= limit.windowMs && (state & 0x3fn) === tagOf(key);
  if (!isRunning) return { leftMs: limit.windowMs, count: 0 };
  return { leftMs, count: Number((state >> 6n) & 0xf_ffffn) };
}

function verdict(allowed: boolean, limit: number, count: number, nowMs: number, leftMs: number): Verdict {
  const remaining = Math.max(0, limit - count);
  return { allowed, limit, remaining, resetAfterMs: leftMs, resetAtMs: nowMs + leftMs };
}
