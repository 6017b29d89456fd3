// Roles: made, changed, ordered, deleted. Everybody acts only on roles below their own highest, and hands out only what they have.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError } from '../../../protocol/form.ts';
import { roleEventPayload, rolePayload } from '../../../protocol/payload.ts';
import { compareRoles, DEFAULT_EVERYONE, highestRole, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { RoleRecord } from '../../../protocol/records.ts';
import { guildEvent } from '../events.ts';
import { newRole, put, putRole, remove } from '../provision.ts';
import type { GuildState } from '../state.ts';
import { AUDIT, audit, changesOf } from './audit-log.ts';
import { channelObject } from './channels.ts';
import { type Ctx, need, needAboveRole, needToGrant, selfMember, targetRole } from './checks.ts';

/** @everyone and 250 more would be Discord's own count; each is in every GUILD_CREATE. */
const ROLES_MAX = 250;

export type RolePatch = Partial<
  Pick<RoleRecord, 'name' | 'permissions' | 'color' | 'colors' | 'hoist' | 'mentionable' | 'icon' | 'unicode_emoji'>
>;

function announce(ctx: Ctx, event: 'GUILD_ROLE_CREATE' | 'GUILD_ROLE_UPDATE', role: RoleRecord): void {
  ctx.host.setRole(role);
  ctx.write(putRole(role));
  ctx.dispatch(guildEvent(event, roleEventPayload(ctx.host.guildId, role)));
}

/** The two ways to say a colour are kept in step. */
function withColours(patch: RolePatch): RolePatch {
  if (patch.colors !== undefined) return { ...patch, color: patch.colors.primary_color };
  if (patch.color === undefined) return patch;
  return { ...patch, colors: { primary_color: patch.color, secondary_color: null, tertiary_color: null } };
}

/** From the lowest up. */
function ordered(state: GuildState): RoleRecord[] {
  return [...state.roles.values()].sort(compareRoles);
}

export const roleOperations = {
  'role.list'(ctx: Ctx) {
    selfMember(ctx);
    return Array.from(ctx.host.roles.values(), rolePayload);
  },

  'role.get'(ctx: Ctx, { role_id }: { role_id: Snowflake }) {
    selfMember(ctx);
    return rolePayload(targetRole(ctx, role_id));
  },

  'role.counts'(ctx: Ctx) {
    selfMember(ctx);
    const counts: { [role: Snowflake]: number } = {};
    for (const role of ctx.host.roles.keys()) if (role !== ctx.host.guildId) counts[role] = 0;
    for (const member of ctx.host.members.values()) {
      for (const role of member.roles) if (counts[role] !== undefined) counts[role] += 1;
    }
    return counts;
  },

  'role.create'(ctx: Ctx, { patch }: { patch: RolePatch }) {
    const state = ctx.host;
    need(ctx, PERMISSIONS.MANAGE_ROLES);
    if (state.roles.size >= ROLES_MAX) throw apiError('MAX_ROLES');
    if (patch.permissions !== undefined) needToGrant(ctx, BigInt(patch.permissions));
    const everyone = state.roles.get(state.guildId)?.permissions ?? String(DEFAULT_EVERYONE);
    const role: RoleRecord = { ...newRole(state.guildId, ctx.ids.next(), everyone), ...withColours(patch) };
    audit(ctx, AUDIT.ROLE_CREATE, role.id, { changes: changesOf({}, patch) });
    announce(ctx, 'GUILD_ROLE_CREATE', role);
    return rolePayload(role);
  },

  'role.modify'(ctx: Ctx, { role_id, patch }: { role_id: Snowflake; patch: RolePatch }) {
    const self = need(ctx, PERMISSIONS.MANAGE_ROLES);
    const before = targetRole(ctx, role_id);
    const everyone = before.id === ctx.host.guildId;
    if (!everyone) needAboveRole(ctx, self, before);
    if (patch.permissions !== undefined) {
      // Bits that stay as they were are nobody's grant.
      needToGrant(ctx, BigInt(patch.permissions) ^ BigInt(before.permissions));
    }
    const next: RoleRecord = everyone
      ? { ...before, permissions: patch.permissions ?? before.permissions }
      : { ...before, ...withColours(patch) };
    const changes = changesOf(before, next);
    if (changes.length > 0) {
      audit(ctx, AUDIT.ROLE_UPDATE, role_id, { changes });
      announce(ctx, 'GUILD_ROLE_UPDATE', next);
    }
    return rolePayload(next);
  },

  /** The named roles go where they are asked; the others keep their order around them. */
  'role.positions'(ctx: Ctx, { positions }: { positions: readonly { id: Snowflake; position?: number | null }[] }) {
    const state = ctx.host;
    const self = need(ctx, PERMISSIONS.MANAGE_ROLES);
    const wanted = new Map<Snowflake, number>();
    for (const { id, position } of positions) {
      targetRole(ctx, id);
      if (position === null || position === undefined) continue;
      if (id === state.guildId && position !== 0)
        throw formError(['position'], 'ROLE_POSITION', '@everyone stays at the bottom.');
      if (id !== state.guildId) wanted.set(id, position);
    }
    const current = ordered(state).filter(({ id }) => id !== state.guildId);
    const order = current.filter(({ id }) => !wanted.has(id));
    const moved = current
      .filter(({ id }) => wanted.has(id))
      .sort((a, b) => (wanted.get(a.id) ?? 0) - (wanted.get(b.id) ?? 0));
    for (const role of moved) order.splice(Math.max(0, (wanted.get(role.id) ?? 1) - 1), 0, role);
    checkOrder(ctx, self.roles, current, order);
    order.forEach((role, index) => {
      if (role.position !== index + 1) announce(ctx, 'GUILD_ROLE_UPDATE', { ...role, position: index + 1 });
    });
    return Array.from(state.roles.values(), rolePayload);
  },

  'role.delete'(ctx: Ctx, { role_id }: { role_id: Snowflake }) {
    const state = ctx.host;
    const self = need(ctx, PERMISSIONS.MANAGE_ROLES);
    const role = targetRole(ctx, role_id);
    if (role.id === state.guildId || role.managed) throw apiError('INVALID_ROLE');
    needAboveRole(ctx, self, role);
    ctx.write(remove('role', [state.guildId, role_id]));
    // Members' rows keep the dead id until they are next written; loading leaves it out.
    state.deleteRole(role_id);
    audit(ctx, AUDIT.ROLE_DELETE, role_id, { changes: changesOf(role, { name: null }) });
    ctx.dispatch(guildEvent('GUILD_ROLE_DELETE', { guild_id: state.guildId, role_id }));
    for (const channel of [...state.channels.values()]) {
      if (!channel.permission_overwrites.some(({ id }) => id === role_id)) continue;
      const rest = channel.permission_overwrites.filter(({ id }) => id !== role_id);
      const next = { ...channel, permission_overwrites: rest };
      state.setChannel(next);
      ctx.write(put('channel', [state.guildId, channel.id], next));
      ctx.dispatch(guildEvent('CHANNEL_UPDATE', channelObject(state, next)));
    }
  },
};

/** What stands at or above the actor's own highest role must stay as it is. */
function checkOrder(
  ctx: Ctx,
  own: readonly Snowflake[],
  before: readonly RoleRecord[],
  after: readonly RoleRecord[],
): void {
  const state = ctx.host;
  if (ctx.requester.user_id === state.guild.owner_id) return;
  const top = highestRole(state.roles, own, state.guildId);
  const from = before.findIndex((role) => role.id === top?.id);
  const keep = from < 0 ? before : before.slice(from);
  const kept = from < 0 ? after : after.slice(after.length - keep.length);
  if (keep.some((role, i) => kept[i]?.id !== role.id)) throw apiError('MISSING_PERMISSIONS');
}
