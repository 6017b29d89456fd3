// Opcode 8: a session asks for members; they come as GUILD_MEMBERS_CHUNK events to that session alone.

import type { Snowflake } from '../../base/snowflake.ts';
import { compareSnowflakes } from '../../base/snowflake.ts';
import { INTENTS } from '../../protocol/intents.ts';
import type { SessionMembers } from '../topic.ts';
import { memberText, presenceText } from './snapshot.ts';
import type { GuildState } from './state.ts';

/** Members in one event. */
const CHUNK_MEMBERS = 1_000;
/** Members that a query by name or ids gives at most. */
const QUERY_MEMBERS_MAX = 100;

export interface MembersChunk {
  /** The event's `d` as JSON. */
  readonly text: string;
  readonly last: boolean;
}

/** At least one. Who is in the list is settled at the start; each chunk is made when it is asked for. */
export function* membersChunks(state: GuildState, request: SessionMembers): Generator<MembersChunk> {
  const { users, notFound } = select(state, request);
  const count = Math.max(1, Math.ceil(users.length / CHUNK_MEMBERS));
  const withPresences = request.presences && (!request.bot || (request.intents & INTENTS.GUILD_PRESENCES) !== 0);
  for (let index = 0; index < count; index += 1) {
    const part = users.slice(index * CHUNK_MEMBERS, (index + 1) * CHUNK_MEMBERS);
    const members = part.map((user) => memberText(state, user)).filter((text) => text !== undefined);
    const fields = [
      `"guild_id":"${state.guildId}"`,
      `"members":[${members.join()}]`,
      `"chunk_index":${index}`,
      `"chunk_count":${count}`,
    ];
    if (notFound !== undefined) fields.push(`"not_found":${JSON.stringify(index === 0 ? notFound : [])}`);
    if (withPresences) {
      const online = part.filter((user) => state.presences.online(user));
      fields.push(`"presences":[${online.map((user) => presenceText(state, user)).join()}]`);
    }
    if (request.nonce !== null) fields.push(`"nonce":${JSON.stringify(request.nonce)}`);
    yield { text: `{${fields.join()}}`, last: index === count - 1 };
  }
}

function select(state: GuildState, request: SessionMembers): { users: Snowflake[]; notFound?: Snowflake[] } {
  if (request.user_ids !== null) {
    const asked = [...new Set(request.user_ids.slice(0, QUERY_MEMBERS_MAX))];
    return {
      users: asked.filter((id) => state.members.has(id)),
      notFound: asked.filter((id) => !state.members.has(id)),
    };
  }
  const query = request.query ?? '';
  if (query === '' && request.limit === 0) {
    // The whole list is for those who were granted it.
    const granted = !request.bot || (request.intents & INTENTS.GUILD_MEMBERS) !== 0;
    return { users: granted ? [...state.members.keys()].sort(compareSnowflakes) : [] };
  }
  const max = request.limit === 0 ? QUERY_MEMBERS_MAX : Math.min(request.limit, QUERY_MEMBERS_MAX);
  return { users: searchMembers(state, query, max) };
}

/** Members whose user name, display name or nickname begins so, whatever its case. */
export function searchMembers(state: GuildState, query: string, max: number): Snowflake[] {
  const prefix = query.toLowerCase();
  const found: Snowflake[] = [];
  for (const member of state.members.values()) {
    if (found.length >= max) break;
    const user = state.users.get(member.user_id);
    const names = [member.nick, user?.username, user?.global_name];
    if (names.some((name) => name?.toLowerCase().startsWith(prefix))) found.push(member.user_id);
  }
  return found;
}
