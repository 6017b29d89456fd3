// Permissions: bits, how roles and overwrites combine, and what follows from what is missing. Pure: the guild calls it for
// every check and for every view of a channel, stock clients compute the same on their side.
// Source: discord.com/developers/docs/topics/permissions

import { compareSnowflakes, type Snowflake } from '../base/snowflake.ts';
import { isVoiceChannel } from './channel-types.ts';
import type { MemberRecord, OverwriteRecord, RoleRecord } from './records.ts';
import { parseTimestamp } from './timestamp.ts';

export const PERMISSIONS = {
  CREATE_INSTANT_INVITE: 1n << 0n,
  KICK_MEMBERS: 1n << 1n,
  BAN_MEMBERS: 1n << 2n,
  ADMINISTRATOR: 1n << 3n,
  MANAGE_CHANNELS: 1n << 4n,
  MANAGE_GUILD: 1n << 5n,
  ADD_REACTIONS: 1n << 6n,
  VIEW_AUDIT_LOG: 1n << 7n,
  PRIORITY_SPEAKER: 1n << 8n,
  STREAM: 1n << 9n,
  VIEW_CHANNEL: 1n << 10n,
  SEND_MESSAGES: 1n << 11n,
  SEND_TTS_MESSAGES: 1n << 12n,
  MANAGE_MESSAGES: 1n << 13n,
  EMBED_LINKS: 1n << 14n,
  ATTACH_FILES: 1n << 15n,
  READ_MESSAGE_HISTORY: 1n << 16n,
  MENTION_EVERYONE: 1n << 17n,
  USE_EXTERNAL_EMOJIS: 1n << 18n,
  VIEW_GUILD_INSIGHTS: 1n << 19n,
  CONNECT: 1n << 20n,
  SPEAK: 1n << 21n,
  MUTE_MEMBERS: 1n << 22n,
  DEAFEN_MEMBERS: 1n << 23n,
  MOVE_MEMBERS: 1n << 24n,
  USE_VAD: 1n << 25n,
  CHANGE_NICKNAME: 1n << 26n,
  MANAGE_NICKNAMES: 1n << 27n,
  MANAGE_ROLES: 1n << 28n,
  MANAGE_WEBHOOKS: 1n << 29n,
  MANAGE_GUILD_EXPRESSIONS: 1n << 30n,
  USE_APPLICATION_COMMANDS: 1n << 31n,
  REQUEST_TO_SPEAK: 1n << 32n,
  MANAGE_EVENTS: 1n << 33n,
  MANAGE_THREADS: 1n << 34n,
  CREATE_PUBLIC_THREADS: 1n << 35n,
  CREATE_PRIVATE_THREADS: 1n << 36n,
  USE_EXTERNAL_STICKERS: 1n << 37n,
  SEND_MESSAGES_IN_THREADS: 1n << 38n,
  USE_EMBEDDED_ACTIVITIES: 1n << 39n,
  MODERATE_MEMBERS: 1n << 40n,
  VIEW_CREATOR_MONETIZATION_ANALYTICS: 1n << 41n,
  USE_SOUNDBOARD: 1n << 42n,
  CREATE_GUILD_EXPRESSIONS: 1n << 43n,
  CREATE_EVENTS: 1n << 44n,
  USE_EXTERNAL_SOUNDS: 1n << 45n,
  SEND_VOICE_MESSAGES: 1n << 46n,
  SET_VOICE_CHANNEL_STATUS: 1n << 48n,
  SEND_POLLS: 1n << 49n,
  USE_EXTERNAL_APPS: 1n << 50n,
  PIN_MESSAGES: 1n << 51n,
  BYPASS_SLOWMODE: 1n << 52n,
} as const;

export type PermissionName = keyof typeof PERMISSIONS;

const P = PERMISSIONS;

/** Every known bit: what owners and administrators have. */
export const ALL: bigint = Object.values(PERMISSIONS).reduce((mask, bit) => mask | bit, 0n);

/** Gone with SEND_MESSAGES. */
const NEEDS_SEND_MESSAGES = P.MENTION_EVERYONE | P.SEND_TTS_MESSAGES | P.ATTACH_FILES | P.EMBED_LINKS;

/** What a timed-out member keeps. */
const TIMED_OUT = P.VIEW_CHANNEL | P.READ_MESSAGE_HISTORY;

