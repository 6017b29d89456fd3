// Reactions. Counts stand in the message, so that a page of history costs no further read; who reacted is a row each in table
// `reaction`, and for small counts also in the message, so that `me` seldom needs a row.

import { compareSnowflakes, type Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { type EventName, eventIntents } from '../../protocol/intents.ts';
import { reactionClearPayload, reactionPayload, userPayload } from '../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { MessageRecord, StoreReader } from '../../state/store/port.ts';
import type { EmojiRecord, ReactionRecord } from '../../state/store/records.ts';
import { type ChannelContext, demand, demandManage, reach } from './access.ts';
import type { EmojiArg, ListReactionsArgs, MessageArgs, ReactionArgs, RemoveReactionArgs } from './args.ts';
import type { MessageBook } from './message-book.ts';
import { docOf, emojiKey, readUsers, wholeMember } from './present.ts';

/** Distinct emojis on one message, as on Discord. */
export const REACTIONS_MAX = 20;
/** Users kept in the message for each emoji: most reactions have fewer, and 20 emojis of 8 are about 4 KB. */
const REACTORS_INLINE_MAX = 8;

/** Guilds looked through for a custom emoji, as many as a user may be in on Discord. */
const GUILDS_MAX = 200;

const P = PERMISSIONS;

export function addReaction(context: ChannelContext, args: ReactionArgs): Promise<undefined> {
  const { host, store, requester } = context;
  const { channel_id, message_id } = args;
  const key = emojiKey(args.emoji);
  return change(context, args, async (record) => {
    const already = await host.book.reacted(store, message_id, key, requester.user_id);
    const external = await readExternal(context, args.emoji);
    const { permissions } = reach(context, channel_id);
    demand(permissions, P.READ_MESSAGE_HISTORY);
    const reactions = docOf(record).reactions ?? [];
    const existing = reactions.find(({ emoji }) => emojiKey(emoji) === key);
    if (existing === undefined) demand(permissions, P.ADD_REACTIONS);
    if (already) return undefined;
    const emoji = existing?.emoji ?? usableEmoji(context, args.emoji, external, permissions);
    if (existing === undefined && reactions.length >= REACTIONS_MAX) throw apiError('MAX_REACTIONS');
    const before = existing ?? { emoji, count: 0, user_ids: [] };
    // Once somebody was left out the list is no longer whole, and stays so until the counts meet again.
    const inline =
      before.user_ids.length < REACTORS_INLINE_MAX ? [...before.user_ids, requester.user_id] : before.user_ids;
    const after = { emoji, count: before.count + 1, user_ids: inline };
    putReactions(
      context,
      record,
      existing === undefined ? [...reactions, after] : reactions.map((each) => (each === existing ? after : each)),
    );
    host.book.putReaction(context, message_id, key, requester.user_id);
    tell(context, record, 'MESSAGE_REACTION_ADD', emoji, requester.user_id, wholeMember(host, requester.user_id));
    return undefined;
  });
}

export function removeReaction(context: ChannelContext, args: RemoveReactionArgs): Promise<undefined> {
  const { host, store, requester } = context;
  const { channel_id, message_id } = args;
  const userId = args.user_id ?? requester.user_id;
  const key = emojiKey(args.emoji);
  return change(context, args, async (record) => {
    const there = await host.book.reacted(store, message_id, key, userId);
    const found = reach(context, channel_id);
    if (userId !== requester.user_id) demandManage(found);
    const reactions = docOf(record).reactions ?? [];
    const existing = reactions.find(({ emoji }) => emojiKey(emoji) === key);
    if (existing === undefined) throw apiError('UNKNOWN_EMOJI');
    if (!there) return undefined;
    const after = {
      ...existing,
      count: existing.count - 1,
      user_ids: existing.user_ids.filter((id) => id !== userId),
    };
    putReactions(
      context,
      record,
      after.count === 0
        ? reactions.filter((each) => each !== existing)
        : reactions.map((each) => (each === existing ? after : each)),
    );
    host.book.removeReaction(context, message_id, key, userId);
    tell(context, record, 'MESSAGE_REACTION_REMOVE', existing.emoji, userId);
    return undefined;
  });
}

export function removeAllReactions(context: ChannelContext, args: MessageArgs): Promise<undefined> {
  return change(context, args, async (record) => {
    const { host } = context;
    demandManage(reach(context, args.channel_id));
    if ((docOf(record).reactions?.length ?? 0) === 0) return undefined;
    putReactions(context, record, []);
    host.book.clearReactions(context, record.id);
    context.dispatch({
      t: 'MESSAGE_REACTION_REMOVE_ALL',
      d: reactionClearPayload(record.id, record.channel_id, host.guildId),
      ...address(context, 'MESSAGE_REACTION_REMOVE_ALL', record.channel_id),
    });
    return undefined;
  });
}

export function removeEmojiReactions(context: ChannelContext, args: ReactionArgs): Promise<undefined> {
  const key = emojiKey(args.emoji);
  return change(context, args, async (record) => {
    const { host } = context;
    demandManage(reach(context, args.channel_id));
    const reactions = docOf(record).reactions ?? [];
    const existing = reactions.find(({ emoji }) => emojiKey(emoji) === key);
    if (existing === undefined) throw apiError('UNKNOWN_EMOJI');
    putReactions(
      context,
      record,
      reactions.filter((each) => each !== existing),
    );
    host.book.clearReactions(context, record.id, key);
    context.dispatch({
      t: 'MESSAGE_REACTION_REMOVE_EMOJI',
      d: reactionClearPayload(record.id, record.channel_id, host.guildId, existing.emoji),
      ...address(context, 'MESSAGE_REACTION_REMOVE_EMOJI', record.channel_id),
    });
    return undefined;
  });
}

/** Users by ascending id, so that a pager by `after` ends. */
export async function listReactions(context: ChannelContext, args: ListReactionsArgs): Promise<unknown> {
  const { host, store } = context;
  const { permissions } = reach(context, args.channel_id);
  demand(permissions, P.READ_MESSAGE_HISTORY);
  const record = await store.message(args.channel_id, args.message_id);
  if (record === null) throw apiError('UNKNOWN_MESSAGE');
  if (args.type !== 0) return [];
  const key = emojiKey(args.emoji);
  const rows = await store.list<{ user_id: Snowflake }>('reaction', [args.message_id, key], {
    limit: args.limit,
    ...(args.after === undefined ? {} : { after: args.after }),
  });
  const ids = rows.map(({ user_id }) => user_id).sort(compareSnowflakes);
  const users = await readUsers(host, store, ids);
  return ids.flatMap((id) => {
    const user = users.get(id);
    return user === undefined ? [] : [userPayload(user)];
  });
}

/** By message: with which emojis the user reacted. Reads rows only where the message does not tell by itself. */
export async function reactedBy(
  book: MessageBook,
  store: StoreReader,
  records: readonly MessageRecord[],
  userId: Snowflake,
): Promise<ReadonlyMap<Snowflake, ReadonlySet<string>>> {
  const mine = new Map<Snowflake, Set<string>>();
  const unsure: { id: Snowflake; key: string }[] = [];
  const add = (id: Snowflake, key: string): void => {
    const set = mine.get(id) ?? new Set();
    set.add(key);
    mine.set(id, set);
  };
  for (const record of records) {
    for (const { emoji, count, user_ids } of docOf(record).reactions ?? []) {
      if (user_ids.includes(userId)) add(record.id, emojiKey(emoji));
      else if (count > user_ids.length) unsure.push({ id: record.id, key: emojiKey(emoji) });
    }
  }
  if (unsure.length === 0) return mine;
  const rows = await store.getMany(
    'reaction',
    unsure.map(({ id, key }) => [id, key, userId]),
  );
  for (const [index, { id, key }] of unsure.entries()) {
    if (book.reactionInFlight(id, key, userId) ?? rows[index] !== null) add(id, key);
  }
  return mine;
}

/** Runs a change of a message's reactions by its newest version. */
function change(
  context: ChannelContext,
  args: MessageArgs,
  apply: (record: MessageRecord) => Promise<undefined>,
): Promise<undefined> {
  const { host, store } = context;
  return host.book.exclusive(args.message_id, async () => {
    reach(context, args.channel_id);
    const record = await host.book.read(store, args.channel_id, args.message_id);
    if (record === null) throw apiError('UNKNOWN_MESSAGE');
    return apply(record);
  });
}

function putReactions(context: ChannelContext, record: MessageRecord, reactions: ReactionRecord[]): void {
  const { reactions: _, ...doc } = docOf(record);
  context.host.book.put(context, { ...record, doc: reactions.length === 0 ? doc : { ...doc, reactions } });
}

/** A custom emoji of another guild that the requester is in; null when there is none such. */
async function readExternal({ host, store, requester }: ChannelContext, emoji: EmojiArg): Promise<EmojiRecord | null> {
  const { id } = emoji;
  if (id === null || host.emoji(id) !== undefined) return null;
  const guilds = await store.list<{ guild_id?: Snowflake }>('user_guild', [requester.user_id], { limit: GUILDS_MAX });
  const keys = guilds.flatMap(({ guild_id }) => (guild_id === undefined ? [] : [[guild_id, id]]));
  const found = keys.length === 0 ? [] : await store.getMany<EmojiRecord>('emoji', keys);
  return found.find((each) => each !== null) ?? null;
}

/** A new emoji on a message must exist: in this guild, or (with USE_EXTERNAL_EMOJIS) in another of the requester's. */
function usableEmoji(
  context: ChannelContext,
  emoji: EmojiArg,
  external: EmojiRecord | null,
  permissions: bigint,
): ReactionRecord['emoji'] {
  if (emoji.id === null) return { id: null, name: emoji.name };
  const known = context.host.emoji(emoji.id) ?? (has(permissions, P.USE_EXTERNAL_EMOJIS) ? external : null);
  if (known === null) throw apiError('UNKNOWN_EMOJI');
  return { id: known.id, name: known.name, animated: known.animated };
}

function address(context: ChannelContext, event: EventName, channelId: Snowflake) {
  return { intents: eventIntents(event, context.host.guildId !== null), channel: channelId };
}

function tell(
  context: ChannelContext,
  record: MessageRecord,
  t: 'MESSAGE_REACTION_ADD' | 'MESSAGE_REACTION_REMOVE',
  emoji: ReactionRecord['emoji'],
  userId: Snowflake,
  member?: unknown,
): void {
  context.dispatch({
    t,
    d: reactionPayload({
      user_id: userId,
      channel_id: record.channel_id,
      message_id: record.id,
      guild_id: context.host.guildId,
      emoji,
      ...(member === undefined ? {} : { member }),
      ...(t === 'MESSAGE_REACTION_ADD' ? { message_author_id: record.author_id } : {}),
    }),
    ...address(context, t, record.channel_id),
  });
}
