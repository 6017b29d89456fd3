// GET a message, and pages of a channel's history. Identical pages that are asked for at the same time are read and encoded once.

import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { MessageRecord, StoreReader } from '../../state/store/port.ts';
import { type ChannelContext, reach } from './access.ts';
import type { ListMessagesArgs, OneMessageArgs } from './args.ts';
import { docOf, gather, present, type Surroundings } from './present.ts';
import { reactedBy } from './reactions.ts';

const encoder = new TextEncoder();
const EMPTY_PAGE: readonly unknown[] = [];

export async function getMessage(context: ChannelContext, args: OneMessageArgs): Promise<unknown> {
  const { host, store, requester } = context;
  if (args.as === undefined) {
    const { permissions } = reach(context, args.channel_id);
    if (!has(permissions, PERMISSIONS.READ_MESSAGE_HISTORY)) throw apiError('MISSING_ACCESS');
  }
  const record = await store.message(args.channel_id, args.message_id);
  const webhook = args.as?.webhook_id;
  if (record === null || (webhook !== undefined && docOf(record).webhook_id !== webhook)) {
    throw apiError('UNKNOWN_MESSAGE');
  }
  const around = await gather(host, store, [record]);
  const mine = await reactedBy(host.book, store, [record], requester.user_id);
  return present(record, around, { origin: args.origin, mine });
}

interface Page {
  readonly records: readonly MessageRecord[];
  readonly around: Surroundings;
  /** The encoded page, when it is the same for every reader: none of its messages has reactions. */
  readonly bytes: Uint8Array | undefined;
}

export async function listMessages(context: ChannelContext, args: ListMessagesArgs): Promise<unknown> {
  const { host, store, requester } = context;
  const { channel_id, origin } = args;
  const { permissions } = reach(context, channel_id);
  if (!has(permissions, PERMISSIONS.READ_MESSAGE_HISTORY)) return EMPTY_PAGE;
  const { before, after, around: middle, limit } = args;
  const key = `${channel_id} ${before ?? ''} ${after ?? ''} ${middle ?? ''} ${limit} ${origin}`;
  const page = await host.book.shared(key, () => readPage(context, args));
  if (page.bytes !== undefined) return page.bytes;
  const mine = await reactedBy(host.book, store, page.records, requester.user_id);
  return page.records.map((record) => present(record, page.around, { origin, mine }));
}

async function readPage({ host, store }: ChannelContext, args: ListMessagesArgs): Promise<Page> {
  const records = await readRecords(store, args);
  const around = await gather(host, store, records);
  const alike = records.every((record) => (docOf(record).reactions?.length ?? 0) === 0);
  const shown = alike ? records.map((record) => present(record, around, { origin: args.origin })) : undefined;
  return { records, around, bytes: shown === undefined ? undefined : encoder.encode(JSON.stringify(shown)) };
}

/** Newest first, whichever way the page was asked for. */
async function readRecords(store: StoreReader, args: ListMessagesArgs): Promise<MessageRecord[]> {
  const { channel_id, limit } = args;
  if (args.around !== undefined) return readAround(store, channel_id, args.around, limit);
  return store.messages(channel_id, {
    limit,
    ...(args.before === undefined ? {} : { before: args.before }),
    ...(args.after === undefined ? {} : { after: args.after }),
  });
}

/** Half above, the message itself, the rest below; what one side lacks the other does not make up for, as on Discord. */
async function readAround(
  store: StoreReader,
  channelId: Snowflake,
  middle: Snowflake,
  limit: number,
): Promise<MessageRecord[]> {
  const above = Math.floor(limit / 2);
  const next = String(BigInt(middle) + 1n);
  const [newer, older] = await Promise.all([
    above === 0 ? [] : store.messages(channelId, { after: middle, limit: above }),
    store.messages(channelId, { before: next, limit: limit - above }),
  ]);
  return [...newer, ...older];
}
