// Members: read, listed, searched, changed (nickname, roles, mute, channel, time-out).

import { compareSnowflakes, type Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError } from '../../../protocol/form.ts';
import { memberPayload } from '../../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../../protocol/permissions.ts';
import { isVoiceChannel } from '../../../protocol/channel-types.ts';
import { parseTimestamp } from '../../../protocol/timestamp.ts';
import type { MemberRecord } from '../../../protocol/records.ts';
import { memberUpdateEvent } from '../events.ts';
import { searchMembers } from '../members-chunk.ts';
import { put } from '../provision.ts';
import type { GuildState } from '../state.ts';
import { leaveVoice, moveVoice, setVoiceFlags } from '../voice.ts';
import { AUDIT, audit, changesOf } from './audit-log.ts';
import { type Ctx, need, needAboveMember, needAboveRole, selfMember, targetMember, targetRole } from './checks.ts';

/** Discord's limit; longer time-outs are bans. */
const TIMEOUT_MS_MAX = 28 * 24 * 60 * 60 * 1000;

export interface MemberPatch {
  readonly nick?: string | null;
  readonly roles?: readonly Snowflake[] | null;
  readonly mute?: boolean;
  readonly deaf?: boolean;
  readonly channel_id?: Snowflake | null;
  readonly communication_disabled_until?: string | null;
  readonly flags?: number;
}

export function memberObject(state: GuildState, member: MemberRecord) {
  const user = state.users.get(member.user_id);
  if (user === undefined) throw apiError('UNKNOWN_MEMBER');
  return memberPayload(member, user);
}

/** Sets the record, stores and announces it. */
function updateMember(ctx: Ctx, member: MemberRecord): void {
  const state = ctx.host;
  state.setMember(member);
  ctx.write(put('member', [state.guildId, member.user_id], member));
  ctx.dispatch(memberUpdateEvent(state, member.user_id));
}

export const memberOperations = {
  'member.get'(ctx: Ctx, { user_id }: { user_id: Snowflake }) {
    selfMember(ctx);
    return memberObject(ctx.host, targetMember(ctx, user_id));
  },

  /** Ascending by user id. */
  'member.list'(ctx: Ctx, { after, limit }: { after?: Snowflake; limit: number }) {
    selfMember(ctx);
    const ids = [...ctx.host.members.keys()].sort(compareSnowflakes);
    const from = after === undefined ? 0 : ids.findIndex((id) => compareSnowflakes(id, after) > 0);
    if (from < 0) return [];
    return ids.slice(from, from + limit).map((id) => memberObject(ctx.host, targetMember(ctx, id)));
  },

  'member.search'(ctx: Ctx, { query, limit }: { query: string; limit: number }) {
    selfMember(ctx);
    return searchMembers(ctx.host, query, limit).map((id) => memberObject(ctx.host, targetMember(ctx, id)));
  },

  'member.modify'(ctx: Ctx, { user_id, patch }: { user_id: Snowflake; patch: MemberPatch }) {
    const target = targetMember(ctx, user_id);
    const self = selfMember(ctx);
    checkNick(ctx, self, target, patch);
    checkRoles(ctx, self, target, patch.roles);
    checkTimeout(ctx, self, target, patch.communication_disabled_until);
    if (patch.flags !== undefined) need(ctx, PERMISSIONS.MODERATE_MEMBERS);
    checkVoice(ctx, target, patch);
    const fields: Partial<MemberRecord> = {};
    if (patch.nick !== undefined) fields.nick = patch.nick === '' ? null : patch.nick;
    if (patch.roles !== undefined) fields.roles = [...new Set(patch.roles ?? [])];
    if (patch.mute !== undefined) fields.mute = patch.mute;
    if (patch.deaf !== undefined) fields.deaf = patch.deaf;
    if (patch.flags !== undefined) fields.flags = patch.flags;
    if (patch.communication_disabled_until !== undefined) {
      fields.communication_disabled_until = patch.communication_disabled_until;
    }
    return apply(ctx, target, fields, patch.channel_id);
  },

  'member.modifySelf'(ctx: Ctx, { patch }: { patch: { readonly nick?: string | null } }) {
    const self = selfMember(ctx);
    if (patch.nick === undefined) return memberObject(ctx.host, self);
    need(ctx, PERMISSIONS.CHANGE_NICKNAME);
    return apply(ctx, self, { nick: patch.nick === '' ? null : patch.nick }, undefined);
  },

  'member.role.add'(ctx: Ctx, { user_id, role_id }: { user_id: Snowflake; role_id: Snowflake }) {
    const self = selfMember(ctx);
    const target = targetMember(ctx, user_id);
    targetRole(ctx, role_id);
    const roles = target.roles.includes(role_id) ? target.roles : [...target.roles, role_id];
    checkRole(ctx, self, role_id);
    apply(ctx, target, { roles }, undefined);
  },

  'member.role.remove'(ctx: Ctx, { user_id, role_id }: { user_id: Snowflake; role_id: Snowflake }) {
    const self = selfMember(ctx);
    const target = targetMember(ctx, user_id);
    targetRole(ctx, role_id);
    checkRole(ctx, self, role_id);
    apply(ctx, target, { roles: target.roles.filter((id) => id !== role_id) }, undefined);
  },
};

