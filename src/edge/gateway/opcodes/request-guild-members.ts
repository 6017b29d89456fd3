// Opcode 8: members of a guild by prefix of their name or by ids. The guild's actor answers with GUILD_MEMBERS_CHUNK.

import type { Json } from '../../../base/json.ts';
import type { Snowflake } from '../../../base/snowflake.ts';
import { CLOSE } from '../../../protocol/close-codes.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { GatewayOpcode } from '../../../protocol/opcodes.ts';
import type { SessionMembers } from '../../../service/topic.ts';
import { MEMBER_LIST_WINDOW_MS, MEMBER_LISTS_MAX } from '../limits.ts';
import { admit } from '../presence-limit.ts';
import type { Opcode } from './index.ts';
import { asFlag, asId, asObject, type Payload } from './payload.ts';

const USER_IDS_MAX = 100;
/** Members that a search by prefix answers. */
const SEARCH_LIMIT_MAX = 100;
const NONCE_BYTES_MAX = 32;

type Request = Pick<SessionMembers, 'query' | 'limit' | 'user_ids' | 'presences' | 'nonce'> & {
  readonly guild: Snowflake;
};

export const requestGuildMembers: Opcode = {
  needsSession: true,
  handle(connection, d) {
    const { gateway, session } = connection;
    const from = asObject(d);
    const request = from === null ? null : readRequest(from);
    if (request === null || session === null) return connection.close(CLOSE.DECODE_ERROR);
    const { guild, ...rest } = request;
    const topic = `guild:${guild}`;
    if (!gateway.relay.topics.isAttached(session, topic)) return;
    if (rest.query === '' && rest.limit === 0) {
      const times = connection.extras.memberListTimes;
      const now = gateway.now();
      if (gateway.rateLimits && !admit(times, MEMBER_LISTS_MAX, MEMBER_LIST_WINDOW_MS, now)) {
        const retryAfter = (MEMBER_LIST_WINDOW_MS - (now - (times[0] ?? now))) / 1000;
        const meta = { guild_id: guild, ...(rest.nonce === null ? {} : { nonce: rest.nonce }) };
        const told = { opcode: GatewayOpcode.REQUEST_GUILD_MEMBERS, retry_after: retryAfter, meta };
        return gateway.relay.tell(session, encodeDispatch('RATE_LIMITED', told));
      }
    }
    const message: SessionMembers = {
      k: 'members',
      thread: gateway.relay.runtime.thread,
      session: session.key,
      user_id: session.userId,
      bot: session.bot,
      intents: session.intents,
      ...rest,
    };
    gateway.relay.topics.cast(topic, message);
  },
};

function readRequest(from: Payload): Request | null {
  // Old clients send a list of one guild.
  const guildField = Array.isArray(from['guild_id']) ? from['guild_id'][0] : from['guild_id'];
  const guild = asId(guildField);
  const presences = asFlag(from['presences']);
  const nonce = readNonce(from['nonce']);
  if (guild === null || presences === null || nonce === undefined) return null;
  if (from['user_ids'] !== undefined && from['user_ids'] !== null) {
    const ids = readIds(from['user_ids']);
    return ids === null ? null : { guild, query: null, limit: 0, user_ids: ids, presences, nonce };
  }
  const query = from['query'] ?? '';
  const limit = from['limit'] ?? 0;
  if (typeof query !== 'string' || typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0) return null;
  const capped = query === '' && limit === 0 ? 0 : Math.min(limit === 0 ? SEARCH_LIMIT_MAX : limit, SEARCH_LIMIT_MAX);
  return { guild, query, limit: capped, user_ids: null, presences, nonce };
}

function readIds(value: Json): Snowflake[] | null {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > USER_IDS_MAX) return null;
  const ids: Snowflake[] = [];
  for (const item of list) {
    const id = asId(item);
    if (id === null) return null;
    ids.push(id);
  }
  return ids;
}

/** undefined: wrong. A nonce that is too long is left out, as Discord does. */
function readNonce(value: Json | undefined): string | null | undefined {
  if (value === undefined || value === null) return null;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  return Buffer.byteLength(text) > NONCE_BYTES_MAX ? null : text;
}
