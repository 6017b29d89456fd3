// Wrong passwords, counted for each address and name together by one actor on the main thread, so that it does not matter
// which I/O thread an attacker's connections reach. An attempt counts when it begins and is taken back when the password was
// right: many at once can't exceed the limit. Others, from elsewhere or to other names, are not affected.

import type { Address, Behaviour, Message, Runtime } from '../../actor/types.ts';
import type { Clock } from '../../base/clock.ts';
import { assert } from '../../base/assert.ts';

/** Wrong passwords within the window. Enough for a forgetful person, nothing for a list of words. */
export const WRONG_PASSWORDS_MAX = 20;
export const WINDOW_MS = 15 * 60_000;
/**
 * Address and name pairs remembered: 10 MB. Full: the one that would end first is forgotten. Filling the table takes as many
 * argon2 runs, which is longer than a window.
 */
export const PAIRS_MAX = 50_000;

export const LOGINS = 'logins';

interface Entry {
  wrong: number;
  readonly endsMs: number;
}

export class LoginBook {
  readonly #clock: Clock;
  /** In the order in which their windows end. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts an attempt. 0: go on; else the seconds until the next may be made. */
  begin(address: string, name: string): number {
    const nowMs = this.#clock.monotonicMs();
    this.#expire(nowMs);
    const key = pairKey(address, name);
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= PAIRS_MAX) this.#forgetFirst();
      this.#entries.set(key, { wrong: 1, endsMs: nowMs + WINDOW_MS });
      return 0;
    }
    if (entry.wrong >= WRONG_PASSWORDS_MAX) return Math.max(1, Math.ceil((entry.endsMs - nowMs) / 1000));
    entry.wrong += 1;
    return 0;
  }

  /** The password was right: this attempt and the wrong ones before it are forgotten. */
  succeeded(address: string, name: string): void {
    this.#entries.delete(pairKey(address, name));
  }

  /** The attempt did not come to a verdict (busy): it doesn't count. */
  undo(address: string, name: string): void {
    const entry = this.#entries.get(pairKey(address, name));
    if (entry !== undefined && entry.wrong > 0) entry.wrong -= 1;
  }

  get size(): number {
    return this.#entries.size;
  }

  #expire(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.endsMs > nowMs) break;
      this.#entries.delete(key);
    }
  }

  #forgetFirst(): void {
    const first = this.#entries.keys().next();
    if (first.done !== true) this.#entries.delete(first.value);
  }
}

/** An IPv6 customer has a whole /64, so that is what counts as one address. */
export function addressGroup(address: string): string {
  const mapped = /^(?:0*:)*:?(?:0*:)*ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':');
}

function pairKey(address: string, name: string): string {
  return `${addressGroup(address)}\n${name}`;
}

interface LoginNotice extends Message {
  readonly k: 'begin' | 'succeeded' | 'undo';
  readonly address: string;
  readonly name: string;
}

/** The actor named LOGINS on the main thread. */
export function loginsActor(clock: Clock): Behaviour {
  const book = new LoginBook(clock);
  return {
    handleCall: (message) => {
      const { k, address, name } = message as LoginNotice;
      assert(k === 'begin', 'logins: unknown call');
      return { wait_s: book.begin(address, name) };
    },
    handleCast: (message) => {
      const { k, address, name } = message as LoginNotice;
      if (k === 'succeeded') book.succeeded(address, name);
      else if (k === 'undo') book.undo(address, name);
    },
  };
}

/** Supervises LOGINS; called once on the main thread. */
export function startLogins(runtime: Runtime): void {
  runtime.supervise({ id: LOGINS, start: () => loginsActor(runtime.clock), restart: 'permanent' });
}

/** How REST speaks to it. */
export class LoginGuard {
  readonly #runtime: Pick<Runtime, 'call' | 'cast' | 'threads'>;

  constructor(runtime: Pick<Runtime, 'call' | 'cast' | 'threads'>) {
    this.#runtime = runtime;
  }

  /** Seconds to wait; 0 lets the attempt be made. */
  async begin(address: string, name: string): Promise<number> {
    const answer = await this.#runtime.call<{ wait_s: number }>(this.#address(), { k: 'begin', address, name });
    return answer.wait_s;
  }

  succeeded(address: string, name: string): void {
    this.#runtime.cast(this.#address(), { k: 'succeeded', address, name });
  }

  undo(address: string, name: string): void {
    this.#runtime.cast(this.#address(), { k: 'undo', address, name });
  }

  #address(): Address {
    const [main] = this.#runtime.threads('main');
    assert(main !== undefined, 'no main thread');
    return { thread: main.index, name: LOGINS };
  }
}
