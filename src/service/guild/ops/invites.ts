// Invites: made, listed, shown, accepted, taken back. All of a guild's are read once, when the first is needed; the store
// keeps them.

import type { Snowflake } from '../../../base/snowflake.ts';
import { ChannelType } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
import {
  inviteCreatePayload,
  inviteDeletePayload,
  inviteMetadataPayload,
  invitePayload,
} from '../../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../../protocol/permissions.ts';
import { parseTimestamp } from '../../../protocol/timestamp.ts';
import type { InviteRecord, UserRecord } from '../../../protocol/records.ts';
import { guildEvent } from '../events.ts';
import { newInvite, put, putInvite, removeInvite } from '../provision.ts';
import { AUDIT, audit } from './audit-log.ts';
import { type Ctx, knownUser, need, needInChannel, visibleChannel } from './checks.ts';
import { banOf, bannedMeanwhile, join } from './membership.ts';

/** Per guild, as on Discord. */
const INVITES_MAX = 1_000;

/** All invites of the guild. */
export async function invitesOf(ctx: Ctx): Promise<Map<string, InviteRecord>> {
  const { host, store } = ctx;
  if (host.invites === undefined) {
    const rows = await store.list<{ code: string }>('guild_invite', [host.guildId]);
    const found = await store.getMany<InviteRecord>(
      'invite',
      rows.map(({ code }) => [code]),
    );
    // Another operation may have been first, and changed some meanwhile.
    host.invites ??= new Map(found.flatMap((invite) => (invite === null ? [] : [[invite.code, invite] as const])));
  }
  return host.invites;
}

function expired(invite: InviteRecord, nowMs: number): boolean {
  if (invite.max_uses > 0 && invite.uses >= invite.max_uses) return true;
  const created = parseTimestamp(invite.created_at) ?? 0;
  return invite.max_age > 0 && created + invite.max_age * 1000 <= nowMs;
}

function drop(ctx: Ctx, invite: InviteRecord): void {
  ctx.host.invites?.delete(invite.code);
  ctx.write(...removeInvite(invite));
  ctx.dispatch(guildEvent('INVITE_DELETE', inviteDeletePayload(invite), { channel: invite.channel_id }));
}

/** The invites that are still good. The others are removed as they are met. */
async function liveInvites(ctx: Ctx): Promise<InviteRecord[]> {
  const invites = await invitesOf(ctx);
  return [...invites.values()].filter((invite) => !expired(invite, ctx.nowMs));
}

function shown(ctx: Ctx, invite: InviteRecord, withMetadata: boolean, withCounts = false) {
  const { host } = ctx;
  const channel = host.channels.get(invite.channel_id);
  if (channel === undefined) throw apiError('UNKNOWN_INVITE');
  const inviter = invite.inviter_id === null ? null : (host.users.get(invite.inviter_id) ?? null);
  const parts = { guild: host.guild, channel, inviter, ...(withCounts ? { counts: host.counts() } : {}) };
  return withMetadata ? inviteMetadataPayload(invite, parts) : invitePayload(invite, parts);
}

export interface InviteForm {
  readonly max_age: number;
  readonly max_uses: number;
  readonly temporary: boolean;
  readonly unique: boolean;
}

