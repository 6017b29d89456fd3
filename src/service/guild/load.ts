// Reads a guild from the store, at the start of its actor.

import type { Clock } from '../../base/clock.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type {
  ChannelRecord,
  EmojiRecord,
  GuildRecord,
  MemberRecord,
  RoleRecord,
  UserRecord,
} from '../../protocol/records.ts';
import type { StoreReader } from '../../state/store/port.ts';
import { GuildState } from './state.ts';

/** Keys in one read: bounds the statement and the memory of one answer. */
const READ_BATCH = 1_000;

/** null: there is no such guild. */
export async function loadGuild(store: StoreReader, id: Snowflake, clock: Clock): Promise<GuildState | null> {
  const guild = await store.get<GuildRecord>('guild', [id]);
  if (guild === null) return null;
  const [roles, channels, members, emojis] = await Promise.all([
    store.list<RoleRecord>('role', [id]),
    store.list<ChannelRecord>('channel', [id]),
    store.list<MemberRecord>('member', [id]),
    store.list<EmojiRecord>('emoji', [id]),
  ]);
  const users = await readUsers(
    store,
    members.map((member) => member.user_id),
  );
  // Rows of members keep the ids of deleted roles until they are next written.
  const known = new Set(roles.map((role) => role.id));
  for (const member of members) {
    if (member.roles.some((role) => !known.has(role))) member.roles = member.roles.filter((role) => known.has(role));
  }
  const state = new GuildState({ guild, roles, channels, members, users, emojis }, clock);
  // So that GUILD_CREATE can show each channel's last message.
  await Promise.all(channels.map((channel) => state.book.ready(store, channel.id)));
  return state;
}

export async function readUsers(store: StoreReader, ids: readonly Snowflake[]): Promise<UserRecord[]> {
  const users: UserRecord[] = [];
  for (let from = 0; from < ids.length; from += READ_BATCH) {
    const keys = ids.slice(from, from + READ_BATCH).map((id) => [id]);
    for (const user of await store.getMany<UserRecord>('user', keys)) if (user !== null) users.push(user);
  }
  return users;
}
