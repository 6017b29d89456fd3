// From stored messages to what clients see: users, members and referenced messages are filled in by id. Reading and building
// are apart (`gather`, then `present`), so that an operation can read first and then answer without awaiting.

import type { Snowflake } from '../../base/snowflake.ts';
import { isPrivateChannel } from '../../protocol/channel-types.ts';
import { eventIntents } from '../../protocol/intents.ts';
import { MessageFlags } from '../../protocol/message-flags.ts';
import { MessageType } from '../../protocol/message-types.ts';
import {
  attachmentPayload,
  deletedUser,
  memberPayload,
  type MessagePayload,
  messageMemberPayload,
  messagePayload,
  withoutContent,
} from '../../protocol/payload.ts';
import type { MessageRecord, StoreReader } from '../../state/store/port.ts';
import type { ChannelRecord, MessageDoc, UserRecord } from '../../state/store/records.ts';
import type { DispatchSpec } from '../request.ts';
import type { ChannelHost } from './host.ts';

/** What messages are filled in from. */
export interface Surroundings {
  readonly users: ReadonlyMap<Snowflake, UserRecord>;
  /** Messages answered to, by id; one that is not there is gone. */
  readonly referenced: ReadonlyMap<Snowflake, MessageRecord>;
}

export interface Reader {
  /** http://host[:port] under which the reader reaches attachments. */
  readonly origin: string;
  /** Emoji keys the reader reacted with, by message id. */
  readonly mine?: ReadonlyMap<Snowflake, ReadonlySet<string>>;
}

export function docOf(record: MessageRecord): MessageDoc {
  return record.doc as unknown as MessageDoc;
}

/** A reaction's key in table `reaction`: a custom emoji's id, or the emoji itself. */
export function emojiKey(emoji: { readonly id: Snowflake | null; readonly name: string }): string {
  return emoji.id ?? emoji.name;
}

function referenceOf(record: MessageRecord): Snowflake | undefined {
  const doc = docOf(record);
  return doc.type === MessageType.REPLY ? doc.message_reference?.message_id : undefined;
}

/** Reads what these messages need and the host does not know. `users`: further users that will be wanted. */
export async function gather(
  host: ChannelHost,
  store: StoreReader,
  records: readonly MessageRecord[],
  users: Iterable<Snowflake> = [],
): Promise<Surroundings> {
  const known = new Map(records.map((record) => [record.id, record]));
  const referenced = new Map<Snowflake, MessageRecord>();
  await Promise.all(
    records.map(async (record) => {
      const id = referenceOf(record);
      if (id === undefined) return;
      const found = known.get(id) ?? (await store.message(record.channel_id, id));
      if (found !== null) referenced.set(id, found);
    }),
  );
  const wanted = new Set<Snowflake>(users);
  for (const record of [...records, ...referenced.values()]) {
    wanted.add(record.author_id);
    for (const id of docOf(record).mention_ids) wanted.add(id);
  }
  return { users: await readUsers(host, store, wanted), referenced };
}

/** Those of the host without a read, the others in one. */
export async function readUsers(
  host: ChannelHost,
  store: StoreReader,
  ids: Iterable<Snowflake>,
): Promise<Map<Snowflake, UserRecord>> {
  const users = new Map<Snowflake, UserRecord>();
  const missing: Snowflake[] = [];
  for (const id of ids) {
    const user = host.user(id);
    if (user === undefined) missing.push(id);
    else users.set(id, user);
  }
  if (missing.length === 0) return users;
  const found = await store.getMany<UserRecord>(
    'user',
    missing.map((id) => [id]),
  );
  for (const user of found) if (user !== null) users.set(user.id, user);
  return users;
}

/** The message as REST shows it. */
export function present(record: MessageRecord, around: Surroundings, reader: Reader, nonce?: string | number | null) {
  return messagePayload({ ...partsOf(record, around, reader), ...(nonce === undefined ? {} : { nonce }) });
}

