// Bans: who is kept out, with the messages of the last days taken away if asked.

import { compareSnowflakes, type Snowflake, snowflakeAt } from '../../../base/snowflake.ts';
import { isTextBased } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
import { banPayload, guildUserPayload, messageDeleteBulkPayload } from '../../../protocol/payload.ts';
import { PERMISSIONS } from '../../../protocol/permissions.ts';
import type { BanRecord, UserRecord } from '../../../protocol/records.ts';
import type { MessageRecord } from '../../../state/store/port.ts';
import { guildEvent } from '../events.ts';
import { readUsers } from '../load.ts';
import { put, remove } from '../provision.ts';
import { AUDIT, audit } from './audit-log.ts';
import { type Ctx, knownUser, need, needAboveMember } from './checks.ts';
import { banOf, removeMemberOf } from './membership.ts';

/** Messages taken away with one ban, newest first; each is a row deleted in the ban's own commit. */
const PURGE_MAX = 2_000;
/** Messages looked at in one channel in search of the banned user's. */
const PURGE_SCAN_MAX = 5_000;
const PURGE_PAGE = 100;
/** Bans and pardons kept in memory; the oldest are in the store alone. Some 2 MB when full. */
const BANS_REMEMBERED_MAX = 10_000;

async function userOrUnknown(ctx: Ctx, id: Snowflake): Promise<UserRecord> {
  return ctx.host.users.get(id) ?? (await knownUser(ctx, id));
}

/** Without awaiting: checks, then changes. */
function ban(ctx: Ctx, user: UserRecord, messages: readonly MessageRecord[]): void {
  const state = ctx.host;
  checkBan(ctx, user.id);
  const record: BanRecord = { guild_id: state.guildId, user_id: user.id, reason: ctx.reason };
  remember(ctx, user.id, record);
  ctx.write(put('ban', [state.guildId, user.id], record));
  audit(ctx, AUDIT.MEMBER_BAN_ADD, user.id);
  removeMemberOf(ctx, user.id);
  ctx.dispatch(guildEvent('GUILD_BAN_ADD', guildUserPayload(state.guildId, user)));
  purge(ctx, messages);
}

/**
 * The newest word on a user, for those who join at the same moment and have read the store before it. Commits take far less time
 * than it takes to forget.
 */
function remember(ctx: Ctx, userId: Snowflake, record: BanRecord | null): void {
  const { bans } = ctx.host;
  bans.delete(userId);
  bans.set(userId, record);
  for (const oldest of bans.keys()) {
    if (bans.size <= BANS_REMEMBERED_MAX) break;
    bans.delete(oldest);
  }
}

function checkBan(ctx: Ctx, userId: Snowflake): void {
  const self = need(ctx, PERMISSIONS.BAN_MEMBERS);
  const target = ctx.host.members.get(userId);
  if (target !== undefined) needAboveMember(ctx, self, target);
}

/** The user's messages since `sinceMs` in every channel, newest first. */
async function messagesSince(ctx: Ctx, users: ReadonlySet<Snowflake>, sinceMs: number): Promise<MessageRecord[]> {
  const floor = snowflakeAt(sinceMs);
  const found: MessageRecord[] = [];
  for (const channel of [...ctx.host.channels.values()]) {
    if (!isTextBased(channel.type)) continue;
    let before: Snowflake | undefined;
    for (let scanned = 0; scanned < PURGE_SCAN_MAX; scanned += PURGE_PAGE) {
      const page = await ctx.store.messages(channel.id, {
        limit: PURGE_PAGE,
        ...(before === undefined ? {} : { before }),
      });
      const recent = page.filter((message) => compareSnowflakes(message.id, floor) >= 0);
      for (const message of recent) {
        if (users.has(message.author_id)) found.push(message);
        if (found.length >= PURGE_MAX) return found;
      }
      before = page.at(-1)?.id;
      if (recent.length < PURGE_PAGE) break;
    }
  }
  return found;
}