/** What @everyone of a new guild has, as on Discord. */
export const DEFAULT_EVERYONE: bigint =
  P.CREATE_INSTANT_INVITE |
  P.ADD_REACTIONS |
  P.STREAM |
  P.VIEW_CHANNEL |
  P.SEND_MESSAGES |
  P.EMBED_LINKS |
  P.ATTACH_FILES |
  P.READ_MESSAGE_HISTORY |
  P.MENTION_EVERYONE |
  P.USE_EXTERNAL_EMOJIS |
  P.CONNECT |
  P.SPEAK |
  P.USE_VAD |
  P.CHANGE_NICKNAME |
  P.USE_APPLICATION_COMMANDS |
  P.REQUEST_TO_SPEAK |
  P.CREATE_PUBLIC_THREADS |
  P.CREATE_PRIVATE_THREADS |
  P.USE_EXTERNAL_STICKERS |
  P.SEND_MESSAGES_IN_THREADS |
  P.USE_EMBEDDED_ACTIVITIES |
  P.USE_SOUNDBOARD |
  P.CREATE_GUILD_EXPRESSIONS |
  P.CREATE_EVENTS |
  P.USE_EXTERNAL_SOUNDS |
  P.SEND_VOICE_MESSAGES |
  P.SEND_POLLS |
  P.USE_EXTERNAL_APPS;

/** What a recipient may do in a private channel. */
export const DM_PERMISSIONS: bigint =
  P.ADD_REACTIONS |
  P.STREAM |
  P.VIEW_CHANNEL |
  P.SEND_MESSAGES |
  P.SEND_TTS_MESSAGES |
  P.EMBED_LINKS |
  P.ATTACH_FILES |
  P.READ_MESSAGE_HISTORY |
  P.MENTION_EVERYONE |
  P.USE_EXTERNAL_EMOJIS |
  P.CONNECT |
  P.SPEAK |
  P.USE_VAD |
  P.USE_APPLICATION_COMMANDS |
  P.USE_EXTERNAL_STICKERS |
  P.USE_EMBEDDED_ACTIVITIES |
  P.USE_SOUNDBOARD |
  P.USE_EXTERNAL_SOUNDS |
  P.SEND_VOICE_MESSAGES |
  P.SEND_POLLS |
  P.USE_EXTERNAL_APPS |
  P.PIN_MESSAGES;

/** Are all of the bits there? ADMINISTRATOR is no shortcut here: computed permissions of an administrator are ALL already. */
export function has(permissions: bigint, bits: bigint): boolean {
  return (permissions & bits) === bits;
}

export interface GuildOwner {
  readonly id: Snowflake;
  readonly owner_id: Snowflake;
}

export type RolesById = ReadonlyMap<Snowflake, Pick<RoleRecord, 'permissions'>>;

/** Permissions in the guild, without any channel: @everyone and the member's roles together; ALL for the owner and administrators. */
export function computeBase(
  guild: GuildOwner,
  roles: RolesById,
  member: { readonly user_id: Snowflake; readonly roles: readonly Snowflake[] },
): bigint {
  if (guild.owner_id === member.user_id) return ALL;
  const everyone = roles.get(guild.id);
  let permissions = everyone === undefined ? 0n : BigInt(everyone.permissions);
  for (const id of member.roles) {
    const role = roles.get(id);
    if (role !== undefined) permissions |= BigInt(role.permissions);
  }
  return has(permissions, P.ADMINISTRATOR) ? ALL : permissions;
}

/** Applies a channel's overwrites: @everyone's, then all of the roles' together, then the member's own. Nothing is implied yet. */
export function computeChannel(
  base: bigint,
  overwrites: readonly OverwriteRecord[],
  memberRoles: readonly Snowflake[],
  userId: Snowflake,
  guildId: Snowflake,
): bigint {
  if (has(base, P.ADMINISTRATOR)) return ALL;
  let permissions = base;
  let roleAllow = 0n;
  let roleDeny = 0n;
  let own: OverwriteRecord | undefined;
  for (const overwrite of overwrites) {
    if (overwrite.type === 1) {
      if (overwrite.id === userId) own = overwrite;
    } else if (overwrite.id === guildId) {
      permissions = (permissions & ~BigInt(overwrite.deny)) | BigInt(overwrite.allow);
    } else if (memberRoles.includes(overwrite.id)) {
      roleAllow |= BigInt(overwrite.allow);
      roleDeny |= BigInt(overwrite.deny);
    }
  }
  permissions = (permissions & ~roleDeny) | roleAllow;
  if (own !== undefined) permissions = (permissions & ~BigInt(own.deny)) | BigInt(own.allow);
  return permissions;
}

