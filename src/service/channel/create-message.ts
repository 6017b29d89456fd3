// POST a message: the one operation of the hot path.

import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { formError } from '../../protocol/form.ts';
import { CREATE_FLAGS, MessageFlags } from '../../protocol/message-flags.ts';
import { isUserMessage, MessageType } from '../../protocol/message-types.ts';
import { ALL, has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { MessageRecord } from '../../state/store/port.ts';
import type { ChannelRecord, MessageDoc } from '../../state/store/records.ts';
import { type ChannelContext, demand, type Reach, reachText } from './access.ts';
import { type CreateMessageArgs, nonceText } from './args.ts';
import { removeAttachments } from './attachment-files.ts';
import type { ChannelHost } from './host.ts';
import { type ResolvedMentions, resolveMentions, usersNamed } from './mention-resolver.ts';
import { NONCE_WINDOW_MS } from './message-book.ts';
import { docOf, gather, messageEvent, present, readUsers } from './present.ts';

const P = PERMISSIONS;

/** Members with any of these are not slowed down. */
const UNSLOWED = P.MANAGE_MESSAGES | P.MANAGE_CHANNELS | P.BYPASS_SLOWMODE;

export async function createMessage(context: ChannelContext, args: CreateMessageArgs): Promise<unknown> {
  const { host, store, requester, nowMs } = context;
  const { channel_id } = args;
  const { book } = host;
  const nonce = nonceText(args.nonce);
  const content = args.content ?? '';
  checkNotEmpty(args, content);

  // Cheap refusals first, before anything is read.
  const first = check(context, args);
  await book.ready(store, channel_id);
  if (nonce !== null && args.enforce_nonce === true) await book.recall(store, channel_id, nowMs - NONCE_WINDOW_MS);
  if (slowedMs(context, first) > 0) await book.recall(store, channel_id, nowMs - slowedMs(context, first));
  const referenced = await readReferenced(context, args, first.channel);
  const around = {
    users: await readUsers(host, store, peopleOf(context, content, referenced)),
    referenced: new Map(referenced === null ? [] : [[referenced.id, referenced]]),
  };

  // From here on nothing is awaited: what is checked now is still so when it is written.
  const { channel, permissions } = check(context, args);
  if (nonce !== null && args.enforce_nonce === true) {
    const earlier = book.nonce(channel_id, authorId(context, args), nonce, nowMs);
    if (earlier !== undefined) return answerAgain(context, args, earlier.id);
  }
  checkSlowMode(context, { channel, permissions });

  const mayMention = args.as?.mentions_all === true ? ALL : permissions;
  const mentions = resolveMentions(
    host,
    mayMention,
    content,
    args.allowed_mentions,
    around.users,
    referenced?.author_id,
  );
  const doc = newDoc(host, args, content, mentions, referenced);
  const record: MessageRecord = {
    id: book.nextId(context.ids, channel_id),
    channel_id,
    author_id: authorId(context, args),
    nonce,
    doc: doc as unknown as MessageRecord['doc'],
  };
  book.put(context, record);
  for (const { id, filename, size } of doc.attachments) {
    const row = { message_id: record.id, filename, size };
    context.write({ op: 'put', table: 'attachment', key: [channel_id, id], doc: row });
  }
  book.rememberNonce(record, nowMs);
  if (channel.rate_limit_per_user > 0) book.rememberSpeaker(channel_id, requester.user_id, nowMs);
  const reader = { origin: args.origin };
  context.dispatch(messageEvent('MESSAGE_CREATE', host, channel, record, around, reader, args.nonce));
  return present(record, around, reader, args.nonce);
}

function newDoc(
  host: ChannelHost,
  args: CreateMessageArgs,
  content: string,
  mentions: ResolvedMentions,
  referenced: MessageRecord | null,
): MessageDoc {
  return {
    type: args.as?.type ?? (referenced === null ? MessageType.DEFAULT : MessageType.REPLY),
    content,
    flags: ((args.flags ?? 0) & CREATE_FLAGS) | (args.as?.loading === true ? MessageFlags.LOADING : 0),
    tts: args.tts ?? false,
    pinned: false,
    edited_timestamp: null,
    ...mentions,
    attachments: [...(args.attachments ?? [])],
    embeds: [...(args.embeds ?? [])],
    components: [...(args.components ?? [])],
    ...(referenced === null
      ? {}
      : {
          message_reference: {
            type: 0,
            message_id: referenced.id,
            channel_id: referenced.channel_id,
            ...(host.guildId === null ? {} : { guild_id: host.guildId }),
          },
        }),
    ...spokenAs(args),
  };
}

function authorId(context: ChannelContext, args: CreateMessageArgs): Snowflake {
  return args.as?.author === undefined ? context.requester.user_id : args.as.webhook_id;
}

function spokenAs({ as }: CreateMessageArgs): Partial<MessageDoc> {
  if (as === undefined) return {};
  return {
    webhook_id: as.webhook_id,
    ...(as.author === undefined ? {} : { webhook_author: { ...as.author } }),
    ...(as.application_id === undefined ? {} : { application_id: as.application_id }),
    ...(as.interaction_metadata === undefined ? {} : { interaction_metadata: { ...as.interaction_metadata } }),
  };
}

function checkNotEmpty(args: CreateMessageArgs, content: string): void {
  if (args.as?.loading === true) return;
  if ((args.flags ?? 0) & MessageFlags.IS_COMPONENTS_V2 && (content !== '' || (args.embeds?.length ?? 0) > 0)) {
    throw formError(
      ['content'],
      'MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2',
      'The legacy fields content and embeds cannot be used with components v2',
    );
  }
  const parts = (args.embeds?.length ?? 0) + (args.components?.length ?? 0) + (args.attachments?.length ?? 0);
  if (content.trim() === '' && parts === 0) throw apiError('EMPTY_MESSAGE');
}

/** What the author needs for what the message holds. Webhooks and interactions were let in by their token. */
function check(context: ChannelContext, args: CreateMessageArgs): Reach {
  if (args.as !== undefined) return reachAsWebhook(context, args);
  const found = reachText(context, args.channel_id);
  const { permissions } = found;
  demand(permissions, P.SEND_MESSAGES);
  if (args.tts === true) demand(permissions, P.SEND_TTS_MESSAGES);
  if ((args.embeds?.length ?? 0) > 0) demand(permissions, P.EMBED_LINKS);
  if ((args.attachments?.length ?? 0) > 0) demand(permissions, P.ATTACH_FILES);
  if (args.message_reference !== undefined && !has(permissions, P.READ_MESSAGE_HISTORY)) {
    throw apiError('REPLY_NO_HISTORY');
  }
  return found;
}

function reachAsWebhook(context: ChannelContext, args: CreateMessageArgs): Reach {
  const channel = context.host.channel(args.channel_id);
  if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
  return { channel, permissions: ALL };
}

/** The message answered to; null when there is none and that is no error. */
async function readReferenced(
  context: ChannelContext,
  args: CreateMessageArgs,
  channel: ChannelRecord,
): Promise<MessageRecord | null> {
  const reference = args.message_reference;
  if (reference === undefined) return null;
  if (reference.channel_id !== undefined && reference.channel_id !== channel.id) {
    throw formError(
      ['message_reference', 'channel_id'],
      'REPLIES_UNKNOWN_MESSAGE',
      'The message is in another channel',
    );
  }
  const found = await context.host.book.read(context.store, channel.id, reference.message_id);
  if (found === null) {
    if (reference.fail_if_not_exists === false) return null;
    throw formError(['message_reference'], 'REPLIES_UNKNOWN_MESSAGE', 'Unknown message');
  }
  const { type } = docOf(found);
  if (!isUserMessage(type) && type !== MessageType.USER_JOIN) {
    throw formError(
      ['message_reference'],
      'REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE',
      'Cannot reply to a system message',
    );
  }
  return found;
}

function* peopleOf(context: ChannelContext, content: string, referenced: MessageRecord | null): Iterable<Snowflake> {
  yield context.requester.user_id;
  yield* usersNamed(content);
  if (referenced !== null) {
    yield referenced.author_id;
    yield* docOf(referenced).mention_ids;
  }
}

/** Time between two messages of the requester in this channel; 0 when it is not slowed. */
function slowedMs(context: ChannelContext, { channel, permissions }: Reach): number {
  if (context.host.guildId === null || (permissions & UNSLOWED) !== 0n) return 0;
  return channel.rate_limit_per_user * 1000;
}

function checkSlowMode(context: ChannelContext, found: Reach): void {
  const everyMs = slowedMs(context, found);
  if (everyMs === 0) return;
  const last = context.host.book.lastSpokeMs(found.channel.id, context.requester.user_id);
  if (last === undefined) return;
  const leftMs = last + everyMs - context.nowMs;
  if (leftMs > 0) throw apiError('SLOWMODE', { retryAfter: leftMs / 1000 });
}

/** The first message of this nonce, as it is now. Files that came with the repeat are nobody's. */
async function answerAgain(context: ChannelContext, args: CreateMessageArgs, id: Snowflake): Promise<unknown> {
  const { host, store } = context;
  const record = await host.book.read(store, args.channel_id, id);
  // Deleted meanwhile, and its nonce with it: this is no repeat any more.
  if (record === null) return createMessage(context, args);
  const files = (args.attachments ?? []).map((attachment) => attachment.id);
  if (host.book.dataDir !== null) void removeAttachments(host.book.dataDir, args.channel_id, files);
  return present(record, await gather(host, store, [record]), { origin: args.origin }, args.nonce);
}
