// Members and bans on the wire.

import type { BanRecord, MemberRecord, UserRecord } from '../records.ts';
import { userPayload } from './user.ts';

/** A member without its user: in a message, which carries the user as author. */
export function messageMemberPayload(member: MemberRecord) {
  return {
    nick: member.nick,
    avatar: member.avatar,
    roles: member.roles,
    joined_at: member.joined_at,
    premium_since: member.premium_since,
    deaf: member.deaf,
    mute: member.mute,
    flags: member.flags,
    pending: member.pending,
    communication_disabled_until: member.communication_disabled_until,
  };
}

export function memberPayload(member: MemberRecord, user: UserRecord) {
  return { user: userPayload(user), ...messageMemberPayload(member) };
}

export type MemberPayload = ReturnType<typeof memberPayload>;

/** GUILD_MEMBER_ADD and GUILD_MEMBER_UPDATE. */
export function memberEventPayload(member: MemberRecord, user: UserRecord) {
  return { guild_id: member.guild_id, ...memberPayload(member, user) };
}

/** GUILD_MEMBER_REMOVE, GUILD_BAN_ADD, GUILD_BAN_REMOVE. */
export function guildUserPayload(guildId: string, user: UserRecord) {
  return { guild_id: guildId, user: userPayload(user) };
}

export function banPayload(ban: BanRecord, user: UserRecord) {
  return { reason: ban.reason, user: userPayload(user) };
}
