// Who a token belongs to, per I/O thread: a bounded cache in front of the store. What holds: after the thread's AUTH actor has
// answered a revocation, none of its tokens is accepted, not even by a look-up that began before.

import { timingSafeEqual } from 'node:crypto';
import type { Behaviour, Message } from '../../actor/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { StoreReader } from '../../state/store/port.ts';
import type { TokenRecord } from '../../state/store/records.ts';
import type { Requester } from '../request.ts';
import { isTokenShaped, type Revoked, tokenHash } from './tokens.ts';

/** Tokens remembered: about 300 bytes each, so 3 MB. Full: the one remembered longest is forgotten, and read again when it comes. */
export const TOKENS_CACHED_MAX = 10_000;
/** Revocations are told, so this only bounds the harm of a thread that was not reached. */
export const TOKEN_CACHED_MS = 60_000;
/** A look-up is repeated when a revocation came in between; more often than this means a storm of them: not accepted. */
const LOOKUPS_MAX = 4;

/** A token's owner. `hash` names the token in revocations. */
export interface Account extends Requester {
  readonly kind: 'bot' | 'user';
  readonly hash: string;
}

export class Authenticator {
  readonly #store: Pick<StoreReader, 'get'>;
  readonly #clock: Clock;
  readonly #cache = new Map<string, { readonly account: Account; readonly untilMs: number }>();
  /** Counts revocations. */
  #revocations = 0;

  constructor(store: Pick<StoreReader, 'get'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** `text`: a token with or without `Bot ` or `Bearer ` before it. null when it is not valid. */
  async authenticate(text: string): Promise<Account | null> {
    const token = bareToken(text);
    if (!isTokenShaped(token)) return null;
    const hash = tokenHash(token);
    const cached = this.#cache.get(hash);
    if (cached !== undefined && cached.untilMs > this.#clock.monotonicMs()) return cached.account;
    for (let tries = 0; tries < LOOKUPS_MAX; tries += 1) {
      const before = this.#revocations;
      const account = accountOf(hash, await this.#store.get<TokenRecord>('token', [hash]));
      if (before === this.#revocations) {
        if (account !== null) this.#remember(account);
        return account;
      }
    }
    return null;
  }

  /** The behaviour to supervise as AUTH on this thread. */
  actor(): Behaviour {
    return {
      handleCall: (message: Message) => {
        if (message['k'] === 'revoked') this.revoked(message as Revoked);
        return {};
      },
      handleCast: (message: Message) => {
        if (message['k'] === 'revoked') this.revoked(message as Revoked);
      },
      // A gap: some message was lost on its way here, perhaps a revocation.
      handleInfo: () => this.forgetAll(),
    };
  }

  revoked(notice: Revoked): void {
    this.#revocations += 1;
    for (const hash of notice.hashes) this.#cache.delete(hash);
  }

  forgetAll(): void {
    this.#revocations += 1;
    this.#cache.clear();
  }

  #remember(account: Account): void {
    this.#cache.delete(account.hash);
    if (this.#cache.size >= TOKENS_CACHED_MAX) {
      const oldest = this.#cache.keys().next();
      if (oldest.done !== true) this.#cache.delete(oldest.value);
    }
    this.#cache.set(account.hash, { account, untilMs: this.#clock.monotonicMs() + TOKEN_CACHED_MS });
  }
}

/** Without the scheme's word, whatever its case. */
export function bareToken(text: string): string {
  return text.replace(/^(?:bot|bearer)\s+/i, '').trim();
}

function accountOf(hash: string, record: TokenRecord | null): Account | null {
  if (record === null || record.hash.length !== hash.length) return null;
  if (!timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash))) return null;
  const bot = record.kind === 'bot';
  // An application has the id of its bot user.
  return {
    user_id: record.user_id,
    bot,
    application_id: bot ? record.user_id : (null as Snowflake | null),
    kind: record.kind,
    hash,
  };
}
