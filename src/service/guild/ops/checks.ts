// What the guild's operations ask before they do anything: who is asking, may they, and against whom.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { ALL, has, outranksMember, outranksRole, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { ChannelRecord, MemberRecord, RoleRecord, UserRecord } from '../../../protocol/records.ts';
import { OPERATOR, type OperationContext } from '../../request.ts';
import type { GuildState } from '../state.ts';

export type Ctx = OperationContext<GuildState>;

/** The asking member. Who is not in the guild does not learn that it exists. */
export function selfMember(ctx: Ctx): MemberRecord {
  const member = ctx.host.members.get(ctx.requester.user_id);
  if (member === undefined) throw apiError('UNKNOWN_GUILD');
  return member;
}

/** Guild-wide permissions of the asking member; 50013 when any of `bits` is missing. */
export function need(ctx: Ctx, bits: bigint): MemberRecord {
  const member = selfMember(ctx);
  if (!has(ctx.host.guildPermissions(member.user_id), bits)) throw apiError('MISSING_PERMISSIONS');
  return member;
}

export function needOperator(ctx: Ctx): void {
  if (ctx.requester.user_id !== OPERATOR) throw apiError('MISSING_ACCESS');
}

/** A channel that the asking member may view. */
export function visibleChannel(ctx: Ctx, id: Snowflake): ChannelRecord {
  const channel = ctx.host.channels.get(id);
  if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
  if (!ctx.host.canView(ctx.requester.user_id, channel)) throw apiError('MISSING_ACCESS');
  return channel;
}

/** A channel in which the asking member has these permissions. */
export function needInChannel(ctx: Ctx, id: Snowflake, bits: bigint): ChannelRecord {
  const channel = visibleChannel(ctx, id);
  if (!has(ctx.host.permissions(ctx.requester.user_id, channel), bits)) throw apiError('MISSING_PERMISSIONS');
  return channel;
}

export function targetMember(ctx: Ctx, id: Snowflake): MemberRecord {
  const member = ctx.host.members.get(id);
  if (member === undefined) throw apiError('UNKNOWN_MEMBER');
  return member;
}

export function targetRole(ctx: Ctx, id: Snowflake): RoleRecord {
  const role = ctx.host.roles.get(id);
  if (role === undefined) throw apiError('UNKNOWN_ROLE');
  return role;
}

/** Kick, ban, rename, time out: only those below. */
export function needAboveMember(ctx: Ctx, self: MemberRecord, target: MemberRecord): void {
  if (!outranksMember(ctx.host.guild, ctx.host.roles, self, target)) throw apiError('MISSING_PERMISSIONS');
}

/** Grant, edit, delete: only roles below one's own highest. */
export function needAboveRole(ctx: Ctx, self: MemberRecord, role: Pick<RoleRecord, 'id' | 'position'>): void {
  if (!outranksRole(ctx.host.guild, ctx.host.roles, self, role)) throw apiError('MISSING_PERMISSIONS');
}

/** Nobody hands out a permission that they have not. */
export function needToGrant(ctx: Ctx, bits: bigint): void {
  const own = ctx.host.guildPermissions(ctx.requester.user_id);
  if (own !== ALL && (bits & ALL & ~own) !== 0n) throw apiError('MISSING_PERMISSIONS');
}

/** A user's record: a member's from memory, another's from the store. */
export async function knownUser(ctx: Ctx, id: Snowflake): Promise<UserRecord> {
  const user = ctx.host.users.get(id) ?? (await ctx.store.get<UserRecord>('user', [id]));
  if (user === null) throw apiError('UNKNOWN_USER');
  return user;
}

/** Those who may read the audit log, of the users listening right now. */
export function auditReaders(ctx: Ctx): Snowflake[] {
  const readers: Snowflake[] = [];
  for (const user of ctx.host.links.listeners()) {
    if (has(ctx.host.guildPermissions(user), PERMISSIONS.VIEW_AUDIT_LOG)) readers.push(user);
  }
  return readers;
}
