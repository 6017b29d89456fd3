// Where somebody stands in a channel, read from the store: for what is decided at the edge without asking the channel's
// owner (invoking commands, managing webhooks). It may be as old as the last commit, which is what a client could know.

import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { channelPermissions, DM_PERMISSIONS } from '../../protocol/permissions.ts';
import type { ChannelRecord, GuildRecord, MemberRecord, RoleRecord } from '../../protocol/records.ts';
import type { StoreReader } from '../../state/store/port.ts';
import type { TopicName } from '../topic.ts';

export interface Place {
  readonly topic: TopicName;
  readonly channel: ChannelRecord;
  /** null in private channels. */
  readonly guild: GuildRecord | null;
}

export interface Standing {
  readonly permissions: bigint;
  /** undefined in private channels. */
  readonly member?: MemberRecord;
}

/** The channel and its guild. Throws UNKNOWN_CHANNEL. */
export async function placeOf(store: StoreReader, topic: TopicName | null, channelId: Snowflake): Promise<Place> {
  if (topic === null) throw apiError('UNKNOWN_CHANNEL');
  const ownerId = topic.slice(topic.indexOf(':') + 1);
  const channel = await store.get<ChannelRecord>('channel', [ownerId, channelId]);
  if (channel === null) throw apiError('UNKNOWN_CHANNEL');
  if (!topic.startsWith('guild:')) return { topic, channel, guild: null };
  const guild = await store.get<GuildRecord>('guild', [ownerId]);
  if (guild === null) throw apiError('UNKNOWN_CHANNEL');
  return { topic, channel, guild };
}

/** null: not there. */
export async function standingOf(
  store: StoreReader,
  place: Place,
  userId: Snowflake,
  nowMs: number,
): Promise<Standing | null> {
  const { guild, channel } = place;
  if (guild === null) {
    return channel.recipient_ids?.includes(userId) === true ? { permissions: DM_PERMISSIONS } : null;
  }
  const member = await store.get<MemberRecord>('member', [guild.id, userId]);
  if (member === null) return null;
  const ids = [guild.id, ...member.roles];
  const rows = await store.getMany<RoleRecord>(
    'role',
    ids.map((id) => [guild.id, id]),
  );
  const roles = new Map<Snowflake, RoleRecord>();
  for (const role of rows) if (role !== null) roles.set(role.id, role);
  return { permissions: channelPermissions(guild, roles, member, channel, nowMs), member };
}
