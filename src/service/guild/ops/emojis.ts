// Custom emojis. Their pictures are files that the edge has stored before it asks.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError } from '../../../protocol/form.ts';
import { emojiPayload, emojisUpdatePayload } from '../../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { EmojiRecord } from '../../../protocol/records.ts';
import { WithStatus } from '../../request.ts';
import { guildEvent } from '../events.ts';
import { put, remove } from '../provision.ts';
import { AUDIT, audit, changesOf } from './audit-log.ts';
import { type Ctx, selfMember, targetRole } from './checks.ts';

/** All are in every GUILD_CREATE. Discord's top tier has 250 of each kind. */
const EMOJIS_MAX = 500;

function target(ctx: Ctx, id: Snowflake): EmojiRecord {
  const emoji = ctx.host.emojis.get(id);
  if (emoji === undefined) throw apiError('UNKNOWN_EMOJI');
  return emoji;
}

function shown(ctx: Ctx, emoji: EmojiRecord) {
  return emojiPayload(emoji, ctx.host.users.get(emoji.user_id));
}

/** Who made an emoji may change it; others need the permission. */
function needToManage(ctx: Ctx, emoji: EmojiRecord): void {
  const self = selfMember(ctx);
  const own = ctx.host.guildPermissions(self.user_id);
  const mine = emoji.user_id === self.user_id && has(own, PERMISSIONS.CREATE_GUILD_EXPRESSIONS);
  if (!mine && !has(own, PERMISSIONS.MANAGE_GUILD_EXPRESSIONS)) throw apiError('MISSING_PERMISSIONS');
}

function announce(ctx: Ctx): void {
  const emojis = Array.from(ctx.host.emojis.values(), (emoji) => emojiPayload(emoji));
  ctx.dispatch(guildEvent('GUILD_EMOJIS_UPDATE', emojisUpdatePayload(ctx.host.guildId, emojis)));
}

export const emojiOperations = {
  'emoji.list'(ctx: Ctx) {
    selfMember(ctx);
    return Array.from(ctx.host.emojis.values(), (emoji) => shown(ctx, emoji));
  },

  'emoji.get'(ctx: Ctx, { emoji_id }: { emoji_id: Snowflake }) {
    selfMember(ctx);
    return shown(ctx, target(ctx, emoji_id));
  },

  /** `id` was given by the edge, which named the picture after it. */
  'emoji.create'(ctx: Ctx, args: { id: Snowflake; name: string; roles: Snowflake[]; animated: boolean }) {
    const state = ctx.host;
    const self = selfMember(ctx);
    const own = state.guildPermissions(self.user_id);
    if (!has(own, PERMISSIONS.CREATE_GUILD_EXPRESSIONS) && !has(own, PERMISSIONS.MANAGE_GUILD_EXPRESSIONS)) {
      throw apiError('MISSING_PERMISSIONS');
    }
    if (state.emojis.size >= EMOJIS_MAX)
      throw formError(['image'], 'MAX_EMOJIS', `Maximum number of emojis reached (${EMOJIS_MAX})`);
    for (const role of args.roles) targetRole(ctx, role);
    const emoji: EmojiRecord = {
      id: args.id,
      guild_id: state.guildId,
      name: args.name,
      roles: args.roles,
      user_id: self.user_id,
      animated: args.animated,
    };
    state.setEmoji(emoji);
    ctx.write(put('emoji', [state.guildId, emoji.id], emoji));
    audit(ctx, AUDIT.EMOJI_CREATE, emoji.id, { changes: changesOf({}, { name: emoji.name }) });
    announce(ctx);
    return new WithStatus(201, shown(ctx, emoji));
  },

  'emoji.modify'(
    ctx: Ctx,
    { emoji_id, patch }: { emoji_id: Snowflake; patch: Partial<Pick<EmojiRecord, 'name' | 'roles'>> },
  ) {
    const before = target(ctx, emoji_id);
    needToManage(ctx, before);
    for (const role of patch.roles ?? []) targetRole(ctx, role);
    const next: EmojiRecord = { ...before, ...patch };
    ctx.host.setEmoji(next);
    ctx.write(put('emoji', [ctx.host.guildId, next.id], next));
    audit(ctx, AUDIT.EMOJI_UPDATE, next.id, { changes: changesOf(before, patch) });
    announce(ctx);
    return shown(ctx, next);
  },

  'emoji.delete'(ctx: Ctx, { emoji_id }: { emoji_id: Snowflake }) {
    const emoji = target(ctx, emoji_id);
    needToManage(ctx, emoji);
    ctx.host.deleteEmoji(emoji_id);
    ctx.write(remove('emoji', [ctx.host.guildId, emoji_id]));
    audit(ctx, AUDIT.EMOJI_DELETE, emoji_id, { changes: [{ key: 'name', old_value: emoji.name }] });
    announce(ctx);
  },
};
