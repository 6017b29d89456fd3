// Messages, attachments and reactions on the wire. A message is stored with ids; who reads it fills in users.

import { snowflakeTimeMs } from '../../base/snowflake.ts';
import { MessageType } from '../message-types.ts';
import type { AttachmentRecord, MessageDoc, UserRecord } from '../records.ts';
import { isoTimestamp } from '../timestamp.ts';
import { type PartialEmoji, partialEmojiPayload } from './emoji.ts';
import { type UserPayload, userPayload } from './user.ts';

/** `base`: http://host[:port] under which attachments are served. */
export function attachmentPayload(attachment: AttachmentRecord, channelId: string, base: string) {
  const url = `${base}/attachments/${channelId}/${attachment.id}/${encodeURIComponent(attachment.filename)}`;
  return {
    id: attachment.id,
    filename: attachment.filename,
    ...(attachment.title === undefined ? {} : { title: attachment.title }),
    ...(attachment.description === undefined ? {} : { description: attachment.description }),
    content_type: attachment.content_type,
    size: attachment.size,
    url,
    proxy_url: url,
    ...(attachment.width === undefined ? {} : { width: attachment.width }),
    ...(attachment.height === undefined ? {} : { height: attachment.height }),
    flags: attachment.flags ?? 0,
  };
}

export interface ReactionCount {
  readonly emoji: PartialEmoji;
  readonly count: number;
  /** Did the reader react with it? */
  readonly me: boolean;
}

export function reactionCountPayload(reaction: ReactionCount) {
  return {
    emoji: partialEmojiPayload(reaction.emoji),
    count: reaction.count,
    count_details: { burst: 0, normal: reaction.count },
    me: reaction.me,
    me_burst: false,
    burst_me: false,
    burst_count: 0,
    burst_colors: [] as string[],
  };
}

export interface MessageParts {
  readonly id: string;
  readonly channel_id: string;
  readonly author: UserRecord;
  readonly doc: MessageDoc;
  /** Users of doc.mention_ids (those that are still known). */
  readonly mentions: readonly UserRecord[];
  /** Payloads of doc.attachments. */
  readonly attachments: readonly unknown[];
  readonly reactions?: readonly ReactionCount[];
  /** Answers of type 19: the message answered to; null when it is gone. */
  readonly referenced_message?: unknown;
  readonly nonce?: string | number | null;
  /** Events only. */
  readonly guild_id?: string | null;
  readonly member?: unknown;
  /** Members of the mentioned users by user id; events in guilds. */
  readonly mentionMembers?: ReadonlyMap<string, unknown>;
  /** Events in private channels: discord.js drops the message without it. */
  readonly channel_type?: number;
}

export function messagePayload(parts: MessageParts) {
  const { doc } = parts;
  return {
    id: parts.id,
    channel_id: parts.channel_id,
    author: authorPayload(parts.author, doc),
    content: doc.content,
    timestamp: isoTimestamp(snowflakeTimeMs(parts.id)),
    edited_timestamp: doc.edited_timestamp,
    tts: doc.tts,
    mention_everyone: doc.mention_everyone,
    mentions: parts.mentions.map((user) => mentionPayload(user, parts.mentionMembers)),
    mention_roles: doc.mention_roles,
    mention_channels: [] as unknown[],
    attachments: parts.attachments,
    embeds: doc.embeds,
    components: doc.components,
    ...(parts.reactions === undefined || parts.reactions.length === 0
      ? {}
      : { reactions: parts.reactions.map(reactionCountPayload) }),
    pinned: doc.pinned,
    type: doc.type,
    flags: doc.flags,
    ...(parts.nonce === undefined || parts.nonce === null ? {} : { nonce: parts.nonce }),
    ...(doc.webhook_id === undefined ? {} : { webhook_id: doc.webhook_id }),
    ...(doc.application_id === undefined ? {} : { application_id: doc.application_id }),
    ...(doc.interaction_metadata === undefined ? {} : { interaction_metadata: doc.interaction_metadata }),
    ...(doc.sticker_items === undefined ? {} : { sticker_items: doc.sticker_items }),
    ...(doc.poll === undefined ? {} : { poll: doc.poll }),
    ...(doc.message_reference === undefined ? {} : { message_reference: doc.message_reference }),
    ...(doc.type === MessageType.REPLY || parts.referenced_message !== undefined
      ? { referenced_message: parts.referenced_message ?? null }
      : {}),
    ...(parts.guild_id === undefined || parts.guild_id === null ? {} : { guild_id: parts.guild_id }),
    ...(parts.member === undefined ? {} : { member: parts.member }),
    ...(parts.channel_type === undefined ? {} : { channel_type: parts.channel_type }),
  };
}

