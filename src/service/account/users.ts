// User accounts: making one, making many, changing one. A person's name is claimed by an insert into `username` in the same
// batch as the user, so that two who ask for it at once can't both have it.

import { randomInt } from 'node:crypto';
import type { Snowflake } from '../../base/snowflake.ts';
import { assert } from '../../base/assert.ts';
import { formError } from '../../protocol/form.ts';
import { BATCH_OPS_MAX, StoreConflict, type StoreOp } from '../../state/store/port.ts';
import type { UserRecord } from '../../state/store/records.ts';
import type { AccountDeps } from './deps.ts';
import { plausibleName } from './names.ts';
import { hashPassword, PASSWORD_BYTES_MAX } from './passwords.ts';
import { makeToken, tokenOps } from './tokens.ts';
import { checkDisplayName, checkUsername, foldUsername, usernameTaken } from './usernames.ts';

export const PASSWORD_MIN = 6;
/** Accounts of one batch: four rows each stay far below BATCH_OPS_MAX. */
const BULK_BATCH = 2_000;
/** New draws of names when one of a batch is taken; each is independent, and a name is taken once in thousands. */
const BULK_TRIES_MAX = 20;

export interface NewUser {
  readonly username: string;
  /** null: logs in by token only. */
  readonly password: string | null;
  readonly global_name?: string | null;
  /** Whose turn in the line of the password hasher. */
  readonly address?: string;
}

/** Makes a person's account; durable when it resolves. Throws INVALID_FORM for a bad or taken name or a bad password. */
export async function createUser(deps: AccountDeps, from: NewUser): Promise<UserRecord> {
  const username = checkUsername(from.username);
  const globalName = checkDisplayName(from.global_name ?? null);
  if (from.password !== null) checkPassword(from.password);
  // Looked up first as well, so that a taken name costs no hashing; the insert below decides.
  const folded = foldUsername(username);
  if ((await deps.store.get('username', [folded])) !== null) throw usernameTaken();
  const user = newUser(deps, username, globalName);
  if (from.password !== null) user.password_hash = await hashPassword(from.password, from.address);
  try {
    await deps.store.commit(personOps(user));
  } catch (error) {
    if (error instanceof StoreConflict) throw usernameTaken();
    throw error;
  }
  return user;
}

export function checkPassword(password: string, field = 'password'): void {
  const bytes = Buffer.byteLength(password);
  if (password.length < PASSWORD_MIN || bytes > PASSWORD_BYTES_MAX) {
    const message = `Must be between ${PASSWORD_MIN} and ${PASSWORD_BYTES_MAX} in length.`;
    throw formError([field], 'BASE_TYPE_BAD_LENGTH', message);
  }
}

export interface BulkAccount {
  readonly user: UserRecord;
  /** null when no tokens were asked for. */
  readonly token: string | null;
}

/** Makes many accounts with plausible names, without passwords. In batches: an error leaves whole batches behind. */
export async function createUsers(
  deps: AccountDeps,
  options: { readonly count: number; readonly tokens: boolean },
): Promise<BulkAccount[]> {
  assert(BULK_BATCH * 4 <= BATCH_OPS_MAX, 'a bulk batch fits into one commit');
  const out: BulkAccount[] = [];
  while (out.length < options.count) {
    const batch = await createBatch(deps, Math.min(BULK_BATCH, options.count - out.length), options.tokens);
    for (const account of batch) out.push(account);
  }
  return out;
}

async function createBatch(deps: AccountDeps, count: number, tokens: boolean): Promise<BulkAccount[]> {
  for (let tries = 0; ; tries += 1) {
    const accounts = await drawAccounts(deps, count, tokens);
    const ops: StoreOp[] = [];
    const nowMs = deps.runtime.clock.nowMs();
    for (const { user, token } of accounts) {
      ops.push(...personOps(user));
      if (token !== null) ops.push(...tokenOps(user, token, nowMs));
    }
    try {
      await deps.store.commit(ops);
      return accounts;
    } catch (error) {
      const taken = error instanceof StoreConflict;
      if (!taken || tries >= BULK_TRIES_MAX) throw error;
    }
  }
}

/** Accounts whose names are free among themselves and, a moment ago, in the store. */
async function drawAccounts(deps: AccountDeps, count: number, tokens: boolean): Promise<BulkAccount[]> {
  const nowMs = deps.runtime.clock.nowMs();
  const names = new Map<string, { username: string; global_name: string }>();
  while (names.size < count) {
    const name = plausibleName((below) => randomInt(below));
    names.set(name.username, name);
  }
  const taken = await deps.store.getMany(
    'username',
    [...names.keys()].map((folded) => [folded]),
  );
  const list = [...names.values()];
  taken.forEach((row, i) => {
    const name = list[i];
    if (row === null || name === undefined) return;
    // Taken: the digits grow until it is as good as free.
    list[i] = { ...name, username: `${name.username}${randomInt(1_000_000)}` };
  });
  return list.map((name) => {
    const user = newUser(deps, name.username, name.global_name);
    return { user, token: tokens ? makeToken(user.id, nowMs) : null };
  });
}

function newUser(deps: AccountDeps, username: string, globalName: string | null): UserRecord {
  return {
    id: deps.ids.next(),
    username,
    discriminator: '0',
    global_name: globalName,
    avatar: null,
    banner: null,
    accent_color: null,
    bot: false,
    flags: 0,
    created_at_ms: Math.floor(deps.runtime.clock.nowMs()),
  };
}

function personOps(user: UserRecord): StoreOp[] {
  return [
    { op: 'insert', table: 'username', key: [foldUsername(user.username)], doc: { user_id: user.id } },
    { op: 'put', table: 'user', key: [user.id], doc: { ...user } },
  ];
}

export interface UserChange {
  readonly username?: string;
  readonly global_name?: string | null;
  readonly avatar?: string | null;
  readonly banner?: string | null;
  readonly accent_color?: number | null;
}

/** Changes a user; durable when it resolves. Telling the guilds and sessions of it is the caller's part. */
export async function updateUser(deps: AccountDeps, userId: Snowflake, change: UserChange): Promise<UserRecord | null> {
  const user = await deps.store.get<UserRecord>('user', [userId]);
  if (user === null) return null;
  const next: UserRecord = { ...user };
  const ops: StoreOp[] = [];
  if (change.username !== undefined && change.username !== user.username) {
    next.username = checkUsername(change.username);
    const before = foldUsername(user.username);
    const after = foldUsername(next.username);
    if (!user.bot && after !== before) {
      ops.push({ op: 'insert', table: 'username', key: [after], doc: { user_id: user.id } });
      ops.push({ op: 'delete', table: 'username', key: [before] });
    }
  }
  if (change.global_name !== undefined) next.global_name = checkDisplayName(change.global_name);
  if (change.avatar !== undefined) next.avatar = change.avatar;
  if (change.banner !== undefined) next.banner = change.banner;
  if (change.accent_color !== undefined) next.accent_color = change.accent_color;
  ops.push({ op: 'put', table: 'user', key: [user.id], doc: { ...next } });
  try {
    await deps.store.commit(ops);
  } catch (error) {
    if (error instanceof StoreConflict) throw usernameTaken();
    throw error;
  }
  return next;
}
