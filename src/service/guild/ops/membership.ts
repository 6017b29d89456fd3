// Joining and leaving: by invite, by an operator, by being kicked or banned. What all of them have in common.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { guildUserPayload, memberEventPayload, memberPayload } from '../../../protocol/payload.ts';
import { PERMISSIONS } from '../../../protocol/permissions.ts';
import type { BanRecord, MemberRecord, RoleRecord, UserRecord } from '../../../protocol/records.ts';
import { WithStatus } from '../../request.ts';
import { guildEvent } from '../events.ts';
import { newMember, newRole, putMember, putRole, removeMember } from '../provision.ts';
import { roleEventPayload } from '../../../protocol/payload.ts';
import { leaveVoice } from '../voice.ts';
import { AUDIT, audit } from './audit-log.ts';
import { type Ctx, knownUser, need, needAboveMember, needOperator, selfMember, targetMember } from './checks.ts';

/** Members of one guild. GUILD_CREATE announces as much; all are in memory, about 1.5 KB each. */
const MEMBERS_MAX = 500_000;

/** Is there room for so many more? Asked before anything is changed. */
function checkRoom(ctx: Ctx, more = 1): void {
  if (ctx.host.members.size + more > MEMBERS_MAX) throw apiError('MISSING_ACCESS');
}

/** Adds the user; its live sessions attach and get GUILD_CREATE. The caller has checked bans and membership. */
export function join(ctx: Ctx, user: UserRecord, more: Partial<MemberRecord> = {}): MemberRecord {
  checkRoom(ctx);
  const { links } = ctx.host;
  ctx.afterwards(() => links.announceJoin(user.id));
  return add(ctx, user, more);
}

function add(ctx: Ctx, user: UserRecord, more: Partial<MemberRecord>): MemberRecord {
  const state = ctx.host;
  const member: MemberRecord = { ...newMember(state.guildId, user.id, ctx.nowMs), ...more };
  state.setMember(member, user);
  ctx.write(...putMember(member));
  ctx.dispatch(guildEvent('GUILD_MEMBER_ADD', memberEventPayload(member, user), { except: [user.id] }));
  return member;
}

/** Removes the member: out of voice, GUILD_DELETE to itself, GUILD_MEMBER_REMOVE to the others; then its view ends. */
export function removeMemberOf(ctx: Ctx, userId: Snowflake): void {
  const state = ctx.host;
  const user = state.users.get(userId);
  if (user === undefined) return;
  ctx.dispatch(...leaveVoice(state, userId));
  ctx.write(...removeMember(state.guildId, userId));
  // No `unavailable`: that would be an outage.
  ctx.dispatch(
    guildEvent('GUILD_DELETE', { id: state.guildId }, { intents: 0, only: [userId] }),
    guildEvent('GUILD_MEMBER_REMOVE', guildUserPayload(state.guildId, user), { except: [userId] }),
  );
  state.deleteMember(userId);
}

export async function banOf(ctx: Ctx, userId: Snowflake): Promise<BanRecord | null> {
  const changed = ctx.host.bans.get(userId);
  return changed === undefined ? await ctx.store.get<BanRecord>('ban', [ctx.host.guildId, userId]) : changed;
}

/** Asked again without awaiting, right before the change: was the user banned meanwhile? */
export function bannedMeanwhile(ctx: Ctx, userId: Snowflake): boolean {
  return (ctx.host.bans.get(userId) ?? null) !== null;
}

export const membershipOperations = {
  /** By an operator. Bots get a managed role when permissions are asked for. */
  async join(ctx: Ctx, { user, permissions }: { user: UserRecord; permissions?: string }) {
    needOperator(ctx);
    const ban = await banOf(ctx, user.id);
    const state = ctx.host;
    const present = state.members.get(user.id);
    if (present !== undefined) return memberPayload(present, user);
    if (ban !== null || bannedMeanwhile(ctx, user.id)) throw apiError('USER_BANNED');
    checkRoom(ctx);
    const roles: Snowflake[] = [];
    if (user.bot && permissions !== undefined && permissions !== '0') {
      const role: RoleRecord = {
        ...newRole(state.guildId, ctx.ids.next(), permissions),
        name: user.username,
        managed: true,
        tags: { bot_id: user.id },
      };
      state.setRole(role);
      ctx.write(putRole(role));
      ctx.dispatch(guildEvent('GUILD_ROLE_CREATE', roleEventPayload(state.guildId, role)));
      roles.push(role.id);
    }
    return memberPayload(join(ctx, user, { roles }), user);
  },

  /** Accounts made a moment ago, in bulk, by an operator: one batch, one commit. They have no sessions to be told. */
  fill(ctx: Ctx, { users }: { users: readonly UserRecord[] }) {
    needOperator(ctx);
    checkRoom(ctx, users.length);
    for (const user of users) if (!ctx.host.members.has(user.id)) add(ctx, user, {});
    return { member_count: ctx.host.memberCount };
  },

  /** PUT members/{id}: adds a user without its doing. Bots that may invite can, on a server of one's own. */
  async 'member.add'(
    ctx: Ctx,
    { user_id, member }: { user_id: Snowflake; member: Partial<Pick<MemberRecord, 'nick' | 'mute' | 'deaf'>> },
  ) {
    need(ctx, PERMISSIONS.CREATE_INSTANT_INVITE);
    const [user, ban] = await Promise.all([knownUser(ctx, user_id), banOf(ctx, user_id)]);
    need(ctx, PERMISSIONS.CREATE_INSTANT_INVITE);
    if (ctx.host.members.has(user_id)) return undefined;
    if (ban !== null || bannedMeanwhile(ctx, user_id)) throw apiError('USER_BANNED');
    if (member.nick != null) need(ctx, PERMISSIONS.MANAGE_NICKNAMES);
    if (member.mute === true) need(ctx, PERMISSIONS.MUTE_MEMBERS);
    if (member.deaf === true) need(ctx, PERMISSIONS.DEAFEN_MEMBERS);
    return new WithStatus(201, memberPayload(join(ctx, user, member), user));
  },

  'member.kick'(ctx: Ctx, { user_id }: { user_id: Snowflake }) {
    const self = need(ctx, PERMISSIONS.KICK_MEMBERS);
    const target = targetMember(ctx, user_id);
    needAboveMember(ctx, self, target);
    audit(ctx, AUDIT.MEMBER_KICK, user_id);
    removeMemberOf(ctx, user_id);
  },

  /** DELETE /users/@me/guilds/{id}. An owner hands the guild over or deletes it first. */
  'member.leave'(ctx: Ctx) {
    const self = selfMember(ctx);
    if (self.user_id === ctx.host.guild.owner_id) throw apiError('MISSING_PERMISSIONS');
    removeMemberOf(ctx, self.user_id);
  },
};
