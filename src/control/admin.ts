// What an operator may ask of a node, as methods of one table: the CLI calls them over the control socket of the running
// server, or in a node started without an edge. Parameters come from outside and are checked here.

import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Runtime } from '../actor/types.ts';
import { isSnowflake, type Snowflake, type SnowflakeGenerator } from '../base/snowflake.ts';
import { ApiError } from '../protocol/errors.ts';
import { createApplication } from '../service/account/applications.ts';
import { createToken, revokeTokens } from '../service/account/tokens.ts';
import { createUser, createUsers } from '../service/account/users.ts';
import { guildCreation } from '../service/guild/provision.ts';
import { OPERATOR, type Requester, type TopicReply } from '../service/request.ts';
import { topicAddress } from '../service/shard/table.ts';
import type { Store } from '../state/store/port.ts';
import type { ApplicationRecord, UserRecord } from '../state/store/records.ts';
import { OperatorError } from './rpc.ts';

/** Accounts made and joined per step of a fill: one commit each, small enough to keep other writers moving. */
const FILL_BATCH = 1_000;
/** A batch of a fill on a slow disk. */
const FILL_TIMEOUT_MS = 60_000;

export interface AdminDeps {
  readonly runtime: Runtime;
  readonly store: Store;
  readonly ids: SnowflakeGenerator;
}

type Params = Readonly<Record<string, unknown>>;
type Method = (deps: AdminDeps, params: Params) => Promise<Readonly<Record<string, unknown>>>;

const METHODS: Readonly<Record<string, Method>> = {
  ping: async () => ({ ok: true }),
  'user.create': async (deps, params) => {
    const password = params['password'] == null ? null : text(params, 'password');
    const user = await createUser(deps, { username: text(params, 'name'), password });
    const { token } = await createToken(deps, user);
    return { user_id: user.id, token };
  },
  'bot.create': async (deps, params) => {
    const owner = await existingUser(deps, id(params, 'owner'));
    const { application, user } = await createApplication(deps, {
      name: text(params, 'name'),
      ownerId: owner.id,
      privileged: privileged(text(params, 'privileged')),
    });
    const { token } = await createToken(deps, user);
    return { application_id: application.id, user_id: user.id, token };
  },
  'token.create': async (deps, params) => {
    const user = await existingUser(deps, id(params, 'user'));
    const { token } = await createToken(deps, user);
    return { token };
  },
  'token.revoke': async (deps, params) => {
    const user = await existingUser(deps, id(params, 'user'));
    return { revoked: await revokeTokens(deps, user.id) };
  },
  'guild.create': async (deps, params) => createGuild(deps, text(params, 'name'), id(params, 'owner')),
  'guild.join': async (deps, params) => {
    const guild = id(params, 'guild');
    const user = await existingUser(deps, id(params, 'user'));
    await ask(deps, guild, 'join', { user });
    return { guild_id: guild, user_id: user.id };
  },
  'guild.fill': fill,
};

export type AdminHandler = (method: string, params: Params) => Promise<unknown>;

export function createAdmin(deps: AdminDeps): AdminHandler {
  return async (name, params) => {
    const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
    if (method === undefined) {
      throw new OperatorError('unknown_method', `unknown method '${name}'`, 'the CLI and the server differ in version');
    }
    try {
      return await method(deps, params);
    } catch (error) {
      throw error instanceof ApiError ? operatorError(error) : error;
    }
  };
}

/** A guild with its channels and invite; the owner joins by owning it. */
export async function createGuild(
  deps: AdminDeps,
  name: string,
  ownerId: Snowflake,
): Promise<Readonly<Record<string, string>>> {
  const owner = await existingUser(deps, ownerId);
  if (name.length < 2 || name.length > 100) {
    throw new OperatorError('invalid', `a guild's name has 2 to 100 characters`, 'pass another --name');
  }
  const made = guildCreation({ name, owner, ids: deps.ids, nowMs: deps.runtime.clock.nowMs() });
  await deps.store.commit(made.ops);
  // The owner's live sessions hear of it as of any guild they join.
  deps.runtime.cast(topicAddress(deps.runtime, `guild:${made.guildId}`), { k: 'announce', user_id: owner.id });
  return {
    guild_id: made.guildId,
    text_channel_id: made.textChannelId,
    voice_channel_id: made.voiceChannelId,
    invite_code: made.inviteCode,
  };
}

