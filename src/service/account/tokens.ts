// Tokens of people and bots: 256 random bits in the form clients know, of which only the SHA-256 is stored. Making and
// revoking; looking one up is authenticator.ts. What holds: a token works from the moment its row is durable until its row is
// gone, and when revokeTokens resolves no I/O thread of the node accepts it any more and its sessions are being closed.

import { createHash, randomBytes } from 'node:crypto';
import { CallError, type Message } from '../../actor/types.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { StoreOp } from '../../state/store/port.ts';
import type { TokenRecord, UserRecord } from '../../state/store/records.ts';
import { RELAY } from '../topic.ts';
import type { AccountDeps } from './deps.ts';

/** Random bytes of a token's last part. */
const SECRET_BYTES = 32;
/** Tokens an account may hold: many devices. With one more, the oldest ends. */
export const USER_TOKENS_MAX = 50;
/** An I/O thread that doesn't answer within this is stuck; its cache runs out by itself (authenticator.ts). */
const REVOKE_TIMEOUT_MS = 900;

/** The actor on each I/O thread that drops revoked tokens from its cache. */
export const AUTH = 'auth';

/** Call to AUTH and cast to RELAY: the tokens with these hashes, all of one user, are gone. */
export interface Revoked extends Message {
  readonly k: 'revoked';
  readonly user_id: Snowflake;
  readonly hashes: readonly string[];
}

/** Hex SHA-256. A fast hash is enough for 256 random bits. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** `<base64url of the user id>.<base64url of the time>.<base64url of 32 random bytes>`. */
export function makeToken(userId: Snowflake, nowMs: number): string {
  const time = Buffer.alloc(6);
  time.writeUIntBE(Math.max(0, Math.floor(nowMs)), 0, 6);
  const parts = [Buffer.from(userId), time, randomBytes(SECRET_BYTES)];
  return parts.map((part) => part.toString('base64url')).join('.');
}

const TOKEN = /^[A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{8}\.[A-Za-z0-9_-]{43}$/;

/** Could it be a token of ours? Spares the store a look for what is obviously none. */
export function isTokenShaped(text: string): boolean {
  return text.length <= 96 && TOKEN.test(text);
}

/** The rows of a new token, for batches of many accounts. */
export function tokenOps(user: UserRecord, token: string, nowMs: number): StoreOp[] {
  const hash = tokenHash(token);
  const record: TokenRecord = {
    hash,
    user_id: user.id,
    kind: user.bot ? 'bot' : 'user',
    created_at_ms: Math.floor(nowMs),
  };
  return [
    { op: 'put', table: 'token', key: [hash], doc: { ...record } },
    { op: 'put', table: 'user_token', key: [user.id, hash], doc: { hash, created_at_ms: record.created_at_ms } },
  ];
}

/** Makes one more token; durable when it resolves. The text is shown this once. */
export async function createToken(deps: AccountDeps, user: UserRecord): Promise<{ token: string }> {
  const nowMs = deps.runtime.clock.nowMs();
  const token = makeToken(user.id, nowMs);
  const held = await tokensOf(deps, user.id);
  await deps.store.commit(tokenOps(user, token, nowMs));
  if (held.length >= USER_TOKENS_MAX) {
    held.sort((a, b) => a.created_at_ms - b.created_at_ms);
    const ended = held.slice(0, held.length + 1 - USER_TOKENS_MAX).map((row) => row.hash);
    await endTokens(deps, user.id, ended);
  }
  return { token };
}

/** Revokes every token of the account and ends its live sessions; how many there were. */
export async function revokeTokens(deps: AccountDeps, userId: Snowflake): Promise<number> {
  const hashes = (await tokensOf(deps, userId)).map((row) => row.hash);
  await endTokens(deps, userId, hashes);
  return hashes.length;
}

/** Revokes one token, by its hash (logging out). */
export async function revokeToken(deps: AccountDeps, userId: Snowflake, hash: string): Promise<void> {
  await endTokens(deps, userId, [hash]);
}

function tokensOf(deps: AccountDeps, userId: Snowflake): Promise<{ hash: string; created_at_ms: number }[]> {
  return deps.store.list<{ hash: string; created_at_ms: number }>('user_token', [userId]);
}

async function endTokens(deps: AccountDeps, userId: Snowflake, hashes: readonly string[]): Promise<void> {
  if (hashes.length > 0) {
    await deps.store.commit(
      hashes.flatMap((hash): StoreOp[] => [
        { op: 'delete', table: 'token', key: [hash] },
        { op: 'delete', table: 'user_token', key: [userId, hash] },
      ]),
    );
  }
  await announce(deps, { k: 'revoked', user_id: userId, hashes });
}

/** The rows are gone; now every thread forgets what it remembers, and closes what lives by it. */
async function announce(deps: AccountDeps, revoked: Revoked): Promise<void> {
  const { runtime } = deps;
  const forgotten = runtime.threads('io').map(async (thread) => {
    try {
      await runtime.call({ thread: thread.index, name: AUTH }, revoked, REVOKE_TIMEOUT_MS);
    } catch (error) {
      // A thread that is down or restarting remembers nothing.
      if (!(error instanceof CallError)) throw error;
    }
    runtime.cast({ thread: thread.index, name: RELAY }, revoked);
  });
  await Promise.all(forgotten);
}