function partsOf(record: MessageRecord, around: Surroundings, reader: Reader) {
  const doc = docOf(record);
  const mine = reader.mine?.get(record.id);
  const reference = referenceOf(record);
  return {
    id: record.id,
    channel_id: record.channel_id,
    author: around.users.get(record.author_id) ?? deletedUser(record.author_id),
    doc: doc.embeds.length === 0 ? doc : withShownEmbeds(record, reader),
    mentions: doc.mention_ids.flatMap((id) => around.users.get(id) ?? []),
    attachments: doc.attachments.map((attachment) => attachmentPayload(attachment, record.channel_id, reader.origin)),
    ...(doc.reactions === undefined
      ? {}
      : {
          reactions: doc.reactions.map(({ emoji, count }) => ({
            emoji,
            count,
            me: mine?.has(emojiKey(emoji)) ?? false,
          })),
        }),
    ...(reference === undefined ? {} : { referenced_message: presentReferenced(reference, around, reader) }),
  };
}

/** None when they are suppressed; those that point at files of their own message (attachment://name) with the real URL. */
function withShownEmbeds(record: MessageRecord, reader: Reader): MessageDoc {
  const doc = docOf(record);
  if ((doc.flags & MessageFlags.SUPPRESS_EMBEDS) !== 0) return { ...doc, embeds: [] };
  if (doc.attachments.length === 0) return doc;
  const urls = new Map<unknown, string>();
  for (const file of doc.attachments) {
    urls.set(`attachment://${file.filename}`, attachmentPayload(file, record.channel_id, reader.origin).url);
  }
  const resolve = (value: unknown): unknown => {
    if (typeof value === 'string') return urls.get(value) ?? value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
  };
  return { ...doc, embeds: doc.embeds.map((embed) => resolve(embed) as MessageDoc['embeds'][number]) };
}

/** One level only: what the answered message itself answered is not shown. */
function presentReferenced(id: Snowflake, around: Surroundings, reader: Reader): unknown {
  const record = around.referenced.get(id);
  if (record === undefined) return null;
  const { referenced_message: _, ...message } = present(record, { ...around, referenced: new Map() }, reader) as {
    [key: string]: unknown;
  };
  return message;
}

/** MESSAGE_CREATE or MESSAGE_UPDATE, with whom it is for. */
export function messageEvent(
  t: 'MESSAGE_CREATE' | 'MESSAGE_UPDATE',
  host: ChannelHost,
  channel: ChannelRecord,
  record: MessageRecord,
  around: Surroundings,
  reader: Reader,
  nonce?: string | number | null,
): DispatchSpec {
  const parts = { ...partsOf(record, around, reader), ...(nonce === undefined ? {} : { nonce }) };
  if (host.guildId === null) {
    const d = messagePayload({ ...parts, channel_type: channel.type });
    return { t, d, intents: eventIntents(t, false), channel: channel.id };
  }
  const author = docOf(record).webhook_id === undefined ? host.member(record.author_id) : undefined;
  const mentionMembers = new Map<Snowflake, unknown>();
  for (const { id } of parts.mentions) {
    const member = host.member(id);
    if (member !== undefined) mentionMembers.set(id, messageMemberPayload(member));
  }
  const d: MessagePayload = messagePayload({
    ...parts,
    guild_id: host.guildId,
    mentionMembers,
    ...(author === undefined ? {} : { member: messageMemberPayload(author) }),
  });
  return {
    t,
    d,
    lite: withoutContent(d),
    content_for: contentFor(record, around),
    intents: eventIntents(t, true),
    channel: channel.id,
  };
}

/** Who sees the content whatever the intents: its author, and those it mentions. */
function contentFor(record: MessageRecord, around: Surroundings): Snowflake[] {
  const bots = docOf(record).mention_ids.filter((id) => around.users.get(id)?.bot === true);
  return [...new Set([record.author_id, ...bots])];
}

/** The whole member with its user, as reaction and typing events carry it; undefined outside of guilds. */
export function wholeMember(host: ChannelHost, userId: Snowflake): unknown {
  const member = host.member(userId);
  const user = host.user(userId);
  return member === undefined || user === undefined ? undefined : memberPayload(member, user);
}

export function inGuild(host: ChannelHost): { guild_id?: Snowflake } {
  return host.guildId === null ? {} : { guild_id: host.guildId };
}

export function isDirect(channel: ChannelRecord): boolean {
  return isPrivateChannel(channel.type);
}