async function fill(deps: AdminDeps, params: Params): Promise<Readonly<Record<string, unknown>>> {
  const guild = id(params, 'guild');
  const members = Number(params['members']);
  const file = params['tokens'] == null ? null : createWriteStream(text(params, 'tokens'), { mode: 0o600 });
  if (file !== null) await once(file, 'open');
  for (let made = 0; made < members; made += FILL_BATCH) {
    const accounts = await createUsers(deps, { count: Math.min(FILL_BATCH, members - made), tokens: file !== null });
    const users = accounts.map((account) => account.user);
    await ask(deps, guild, 'fill', { users }, FILL_TIMEOUT_MS);
    for (const { user, token } of accounts) file?.write(`${JSON.stringify({ user_id: user.id, token })}\n`);
  }
  if (file !== null) {
    file.end();
    await once(file, 'close');
  }
  return { guild_id: guild, members };
}

/** Runs an operation of a guild with an operator's authority. */
async function ask(
  deps: AdminDeps,
  guildId: Snowflake,
  op: string,
  args: Params,
  timeoutMs?: number,
): Promise<unknown> {
  const requester: Requester = { user_id: OPERATOR, bot: false, application_id: null };
  const reply = await deps.runtime.call<TopicReply>(
    topicAddress(deps.runtime, `guild:${guildId}`),
    { k: 'request', op, requester, reason: null, args },
    timeoutMs,
  );
  const body = reply.bytes === undefined ? undefined : JSON.parse(Buffer.from(reply.bytes).toString('utf8'));
  if (reply.status >= 400) {
    const { message, code } = body as { message: string; code: number };
    throw new OperatorError(`api_${code}`, message, 'check the ids; `guildhall doctor` checks the server');
  }
  return body;
}

async function existingUser(deps: AdminDeps, userId: Snowflake): Promise<UserRecord> {
  const user = await deps.store.get<UserRecord>('user', [userId]);
  if (user === null) {
    throw new OperatorError(
      'unknown_user',
      `there is no user ${userId}`,
      '`guildhall user create --name NAME` makes one',
    );
  }
  return user;
}

function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== 'string' || value === '')
    throw new OperatorError('invalid', `--${name} is missing`, `pass --${name}`);
  return value;
}

function id(params: Params, name: string): Snowflake {
  const value = text(params, name);
  if (!isSnowflake(value))
    throw new OperatorError('invalid', `--${name}: '${value}' is not an id`, 'ids are long decimal numbers');
  return value;
}

const PRIVILEGED = ['members', 'presences', 'content'] as const;

function privileged(list: string): ApplicationRecord['privileged'] {
  if (list === 'all') return [...PRIVILEGED];
  if (list === 'none') return [];
  return list.split(',').map((name) => {
    const known = PRIVILEGED.find((candidate) => candidate === name.trim());
    if (known === undefined) {
      throw new OperatorError(
        'invalid',
        `--privileged: unknown intent '${name}'`,
        `all, none, or some of ${PRIVILEGED.join(',')}`,
      );
    }
    return known;
  });
}

function operatorError(error: ApiError): OperatorError {
  const detail = error.errors === undefined ? '' : `: ${leaves(error.errors).join('; ')}`;
  return new OperatorError(
    `api_${error.code}`,
    `${error.message}${detail}`,
    'correct the value and run the command again',
  );
}

function leaves(tree: object, path = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    if (key === '_errors') return (value as { message: string }[]).map((entry) => `${path} ${entry.message}`);
    return leaves(value as object, path === '' ? key : `${path}.${key}`);
  });
}