export type MessagePayload = ReturnType<typeof messagePayload>;

/** A webhook's messages are spoken under the name it chose. */
function authorPayload(author: UserRecord, doc: MessageDoc): UserPayload {
  if (doc.webhook_id === undefined || doc.webhook_author === undefined) return userPayload(author);
  return {
    id: doc.webhook_id,
    username: doc.webhook_author.username,
    discriminator: '0000',
    global_name: null,
    avatar: doc.webhook_author.avatar,
    bot: true,
    public_flags: 0,
  };
}

function mentionPayload(user: UserRecord, members: ReadonlyMap<string, unknown> | undefined) {
  const member = members?.get(user.id);
  return member === undefined ? userPayload(user) : { ...userPayload(user), member };
}

/** The variant for bots without the MESSAGE_CONTENT intent: all that somebody wrote is emptied. */
export function withoutContent<M extends { readonly content: string }>(message: M): M {
  const lite: { [key: string]: unknown } = {
    ...message,
    content: '',
    attachments: [],
    embeds: [],
    components: [],
  };
  delete lite['poll'];
  const referenced = lite['referenced_message'];
  if (typeof referenced === 'object' && referenced !== null) {
    lite['referenced_message'] = withoutContent(referenced as { content: string });
  }
  return lite as M;
}

/** MESSAGE_DELETE. */
export function messageDeletePayload(id: string, channelId: string, guildId: string | null) {
  return { id, channel_id: channelId, ...(guildId === null ? {} : { guild_id: guildId }) };
}

/** MESSAGE_DELETE_BULK. */
export function messageDeleteBulkPayload(ids: readonly string[], channelId: string, guildId: string | null) {
  return { ids, channel_id: channelId, ...(guildId === null ? {} : { guild_id: guildId }) };
}

export interface ReactionEvent {
  readonly user_id: string;
  readonly channel_id: string;
  readonly message_id: string;
  readonly guild_id: string | null;
  readonly emoji: PartialEmoji;
  /** ADD in guilds: the whole member with user. */
  readonly member?: unknown;
  readonly message_author_id?: string;
}

/** MESSAGE_REACTION_ADD and MESSAGE_REACTION_REMOVE. */
export function reactionPayload(reaction: ReactionEvent) {
  return {
    user_id: reaction.user_id,
    channel_id: reaction.channel_id,
    message_id: reaction.message_id,
    ...(reaction.guild_id === null ? {} : { guild_id: reaction.guild_id }),
    emoji: partialEmojiPayload(reaction.emoji),
    ...(reaction.member === undefined ? {} : { member: reaction.member }),
    ...(reaction.message_author_id === undefined ? {} : { message_author_id: reaction.message_author_id }),
    burst: false,
    burst_colors: [] as string[],
    type: 0,
  };
}

/**
 * MESSAGE_REACTION_REMOVE_ALL; with `emoji` MESSAGE_REACTION_REMOVE_EMOJI, which serenity reads as a reaction and drops without
 * its kind.
 */
export function reactionClearPayload(
  messageId: string,
  channelId: string,
  guildId: string | null,
  emoji?: PartialEmoji,
) {
  return {
    channel_id: channelId,
    message_id: messageId,
    ...(guildId === null ? {} : { guild_id: guildId }),
    ...(emoji === undefined ? {} : { emoji: partialEmojiPayload(emoji), burst: false, type: 0 }),
  };
}