/** Takes away what follows from a missing permission. Administrators miss none. */
export function applyImplicitDenials(permissions: bigint, channelType: number): bigint {
  if (!has(permissions, P.VIEW_CHANNEL)) return 0n;
  if (isVoiceChannel(channelType) && !has(permissions, P.CONNECT)) return permissions & P.VIEW_CHANNEL;
  return has(permissions, P.SEND_MESSAGES) ? permissions : permissions & ~NEEDS_SEND_MESSAGES;
}

/** Is the member's time-out still running? */
export function isTimedOut(member: Pick<MemberRecord, 'communication_disabled_until'>, nowMs: number): boolean {
  if (member.communication_disabled_until === null) return false;
  const until = parseTimestamp(member.communication_disabled_until);
  return until !== null && until > nowMs;
}

export interface PermissionSubject {
  readonly user_id: Snowflake;
  readonly roles: readonly Snowflake[];
  readonly communication_disabled_until: string | null;
}

/** Effective permissions in the guild, time-out applied. */
export function guildPermissions(
  guild: GuildOwner,
  roles: RolesById,
  member: PermissionSubject,
  nowMs: number,
): bigint {
  const base = computeBase(guild, roles, member);
  return base !== ALL && isTimedOut(member, nowMs) ? base & TIMED_OUT : base;
}

/** Effective permissions in a channel: everything above together. */
export function channelPermissions(
  guild: GuildOwner,
  roles: RolesById,
  member: PermissionSubject,
  channel: { readonly type: number; readonly permission_overwrites: readonly OverwriteRecord[] },
  nowMs: number,
): bigint {
  const base = computeBase(guild, roles, member);
  if (has(base, P.ADMINISTRATOR)) return ALL;
  const granted = computeChannel(base, channel.permission_overwrites, member.roles, member.user_id, guild.id);
  const permissions = applyImplicitDenials(granted, channel.type);
  return isTimedOut(member, nowMs) ? permissions & TIMED_OUT : permissions;
}

type RankedRole = Pick<RoleRecord, 'id' | 'position'>;

/** Positive when a stands above b: by position, and of equals the older id is the higher. */
export function compareRoles(a: RankedRole, b: RankedRole): number {
  return a.position - b.position || compareSnowflakes(b.id, a.id);
}

/** The member's highest role; @everyone when it has no other; undefined only when the guild has no @everyone. */
export function highestRole<R extends RankedRole>(
  roles: ReadonlyMap<Snowflake, R>,
  memberRoles: readonly Snowflake[],
  guildId: Snowflake,
): R | undefined {
  let highest = roles.get(guildId);
  for (const id of memberRoles) {
    const role = roles.get(id);
    if (role !== undefined && (highest === undefined || compareRoles(role, highest) > 0)) highest = role;
  }
  return highest;
}

/** May the actor act on a role? Owners on all; others on those below their own highest. */
export function outranksRole<R extends RankedRole>(
  guild: GuildOwner,
  roles: ReadonlyMap<Snowflake, R>,
  actor: { readonly user_id: Snowflake; readonly roles: readonly Snowflake[] },
  role: RankedRole,
): boolean {
  if (guild.owner_id === actor.user_id) return true;
  const own = highestRole(roles, actor.roles, guild.id);
  return own !== undefined && compareRoles(own, role) > 0;
}

/** May the actor kick, ban, rename or time out the target? Never the owner; never one as high as oneself. */
export function outranksMember<R extends RankedRole>(
  guild: GuildOwner,
  roles: ReadonlyMap<Snowflake, R>,
  actor: { readonly user_id: Snowflake; readonly roles: readonly Snowflake[] },
  target: { readonly user_id: Snowflake; readonly roles: readonly Snowflake[] },
): boolean {
  if (guild.owner_id === target.user_id) return false;
  if (guild.owner_id === actor.user_id) return true;
  const role = highestRole(roles, target.roles, guild.id);
  return role !== undefined && outranksRole(guild, roles, actor, role);
}
