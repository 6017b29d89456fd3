// Channels of a guild: made, changed, moved, deleted; and their permission overwrites.

import type { Snowflake } from '../../../base/snowflake.ts';
import { ChannelType, isVoiceChannel } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError } from '../../../protocol/form.ts';
import { channelPayload } from '../../../protocol/payload.ts';
import { ALL, has, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { ChannelRecord, GuildRecord, OverwriteRecord } from '../../../protocol/records.ts';
import type { StoreOp } from '../../../state/store/port.ts';
import { guildEvent } from '../events.ts';
import { newChannel, put, putChannel, removeInvite } from '../provision.ts';
import type { GuildState } from '../state.ts';
import { emptyVoiceChannel } from '../voice.ts';
import { AUDIT, audit, changesOf } from './audit-log.ts';
import { type Ctx, need, needInChannel, selfMember, visibleChannel } from './checks.ts';
import { channelRemoval, updateGuild, webhookRows } from './guild.ts';
import { invitesOf } from './invites.ts';

/** Discord's own limits; each channel costs its place in every GUILD_CREATE and view. */
const CHANNELS_MAX = 500;
const CATEGORY_CHANNELS_MAX = 50;
const OVERWRITES_MAX = 1_000;

export type ChannelPatch = Partial<
  Pick<
    ChannelRecord,
    | 'name'
    | 'type'
    | 'position'
    | 'topic'
    | 'nsfw'
    | 'parent_id'
    | 'permission_overwrites'
    | 'rate_limit_per_user'
    | 'bitrate'
    | 'user_limit'
    | 'rtc_region'
    | 'video_quality_mode'
    | 'flags'
    | 'default_auto_archive_duration'
  >
>;

export interface PositionPatch {
  readonly id: Snowflake;
  readonly position?: number | null;
  readonly parent_id?: Snowflake | null;
  readonly lock_permissions?: boolean | null;
}

export function channelObject(state: GuildState, channel: ChannelRecord) {
  return channelPayload(channel, {
    guild_id: state.guildId,
    last_message_id: state.book.lastMessageId(channel.id) ?? null,
  });
}

/** Sets the record, stores and announces it. To all with the intent: libraries keep every channel to compute permissions. */
function updateChannel(ctx: Ctx, channel: ChannelRecord): void {
  ctx.host.setChannel(channel);
  ctx.write(put('channel', [ctx.host.guildId, channel.id], channel));
  ctx.dispatch(guildEvent('CHANNEL_UPDATE', channelObject(ctx.host, channel)));
}

/** Who sets overwrites may only set what they have; in a channel of their own making too. */
function checkOverwrites(ctx: Ctx, overwrites: readonly OverwriteRecord[], within: ChannelRecord | undefined): void {
  if (overwrites.length > OVERWRITES_MAX) {
    throw formError(['permission_overwrites'], 'BASE_TYPE_MAX_LENGTH', `Must be ${OVERWRITES_MAX} or fewer in length.`);
  }
  const { host, requester } = ctx;
  const guildWide = host.guildPermissions(requester.user_id);
  if (guildWide === ALL) return;
  const own = within === undefined ? guildWide : host.permissions(requester.user_id, within);
  for (const { allow, deny } of overwrites) {
    if (((BigInt(allow) | BigInt(deny)) & ALL & ~own) !== 0n) throw apiError('MISSING_PERMISSIONS');
  }
}

/** The overwrites that are new or differ from those before. */
function changedOverwrites(before: readonly OverwriteRecord[], after: readonly OverwriteRecord[]): OverwriteRecord[] {
  const same = (a: OverwriteRecord, b: OverwriteRecord) =>
    a.allow === b.allow && a.deny === b.deny && a.type === b.type;
  const changed = after.filter((now) => !before.some((old) => old.id === now.id && same(old, now)));
  const gone = before.filter((old) => !after.some((now) => now.id === old.id));
  return [...changed, ...gone];
}

function checkParent(ctx: Ctx, parentId: Snowflake | null | undefined, self?: ChannelRecord): void {
  if (parentId === null || parentId === undefined || parentId === self?.parent_id) return;
  const parent = ctx.host.channels.get(parentId);
  if (parent === undefined || parent.type !== ChannelType.GUILD_CATEGORY || parent.id === self?.id) {
    throw formError(['parent_id'], 'CHANNEL_PARENT_INVALID_TYPE', 'Not a category');
  }
  let children = 0;
  for (const channel of ctx.host.channels.values()) if (channel.parent_id === parentId) children += 1;
  if (children >= CATEGORY_CHANNELS_MAX) {
    throw formError(
      ['parent_id'],
      'CHANNEL_PARENT_MAX_CHANNELS',
      'Maximum number of channels in category reached (50)',
    );
  }
}

/** Sorting happens within kinds: text with text, voice with voice, categories among themselves. */
function kind(type: number): number {
  return type === ChannelType.GUILD_CATEGORY ? 0 : isVoiceChannel(type) ? 2 : 1;
}

function bottomPosition(state: GuildState, type: number): number {
  let position = -1;
  for (const channel of state.channels.values()) {
    if (kind(channel.type) === kind(type)) position = Math.max(position, channel.position);
  }
  return position + 1;
}

export const guildChannelOperations = {
  'channel.list'(ctx: Ctx) {
    selfMember(ctx);
    return Array.from(ctx.host.channels.values(), (channel) => channelObject(ctx.host, channel));
  },

  'channel.get'(ctx: Ctx, { channel_id }: { channel_id: Snowflake }) {
    return channelObject(ctx.host, visibleChannel(ctx, channel_id));
  },

  'channel.create'(ctx: Ctx, { patch }: { patch: ChannelPatch & { name: string } }) {
    const state = ctx.host;
    need(ctx, PERMISSIONS.MANAGE_CHANNELS);
    if (state.channels.size >= CHANNELS_MAX) throw apiError('MAX_CHANNELS');
    const type = patch.type ?? ChannelType.GUILD_TEXT;
    checkParent(ctx, patch.parent_id);
    if (patch.permission_overwrites !== undefined) checkOverwrites(ctx, patch.permission_overwrites, undefined);
    const parent = patch.parent_id == null ? undefined : state.channels.get(patch.parent_id);
    const channel: ChannelRecord = {
      ...newChannel(state.guildId, ctx.ids.next(), type, patch.name),
      position: bottomPosition(state, type),
      // A channel made in a category starts out in step with it.
      permission_overwrites: parent?.permission_overwrites ?? [],
      ...patch,
      type,
    };
    state.setChannel(channel);
    ctx.write(...putChannel(state.guildId, channel));
    audit(ctx, AUDIT.CHANNEL_CREATE, channel.id, { changes: changesOf({}, { name: channel.name, type }) });
    ctx.dispatch(guildEvent('CHANNEL_CREATE', channelObject(state, channel)));
    return channelObject(state, channel);
  },

  'channel.modify'(ctx: Ctx, { channel_id, patch }: { channel_id: Snowflake; patch: ChannelPatch }) {
    const before = needInChannel(ctx, channel_id, PERMISSIONS.MANAGE_CHANNELS);
    checkParent(ctx, patch.parent_id, before);
    checkTypeChange(before.type, patch.type);
    if (patch.permission_overwrites !== undefined) {
      const changed = changedOverwrites(before.permission_overwrites, patch.permission_overwrites);
      if (changed.length > 0 && !has(ctx.host.permissions(ctx.requester.user_id, before), PERMISSIONS.MANAGE_ROLES)) {
        throw apiError('MISSING_PERMISSIONS');
      }
      checkOverwrites(ctx, changed, before);
    }
    const next: ChannelRecord = { ...before, ...patch };
    audit(ctx, AUDIT.CHANNEL_UPDATE, before.id, { changes: changesOf(before, patch) });
    updateChannel(ctx, next);
    return channelObject(ctx.host, next);
  },

  'channel.positions'(ctx: Ctx, { positions }: { positions: readonly PositionPatch[] }) {
    const state = ctx.host;
    need(ctx, PERMISSIONS.MANAGE_CHANNELS);
    for (const { id, parent_id } of positions) {
      const channel = state.channels.get(id);
      if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
      checkParent(ctx, parent_id, channel);
    }
    for (const { id, position, parent_id, lock_permissions } of positions) {
      const before = state.channels.get(id);
      if (before === undefined) continue;
      const parent = parent_id === undefined ? before.parent_id : parent_id;
      const inStep = lock_permissions === true && parent !== null ? state.channels.get(parent) : undefined;
      const next: ChannelRecord = {
        ...before,
        position: position ?? before.position,
        parent_id: parent,
        permission_overwrites: inStep?.permission_overwrites ?? before.permission_overwrites,
      };
      if (changesOf(before, next).length > 0) updateChannel(ctx, next);
    }
  },

  async 'channel.delete'(ctx: Ctx, { channel_id }: { channel_id: Snowflake }) {
    const state = ctx.host;
    needInChannel(ctx, channel_id, PERMISSIONS.MANAGE_CHANNELS);
    const [invites, webhooks] = await Promise.all([invitesOf(ctx), webhookRows(ctx, [channel_id])]);
    const channel = needInChannel(ctx, channel_id, PERMISSIONS.MANAGE_CHANNELS);
    const payload = channelObject(state, channel);
    ctx.dispatch(...emptyVoiceChannel(state, channel_id));
    const ops: StoreOp[] = [...channelRemoval(state.guildId, channel_id), ...webhooks];
    for (const invite of invites.values()) {
      if (invite.channel_id !== channel_id) continue;
      invites.delete(invite.code);
      ops.push(...removeInvite(invite));
    }
    ctx.write(...ops);
    state.book.dropChannelFiles(ctx, channel_id);
    state.deleteChannel(channel_id);
    audit(ctx, AUDIT.CHANNEL_DELETE, channel_id, { changes: changesOf(channel, { name: null, type: null }) });
    ctx.dispatch(guildEvent('CHANNEL_DELETE', payload));
    for (const child of [...state.channels.values()]) {
      if (child.parent_id === channel_id) updateChannel(ctx, { ...child, parent_id: null });
    }
    const guild = withoutChannel(state.guild, channel_id);
    if (guild !== state.guild) updateGuild(ctx, guild);
    return payload;
  },

  'overwrite.put'(ctx: Ctx, { channel_id, overwrite }: { channel_id: Snowflake; overwrite: OverwriteRecord }) {
    const before = needInChannel(ctx, channel_id, PERMISSIONS.MANAGE_ROLES);
    checkOverwrites(ctx, [overwrite], before);
    const { members, roles } = ctx.host;
    if (overwrite.type === 0 && !roles.has(overwrite.id)) throw apiError('UNKNOWN_ROLE');
    if (overwrite.type === 1 && !members.has(overwrite.id)) throw apiError('UNKNOWN_MEMBER');
    const old = before.permission_overwrites.find(({ id }) => id === overwrite.id);
    const others = before.permission_overwrites.filter(({ id }) => id !== overwrite.id);
    if (others.length >= OVERWRITES_MAX) checkOverwrites(ctx, [...others, overwrite], before);
    const action = old === undefined ? AUDIT.CHANNEL_OVERWRITE_CREATE : AUDIT.CHANNEL_OVERWRITE_UPDATE;
    audit(ctx, action, channel_id, {
      changes: changesOf(old ?? {}, { allow: overwrite.allow, deny: overwrite.deny }),
      options: { id: overwrite.id, type: String(overwrite.type) },
    });
    updateChannel(ctx, { ...before, permission_overwrites: [...others, overwrite] });
  },

  'overwrite.delete'(ctx: Ctx, { channel_id, overwrite_id }: { channel_id: Snowflake; overwrite_id: Snowflake }) {
    const before = needInChannel(ctx, channel_id, PERMISSIONS.MANAGE_ROLES);
    const old = before.permission_overwrites.find(({ id }) => id === overwrite_id);
    if (old === undefined) throw apiError('UNKNOWN_OVERWRITE');
    checkOverwrites(ctx, [old], before);
    audit(ctx, AUDIT.CHANNEL_OVERWRITE_DELETE, channel_id, { options: { id: old.id, type: String(old.type) } });
    const rest = before.permission_overwrites.filter(({ id }) => id !== overwrite_id);
    updateChannel(ctx, { ...before, permission_overwrites: rest });
  },
};

/** Only text and announcement channels turn into each other. */
function checkTypeChange(from: number, to: number | undefined): void {
  if (to === undefined || to === from) return;
  const convertible: readonly number[] = [ChannelType.GUILD_TEXT, ChannelType.GUILD_ANNOUNCEMENT];
  if (!convertible.includes(from) || !convertible.includes(to)) {
    throw formError(['type'], 'CHANNEL_TYPE_INVALID', 'Invalid channel type');
  }
}

/** The guild's record without pointers to the channel; the same object when it has none. */
function withoutChannel(guild: GuildRecord, id: Snowflake): GuildRecord {
  let next = guild;
  for (const key of ['afk_channel_id', 'system_channel_id', 'rules_channel_id', 'public_updates_channel_id'] as const) {
    if (guild[key] === id) next = { ...next, [key]: null };
  }
  return next;
}
