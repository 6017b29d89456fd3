// The guild itself: read, change, hand over, delete.

import type { Snowflake } from '../../../base/snowflake.ts';
import { ChannelType } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError } from '../../../protocol/form.ts';
import { guildPayload } from '../../../protocol/payload.ts';
import { PERMISSIONS } from '../../../protocol/permissions.ts';
import type { GuildRecord } from '../../../protocol/records.ts';
import { BATCH_OPS_MAX, type StoreOp } from '../../../state/store/port.ts';
import { guildEvent } from '../events.ts';
import { put, remove } from '../provision.ts';
import type { GuildState } from '../state.ts';
import { AUDIT, audit, changesOf } from './audit-log.ts';
import { type Ctx, need, needOperator, selfMember } from './checks.ts';
import { invitesOf } from './invites.ts';

export type GuildPatch = Partial<Omit<GuildRecord, 'id'>>;

export function guildObject(state: GuildState, withCounts = false) {
  const parts = { roles: state.roles.values(), emojis: state.emojis.values() };
  return guildPayload(state.guild, parts, withCounts ? state.counts() : undefined);
}

/** Sets the record, stores and announces it. */
export function updateGuild(ctx: Ctx, guild: GuildRecord): void {
  ctx.host.setGuild(guild);
  ctx.write(put('guild', [guild.id], guild));
  ctx.dispatch(guildEvent('GUILD_UPDATE', guildObject(ctx.host)));
}

export const guildOperations = {
  'guild.get'(ctx: Ctx, args: { with_counts?: boolean }) {
    selfMember(ctx);
    return guildObject(ctx.host, args.with_counts);
  },

  'guild.modify'(ctx: Ctx, { patch }: { patch: GuildPatch }) {
    need(ctx, PERMISSIONS.MANAGE_GUILD);
    const { guild } = ctx.host;
    checkGuildPatch(ctx, patch);
    const next: GuildRecord = { ...guild, ...patch };
    audit(ctx, AUDIT.GUILD_UPDATE, guild.id, { changes: changesOf(guild, patch) });
    updateGuild(ctx, next);
    return guildObject(ctx.host);
  },

  async 'guild.delete'(ctx: Ctx) {
    const state = ctx.host;
    if (selfMember(ctx).user_id !== state.guild.owner_id) throw apiError('MISSING_PERMISSIONS');
    const invites = [...(await invitesOf(ctx)).keys()];
    const webhooks = await webhookRows(ctx, [...state.channels.keys()]);
    const id = state.guildId;
    // Most rows first and the guild's own last: after a crash in between, the guild is still there to be deleted again.
    const ops: StoreOp[] = [...webhooks];
    for (const channel of state.channels.keys()) ops.push(...channelRemoval(id, channel));
    for (const code of invites) ops.push(remove('invite', [code]));
    for (const user of state.members.keys()) ops.push(remove('user_guild', [user, id]));
    for (const table of ['role', 'member', 'ban', 'guild_invite', 'emoji', 'audit_log'] as const) {
      ops.push({ op: 'deletePrefix', table, key: [id] });
    }
    ops.push(remove('guild', [id]));
    // More than one batch: what does not fit in the last goes before it.
    const rest = Math.max(0, ops.length - BATCH_OPS_MAX);
    for (let from = 0; from < rest; from += BATCH_OPS_MAX) {
      state.links.commitBefore(ops.slice(from, Math.min(from + BATCH_OPS_MAX, rest)));
    }
    ctx.write(...ops.slice(rest));
    ctx.dispatch(guildEvent('GUILD_DELETE', { id }, { intents: 0 }));
    for (const user of [...state.members.keys()]) state.deleteMember(user);
    ctx.afterwards(() => state.links.end());
  },

  /** Everything a command line wants to know. */
  'guild.describe'(ctx: Ctx) {
    needOperator(ctx);
    return { id: ctx.host.guildId, name: ctx.host.guild.name, member_count: ctx.host.memberCount };
  },
};

/** Rows of the webhooks of these channels, to be removed with them. */
export async function webhookRows(ctx: Ctx, channels: readonly Snowflake[]): Promise<StoreOp[]> {
  const lists = await Promise.all(
    channels.map((id) => ctx.store.list<{ id?: Snowflake; webhook_id?: Snowflake }>('channel_webhook', [id])),
  );
  const ops: StoreOp[] = [];
  for (const row of lists.flat()) {
    const webhook = row.id ?? row.webhook_id;
    if (webhook !== undefined) ops.push(remove('webhook', [webhook]));
  }
  return ops;
}

/** A channel's rows, with its messages and pins. */
export function channelRemoval(guildId: Snowflake, id: Snowflake): StoreOp[] {
  return [
    remove('channel', [guildId, id]),
    remove('channel_owner', [id]),
    { op: 'deletePrefix', table: 'channel_webhook', key: [id] },
    { op: 'deletePrefix', table: 'pin', key: [id] },
    // Its files are swept at the next start.
    { op: 'deletePrefix', table: 'attachment', key: [id] },
    { op: 'deleteChannelMessages', channel_id: id },
  ];
}

function checkGuildPatch(ctx: Ctx, patch: GuildPatch): void {
  const { channels, guild, members } = ctx.host;
  const isOwner = ctx.requester.user_id === guild.owner_id;
  if (patch.owner_id !== undefined && patch.owner_id !== guild.owner_id) {
    if (!isOwner) throw apiError('MISSING_PERMISSIONS');
    if (!members.has(patch.owner_id)) throw apiError('UNKNOWN_MEMBER');
    if (ctx.host.users.get(patch.owner_id)?.bot === true) throw apiError('MISSING_PERMISSIONS');
  }
  const wanted = [
    ['afk_channel_id', ChannelType.GUILD_VOICE],
    ['system_channel_id', ChannelType.GUILD_TEXT],
    ['rules_channel_id', ChannelType.GUILD_TEXT],
    ['public_updates_channel_id', ChannelType.GUILD_TEXT],
  ] as const;
  for (const [key, type] of wanted) {
    const id = patch[key];
    if (id === undefined || id === null) continue;
    if (channels.get(id)?.type !== type) throw formError([key], 'CHANNEL_INVALID', 'Invalid channel.');
  }
}