export const inviteOperations = {
  async 'invite.create'(ctx: Ctx, { channel_id, form }: { channel_id: Snowflake; form: InviteForm }) {
    const { host } = ctx;
    needInChannel(ctx, channel_id, PERMISSIONS.CREATE_INSTANT_INVITE);
    const invites = await invitesOf(ctx);
    const channel = needInChannel(ctx, channel_id, PERMISSIONS.CREATE_INSTANT_INVITE);
    if (channel.type === ChannelType.GUILD_CATEGORY) throw apiError('WRONG_CHANNEL_TYPE');
    const self = ctx.requester.user_id;
    for (const invite of [...invites.values()]) if (expired(invite, ctx.nowMs)) drop(ctx, invite);
    if (!form.unique) {
      const like = [...invites.values()].find(
        (invite) =>
          invite.channel_id === channel_id &&
          invite.inviter_id === self &&
          invite.max_age === form.max_age &&
          invite.max_uses === form.max_uses &&
          invite.temporary === form.temporary,
      );
      if (like !== undefined) return shown(ctx, like, true);
    }
    if (invites.size >= INVITES_MAX) throw apiError('MAX_INVITES');
    const { max_age, max_uses, temporary } = form;
    const invite: InviteRecord = {
      ...newInvite(host.guildId, channel_id, self, ctx.nowMs),
      max_age,
      max_uses,
      temporary,
    };
    invites.set(invite.code, invite);
    ctx.write(...putInvite(invite));
    audit(ctx, AUDIT.INVITE_CREATE, null, { changes: [{ key: 'code', new_value: invite.code }] });
    const inviter = host.users.get(self) ?? null;
    ctx.dispatch(guildEvent('INVITE_CREATE', inviteCreatePayload(invite, inviter), { channel: channel_id }));
    return shown(ctx, invite, true);
  },

  async 'invite.listGuild'(ctx: Ctx) {
    need(ctx, PERMISSIONS.MANAGE_GUILD);
    const invites = await liveInvites(ctx);
    return invites
      .filter((invite) => ctx.host.channels.has(invite.channel_id))
      .map((invite) => shown(ctx, invite, true));
  },

  async 'invite.listChannel'(ctx: Ctx, { channel_id }: { channel_id: Snowflake }) {
    needInChannel(ctx, channel_id, PERMISSIONS.MANAGE_CHANNELS);
    const invites = await liveInvites(ctx);
    return invites.filter((invite) => invite.channel_id === channel_id).map((invite) => shown(ctx, invite, true));
  },

  /** Anybody who has the code may see where it leads. */
  async 'invite.get'(ctx: Ctx, { code, with_counts }: { code: string; with_counts?: boolean }) {
    const invite = (await invitesOf(ctx)).get(code);
    if (invite === undefined || expired(invite, ctx.nowMs)) throw apiError('UNKNOWN_INVITE');
    return shown(ctx, invite, false, with_counts);
  },

  async 'invite.delete'(ctx: Ctx, { code }: { code: string }) {
    const invite = (await invitesOf(ctx)).get(code);
    if (invite === undefined) throw apiError('UNKNOWN_INVITE');
    const mayGuild = has(ctx.host.guildPermissions(ctx.requester.user_id), PERMISSIONS.MANAGE_GUILD);
    const mine = invite.inviter_id === ctx.requester.user_id && ctx.host.members.has(ctx.requester.user_id);
    if (!mayGuild && !mine) {
      const channel = visibleChannel(ctx, invite.channel_id);
      const may = has(ctx.host.permissions(ctx.requester.user_id, channel), PERMISSIONS.MANAGE_CHANNELS);
      if (!may) throw apiError('MISSING_PERMISSIONS');
    }
    const answer = shown(ctx, invite, false);
    audit(ctx, AUDIT.INVITE_DELETE, null, { changes: [{ key: 'code', old_value: code }] });
    drop(ctx, invite);
    return answer;
  },

  async 'invite.accept'(ctx: Ctx, { code }: { code: string }) {
    const userId = ctx.requester.user_id;
    const [invites, user, banned] = await Promise.all([invitesOf(ctx), knownUser(ctx, userId), banOf(ctx, userId)]);
    const invite = invites.get(code);
    if (invite === undefined || expired(invite, ctx.nowMs)) throw apiError('UNKNOWN_INVITE');
    const isNew = !ctx.host.members.has(userId);
    if (isNew) {
      if (banned !== null || bannedMeanwhile(ctx, userId)) throw apiError('USER_BANNED');
      accept(ctx, invite, user);
    }
    return { ...shown(ctx, invite, false), new_member: isNew };
  },
};

/** One use; the last one ends it. */
function accept(ctx: Ctx, invite: InviteRecord, user: UserRecord): void {
  const used: InviteRecord = { ...invite, uses: invite.uses + 1 };
  join(ctx, user);
  if (expired(used, ctx.nowMs)) drop(ctx, used);
  else {
    ctx.host.invites?.set(used.code, used);
    ctx.write(put('invite', [used.code], used));
  }
}