/** Makes the changes that were found allowed. */
function apply(ctx: Ctx, before: MemberRecord, fields: Partial<MemberRecord>, channelId: Snowflake | null | undefined) {
  const state = ctx.host;
  const { user_id } = before;
  const next: MemberRecord = { ...before, ...fields };
  const changes = changesOf(before, fields);
  if (changes.length > 0) {
    const rolesOnly = changes.every(({ key }) => key === 'roles');
    if (rolesOnly) audit(ctx, AUDIT.MEMBER_ROLE_UPDATE, user_id, { changes: roleChanges(state, before, next) });
    else audit(ctx, AUDIT.MEMBER_UPDATE, user_id, { changes });
    updateMember(ctx, next);
  }
  if (fields.mute !== undefined || fields.deaf !== undefined) {
    ctx.dispatch(...setVoiceFlags(state, user_id, { mute: next.mute, deaf: next.deaf }));
  }
  if (channelId === null) {
    audit(ctx, AUDIT.MEMBER_DISCONNECT, null, { options: { count: '1' } });
    ctx.dispatch(...leaveVoice(state, user_id));
  } else if (channelId !== undefined) {
    audit(ctx, AUDIT.MEMBER_MOVE, null, { options: { channel_id: channelId, count: '1' } });
    ctx.dispatch(...moveVoice(state, user_id, channelId));
  }
  return memberObject(state, next);
}

/** As the audit log says it: which roles came and which went. */
function roleChanges(state: GuildState, before: MemberRecord, after: MemberRecord) {
  const named = (ids: Snowflake[]) => ids.map((id) => ({ id, name: state.roles.get(id)?.name ?? '' }));
  const added = named(after.roles.filter((id) => !before.roles.includes(id)));
  const removed = named(before.roles.filter((id) => !after.roles.includes(id)));
  return [
    ...(added.length === 0 ? [] : [{ key: '$add', new_value: added }]),
    ...(removed.length === 0 ? [] : [{ key: '$remove', new_value: removed }]),
  ];
}

function checkNick(ctx: Ctx, self: MemberRecord, target: MemberRecord, patch: MemberPatch): void {
  if (patch.nick === undefined) return;
  if (self.user_id === target.user_id) {
    const own = ctx.host.guildPermissions(self.user_id);
    if (!has(own, PERMISSIONS.CHANGE_NICKNAME) && !has(own, PERMISSIONS.MANAGE_NICKNAMES))
      throw apiError('MISSING_PERMISSIONS');
    return;
  }
  need(ctx, PERMISSIONS.MANAGE_NICKNAMES);
  needAboveMember(ctx, self, target);
}

function checkRole(ctx: Ctx, self: MemberRecord, roleId: Snowflake): void {
  need(ctx, PERMISSIONS.MANAGE_ROLES);
  const role = targetRole(ctx, roleId);
  if (role.managed || role.id === ctx.host.guildId) throw apiError('INVALID_ROLE');
  needAboveRole(ctx, self, role);
}

function checkRoles(
  ctx: Ctx,
  self: MemberRecord,
  target: MemberRecord,
  roles: readonly Snowflake[] | null | undefined,
): void {
  if (roles === undefined) return;
  need(ctx, PERMISSIONS.MANAGE_ROLES);
  const wanted = roles ?? [];
  for (const id of wanted) targetRole(ctx, id);
  for (const id of wanted) if (!target.roles.includes(id)) checkRole(ctx, self, id);
  for (const id of target.roles) if (!wanted.includes(id) && ctx.host.roles.has(id)) checkRole(ctx, self, id);
}

function checkTimeout(ctx: Ctx, self: MemberRecord, target: MemberRecord, until: string | null | undefined): void {
  if (until === undefined) return;
  need(ctx, PERMISSIONS.MODERATE_MEMBERS);
  needAboveMember(ctx, self, target);
  if (until === null) return;
  if (ctx.host.isAdministrator(target.user_id)) throw apiError('MISSING_PERMISSIONS');
  const ms = parseTimestamp(until);
  if (ms === null || ms > ctx.nowMs + TIMEOUT_MS_MAX) {
    throw formError(['communication_disabled_until'], 'COMMUNICATION_DISABLED_UNTIL_MAX', 'Must be within 28 days.');
  }
}

/** Mute, deafen, move: of those who are in voice. */
function checkVoice(ctx: Ctx, target: MemberRecord, patch: MemberPatch): void {
  const voice = ctx.host.voiceStates.get(target.user_id);
  if (patch.mute !== undefined) need(ctx, PERMISSIONS.MUTE_MEMBERS);
  if (patch.deaf !== undefined) need(ctx, PERMISSIONS.DEAFEN_MEMBERS);
  if (patch.channel_id !== undefined) need(ctx, PERMISSIONS.MOVE_MEMBERS);
  const asks = patch.mute !== undefined || patch.deaf !== undefined || patch.channel_id != null;
  if (asks && voice === undefined) throw apiError('TARGET_NOT_IN_VOICE');
  if (patch.channel_id == null) return;
  const channel = ctx.host.channels.get(patch.channel_id);
  if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
  if (!isVoiceChannel(channel.type)) throw apiError('WRONG_CHANNEL_TYPE');
  // Neither may be sent where they could not go.
  const bits = PERMISSIONS.VIEW_CHANNEL | PERMISSIONS.CONNECT;
  if (!has(ctx.host.permissions(ctx.requester.user_id, channel), bits)) throw apiError('MISSING_PERMISSIONS');
}
