// Opcode 2: begins a session. Clients write it in many ways; only what must be known is read, and unknown keys mean nothing.
//
// The order matters: the user's own topic is attached before its guilds are read from the store, so that a guild joined in
// between comes either with the list or as an event, and READY is the first event whatever arrives meanwhile.

import { randomBytes } from 'node:crypto';
import type { Json } from '../../../base/json.ts';
import { CLOSE, type CloseRow } from '../../../protocol/close-codes.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { ALL_INTENTS, disallowedIntents, isValidIntents } from '../../../protocol/intents.ts';
import { readyPayload } from '../../../protocol/payload/gateway.ts';
import type { Requester } from '../../../service/request.ts';
import { isOnShard } from '../../../service/session/topics.ts';
import { tokenTag } from '../../../service/session/session.ts';
import type { PresenceState } from '../../../service/topic.ts';
import type { ApplicationRecord, UserRecord } from '../../../state/store/records.ts';
import type { Connection } from '../connection.ts';
import { CLOSED, GUILDS_PER_SHARD_MAX, NEW, WAITING } from '../limits.ts';
import type { Opcode } from './index.ts';
import { asObject, bareToken, type Payload } from './payload.ts';
import { ONLINE, readPresence } from './presence-form.ts';

const LARGE_THRESHOLD_MIN = 50;
const LARGE_THRESHOLD_MAX = 250;

interface Identify {
  readonly token: string;
  /** undefined: not given. */
  readonly intents: Json | undefined;
  readonly largeThreshold: number;
  /** undefined: not given. */
  readonly shard: readonly [number, number] | undefined;
  readonly presence: PresenceState;
}

export const identify: Opcode = {
  needsSession: false,
  handle(connection, d) {
    if (connection.state !== NEW) return connection.close(CLOSE.ALREADY_AUTHENTICATED);
    const from = asObject(d);
    if (from === null) return connection.close(CLOSE.DECODE_ERROR);
    if (typeof from['token'] !== 'string') return connection.close(CLOSE.AUTHENTICATION_FAILED);
    const shard = readShard(from['shard']);
    if (shard === null) return connection.close(CLOSE.INVALID_SHARD);
    const read: Identify = {
      token: bareToken(from['token']),
      intents: from['intents'],
      largeThreshold: readLargeThreshold(from),
      shard,
      presence: readPresence(from['presence'], connection.gateway.relay.runtime.clock.nowMs()) ?? ONLINE,
    };
    connection.state = WAITING;
    connection.run(begin(connection, read));
  },
};

/** undefined: none given; null: wrong. */
function readShard(value: Json | undefined): readonly [number, number] | undefined | null {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [id, count] = value;
  if (typeof id !== 'number' || typeof count !== 'number' || !Number.isInteger(id) || !Number.isInteger(count))
    return null;
  return id >= 0 && id < count ? [id, count] : null;
}

function readLargeThreshold(from: Payload): number {
  const value = from['large_threshold'];
  if (typeof value !== 'number' || !Number.isFinite(value)) return LARGE_THRESHOLD_MIN;
  return Math.min(LARGE_THRESHOLD_MAX, Math.max(LARGE_THRESHOLD_MIN, Math.floor(value)));
}

async function begin(connection: Connection, read: Identify): Promise<void> {
  const { gateway } = connection;
  // The server is on its way down: the client waits here and identifies at the next start.
  if (gateway.draining) return;
  const requester = await gateway.authenticate(read.token);
  if (connection.state === CLOSED || gateway.draining) return;
  if (requester === null) return connection.close(CLOSE.AUTHENTICATION_FAILED);
  const { user_id: userId, bot } = requester;
  const application = bot ? await readApplication(connection, requester) : null;
  const intents = judgeIntents(read.intents, bot, application);
  if (typeof intents !== 'number') return connection.close(intents);
  const [shardId, shardCount] = read.shard ?? [0, 1];
  if (!(await gateway.mayIdentify(userId, shardId % gateway.maxConcurrency))) return connection.invalid();
  if (isGone(connection)) return;

  const { relay, store } = gateway;
  const session = relay.open({
    id: randomBytes(16).toString('hex'),
    user_id: userId,
    bot,
    intents,
    large_threshold: read.largeThreshold,
    shard_id: shardId,
    shard_count: shardCount,
    presence: read.presence,
    token_tag: tokenTag(requester.hash),
  });
  connection.session = session;
  if (!(await relay.topics.attachUser(session))) return isGone(connection) ? undefined : connection.invalid();
  const [user, rows] = await Promise.all([
    store.get<UserRecord>('user', [userId]),
    store.list<{ guild_id: string }>('user_guild', [userId]),
  ]);
  if (isGone(connection) || session.isEnded) return;
  if (user === null) return connection.close(CLOSE.AUTHENTICATION_FAILED);
  const guilds = rows.map((row) => row.guild_id).filter((guild) => isOnShard(guild, shardId, shardCount));
  if (bot && guilds.length > GUILDS_PER_SHARD_MAX) return connection.close(CLOSE.SHARDING_REQUIRED);
  const ready = readyPayload({
    user,
    application,
    guild_ids: guilds,
    session_id: session.id,
    resume_gateway_url: gateway.url(connection),
    v: connection.version,
    ...(read.shard === undefined ? {} : { shard: read.shard }),
  });
  relay.begin(session, connection, connection.outlet, encodeDispatch('READY', ready), guilds);
}

function isGone(connection: Connection): boolean {
  return connection.state === CLOSED;
}

async function readApplication(connection: Connection, requester: Requester): Promise<ApplicationRecord | null> {
  const id = requester.application_id ?? requester.user_id;
  return connection.gateway.store.get<ApplicationRecord>('application', [id]);
}

/** The session's intents, or why it may not have them. People get what they ask for, or everything. */
function judgeIntents(value: Json | undefined, bot: boolean, application: ApplicationRecord | null): number | CloseRow {
  if (!bot && (value === undefined || value === null)) return ALL_INTENTS;
  if (!isValidIntents(value)) return CLOSE.INVALID_INTENTS;
  if (bot && disallowedIntents(value, application?.privileged ?? []) !== 0) return CLOSE.DISALLOWED_INTENTS;
  return value;
}