function purge(ctx: Ctx, messages: readonly MessageRecord[]): void {
  const byChannel = Map.groupBy(messages, (message) => message.channel_id);
  for (const [channelId, list] of byChannel) {
    if (!ctx.host.channels.has(channelId)) continue;
    for (const message of list) ctx.host.book.remove(ctx, message);
    for (let from = 0; from < list.length; from += PURGE_PAGE) {
      const ids = list.slice(from, from + PURGE_PAGE).map((message) => message.id);
      const payload = messageDeleteBulkPayload(ids, channelId, ctx.host.guildId);
      ctx.dispatch(guildEvent('MESSAGE_DELETE_BULK', payload, { channel: channelId }));
    }
  }
}

/** Runs the change while nobody else changes the messages that go. */
async function withMessages<T>(
  ctx: Ctx,
  users: readonly Snowflake[],
  seconds: number,
  change: (messages: readonly MessageRecord[]) => T,
): Promise<T> {
  if (seconds === 0) return change([]);
  const messages = await messagesSince(ctx, new Set(users), ctx.nowMs - seconds * 1000);
  if (messages.length === 0) return change([]);
  const ids = messages.map((message) => message.id);
  return ctx.host.book.exclusive(ids, () => change(messages));
}

export const banOperations = {
  async 'ban.list'(ctx: Ctx, { before, after, limit }: { before?: Snowflake; after?: Snowflake; limit: number }) {
    need(ctx, PERMISSIONS.BAN_MEMBERS);
    const bans = await ctx.store.list<BanRecord>('ban', [ctx.host.guildId], {
      limit,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      // With `before` alone: the ones next below it, still in ascending order.
      reverse: before !== undefined && after === undefined,
    });
    if (before !== undefined && after === undefined) bans.reverse();
    const users = new Map(
      (
        await readUsers(
          ctx.store,
          bans.map((entry) => entry.user_id),
        )
      ).map((user) => [user.id, user]),
    );
    return bans.flatMap((entry) => {
      const user = users.get(entry.user_id);
      return user === undefined ? [] : [banPayload(entry, user)];
    });
  },

  async 'ban.get'(ctx: Ctx, { user_id }: { user_id: Snowflake }) {
    need(ctx, PERMISSIONS.BAN_MEMBERS);
    const entry = await banOf(ctx, user_id);
    if (entry === null) throw apiError('UNKNOWN_BAN');
    return banPayload(entry, await userOrUnknown(ctx, user_id));
  },

  async 'ban.put'(
    ctx: Ctx,
    { user_id, delete_message_seconds }: { user_id: Snowflake; delete_message_seconds: number },
  ) {
    checkBan(ctx, user_id);
    const user = await userOrUnknown(ctx, user_id);
    await withMessages(ctx, [user_id], delete_message_seconds, (messages) => ban(ctx, user, messages));
  },

  async 'ban.delete'(ctx: Ctx, { user_id }: { user_id: Snowflake }) {
    need(ctx, PERMISSIONS.BAN_MEMBERS);
    const user = await userOrUnknown(ctx, user_id);
    const stored = await banOf(ctx, user_id);
    need(ctx, PERMISSIONS.BAN_MEMBERS);
    if (stored === null || ctx.host.bans.get(user_id) === null) throw apiError('UNKNOWN_BAN');
    remember(ctx, user_id, null);
    ctx.write(remove('ban', [ctx.host.guildId, user_id]));
    audit(ctx, AUDIT.MEMBER_BAN_REMOVE, user_id);
    ctx.dispatch(guildEvent('GUILD_BAN_REMOVE', guildUserPayload(ctx.host.guildId, user)));
  },

  async 'ban.bulk'(
    ctx: Ctx,
    { user_ids, delete_message_seconds }: { user_ids: readonly Snowflake[]; delete_message_seconds: number },
  ) {
    need(ctx, PERMISSIONS.BAN_MEMBERS | PERMISSIONS.MANAGE_GUILD);
    const users = await readUsers(ctx.store, [...new Set(user_ids)]);
    const ids = users.map((user) => user.id);
    return withMessages(ctx, ids, delete_message_seconds, (messages) => {
      const banned: Snowflake[] = [];
      for (const user of users) {
        try {
          checkBan(ctx, user.id);
        } catch {
          continue;
        }
        ban(
          ctx,
          user,
          messages.filter((message) => message.author_id === user.id),
        );
        banned.push(user.id);
      }
      if (banned.length === 0) throw apiError('MISSING_PERMISSIONS');
      return { banned_users: banned, failed_users: user_ids.filter((id) => !banned.includes(id)) };
    });
  },
};
