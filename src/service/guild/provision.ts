// What a new guild is made of: the rows, to be committed by whoever makes it (the command line, POST /guilds, the first start).
// No actor is needed: the guild's actor reads them when it is first spoken to.

import { randomBytes } from 'node:crypto';
import type { Snowflake, SnowflakeGenerator } from '../../base/snowflake.ts';
import { ChannelType } from '../../protocol/channel-types.ts';
import { DEFAULT_EVERYONE } from '../../protocol/permissions.ts';
import type {
  ChannelRecord,
  GuildRecord,
  InviteRecord,
  MemberRecord,
  RoleRecord,
  UserRecord,
} from '../../protocol/records.ts';
import { isoTimestamp } from '../../protocol/timestamp.ts';
import type { Doc, StoreOp, TableName } from '../../state/store/port.ts';

export interface GuildCreation {
  readonly name: string;
  readonly owner: Pick<UserRecord, 'id'>;
  readonly ids: SnowflakeGenerator;
  readonly nowMs: number;
  readonly textChannelName?: string;
  readonly voiceChannelName?: string;
}

export interface CreatedGuild {
  readonly ops: StoreOp[];
  readonly guildId: Snowflake;
  readonly textChannelId: Snowflake;
  readonly voiceChannelId: Snowflake;
  readonly inviteCode: string;
}

/** A guild with @everyone, a text and a voice channel, its owner as member, and an invite that does not end. */
export function guildCreation(options: GuildCreation): CreatedGuild {
  const { ids, nowMs, owner } = options;
  const guildId = ids.next();
  const text = newChannel(guildId, ids.next(), ChannelType.GUILD_TEXT, options.textChannelName ?? 'general');
  const voice = newChannel(guildId, ids.next(), ChannelType.GUILD_VOICE, options.voiceChannelName ?? 'Lounge');
  const guild = newGuild(guildId, options.name, owner.id, text.id);
  const invite = newInvite(guildId, text.id, owner.id, nowMs);
  const ops = [
    insert('guild', [guildId], guild),
    putRole(everyoneRole(guildId)),
    ...putChannel(guildId, text),
    ...putChannel(guildId, voice),
    ...putMember(newMember(guildId, owner.id, nowMs)),
    ...putInvite(invite),
  ];
  return { ops, guildId, textChannelId: text.id, voiceChannelId: voice.id, inviteCode: invite.code };
}

export function newGuild(
  id: Snowflake,
  name: string,
  ownerId: Snowflake,
  systemChannelId: Snowflake | null,
): GuildRecord {
  return {
    id,
    name,
    owner_id: ownerId,
    icon: null,
    splash: null,
    banner: null,
    description: null,
    afk_channel_id: null,
    afk_timeout: 300,
    system_channel_id: systemChannelId,
    system_channel_flags: 0,
    rules_channel_id: null,
    public_updates_channel_id: null,
    default_message_notifications: 0,
    explicit_content_filter: 0,
    verification_level: 0,
    mfa_level: 0,
    nsfw_level: 0,
    preferred_locale: 'en-US',
    premium_progress_bar_enabled: false,
    features: [],
  };
}

export function everyoneRole(guildId: Snowflake): RoleRecord {
  return { ...newRole(guildId, guildId, String(DEFAULT_EVERYONE)), name: '@everyone', position: 0 };
}

/** A role as Discord makes one when nothing is said about it: at the bottom, without colour. */
export function newRole(guildId: Snowflake, id: Snowflake, permissions: string): RoleRecord {
  return {
    id,
    guild_id: guildId,
    name: 'new role',
    color: 0,
    colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
    hoist: false,
    icon: null,
    unicode_emoji: null,
    position: 1,
    permissions,
    managed: false,
    mentionable: false,
    flags: 0,
  };
}

export function newChannel(guildId: Snowflake, id: Snowflake, type: number, name: string): ChannelRecord {
  const voice = type === ChannelType.GUILD_VOICE || type === ChannelType.GUILD_STAGE_VOICE;
  return {
    id,
    guild_id: guildId,
    type,
    name,
    position: 0,
    topic: null,
    nsfw: false,
    parent_id: null,
    permission_overwrites: [],
    rate_limit_per_user: 0,
    flags: 0,
    last_pin_timestamp: null,
    ...(voice ? { bitrate: 64_000, user_limit: 0, rtc_region: null, video_quality_mode: 1 } : {}),
  };
}

export function newMember(guildId: Snowflake, userId: Snowflake, nowMs: number): MemberRecord {
  return {
    guild_id: guildId,
    user_id: userId,
    nick: null,
    avatar: null,
    roles: [],
    joined_at: isoTimestamp(nowMs),
    premium_since: null,
    deaf: false,
    mute: false,
    flags: 0,
    pending: false,
    communication_disabled_until: null,
  };
}

const CODE_ALPHABET = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** 57^10: an invite admits, so its code must not be guessed. */
const CODE_LENGTH = 10;

export function newInvite(
  guildId: Snowflake,
  channelId: Snowflake,
  inviterId: Snowflake | null,
  nowMs: number,
): InviteRecord {
  let code = '';
  while (code.length < CODE_LENGTH) {
    for (const byte of randomBytes(CODE_LENGTH)) {
      // Bytes above the last whole multiple are thrown away, so that every letter is as likely.
      if (byte < CODE_ALPHABET.length * 4 && code.length < CODE_LENGTH)
        code += CODE_ALPHABET[byte % CODE_ALPHABET.length];
    }
  }
  return {
    code,
    guild_id: guildId,
    channel_id: channelId,
    inviter_id: inviterId,
    max_age: 0,
    max_uses: 0,
    uses: 0,
    temporary: false,
    created_at: isoTimestamp(nowMs),
  };
}

// ---- rows, with the indexes that belong to them

export function put(table: TableName, key: readonly string[], doc: object): StoreOp {
  return { op: 'put', table, key, doc: doc as Doc };
}

export function insert(table: TableName, key: readonly string[], doc: object): StoreOp {
  return { op: 'insert', table, key, doc: doc as Doc };
}

export function remove(table: TableName, key: readonly string[]): StoreOp {
  return { op: 'delete', table, key };
}

export function putRole(role: RoleRecord): StoreOp {
  return put('role', [role.guild_id, role.id], role);
}

export function putChannel(guildId: Snowflake, channel: ChannelRecord): StoreOp[] {
  return [
    put('channel', [guildId, channel.id], channel),
    put('channel_owner', [channel.id], { owner: `guild:${guildId}`, type: channel.type }),
  ];
}

export function putMember(member: MemberRecord): StoreOp[] {
  return [
    put('member', [member.guild_id, member.user_id], member),
    put('user_guild', [member.user_id, member.guild_id], { guild_id: member.guild_id, user_id: member.user_id }),
  ];
}

export function removeMember(guildId: Snowflake, userId: Snowflake): StoreOp[] {
  return [remove('member', [guildId, userId]), remove('user_guild', [userId, guildId])];
}

export function putInvite(invite: InviteRecord): StoreOp[] {
  return [
    put('invite', [invite.code], invite),
    put('guild_invite', [invite.guild_id, invite.code], { code: invite.code, guild_id: invite.guild_id }),
  ];
}

export function removeInvite(invite: Pick<InviteRecord, 'code' | 'guild_id'>): StoreOp[] {
  return [remove('invite', [invite.code]), remove('guild_invite', [invite.guild_id, invite.code])];
}
