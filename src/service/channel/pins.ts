// Pins: a row each in table `pin`, and a mark in the message. A pin is announced by a system message.

import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { eventIntents } from '../../protocol/intents.ts';
import { MessageType } from '../../protocol/message-types.ts';
import { pinsUpdatePayload } from '../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../protocol/permissions.ts';
import { isoTimestamp, parseTimestamp } from '../../protocol/timestamp.ts';
import type { MessageRecord } from '../../state/store/port.ts';
import type { ChannelRecord } from '../../state/store/records.ts';
import { type ChannelContext, type Reach, reach } from './access.ts';
import type { ChannelArgs, ListPinsArgs, MessageArgs } from './args.ts';
import { docOf, gather, messageEvent, present } from './present.ts';
import { reactedBy } from './reactions.ts';
import { systemMessage } from './system-message.ts';

export const PINS_MAX = 250;

interface PinRow {
  readonly message_id: Snowflake;
  readonly pinned_at: string;
}

export function pinMessage(context: ChannelContext, args: MessageArgs): Promise<undefined> {
  const { host, store, nowMs, requester } = context;
  const { channel_id, message_id } = args;
  // Also one at a time in the channel, so that the count is of all but those not yet durable.
  return host.book.exclusive([channel_id, message_id], async () => {
    demandPin(reach(context, channel_id));
    const record = await host.book.read(store, channel_id, message_id);
    if (record === null) throw apiError('UNKNOWN_MESSAGE');
    const pins = await store.count('pin', [channel_id]);
    const around = await gather(host, store, [record], [requester.user_id]);
    await host.book.ready(store, channel_id);

    const found = reach(context, channel_id);
    demandPin(found);
    if (docOf(record).pinned) return undefined;
    if (pins >= PINS_MAX) throw apiError('MAX_PINS');
    const pinnedAt = isoTimestamp(nowMs);
    const pinned = setPinned(context, record, true);
    context.write({
      op: 'put',
      table: 'pin',
      key: [channel_id, message_id],
      doc: { message_id, pinned_at: pinnedAt },
    });
    const channel = { ...found.channel, last_pin_timestamp: pinnedAt };
    host.setChannel(channel);
    context.write({
      op: 'put',
      table: 'channel',
      key: [host.guildId ?? channel_id, channel_id],
      doc: channel as unknown as { [key: string]: unknown },
    });
    context.dispatch(messageEvent('MESSAGE_UPDATE', host, channel, pinned, around, { origin: args.origin }));
    tellPins(context, channel);
    const reference = { type: 0, message_id, channel_id, ...(host.guildId === null ? {} : { guild_id: host.guildId }) };
    systemMessage(context, channel, around, {
      type: MessageType.CHANNEL_PINNED_MESSAGE,
      author_id: requester.user_id,
      message_reference: reference,
    });
    return undefined;
  });
}

export function unpinMessage(context: ChannelContext, args: MessageArgs): Promise<undefined> {
  const { host, store } = context;
  const { channel_id, message_id } = args;
  return host.book.exclusive([channel_id, message_id], async () => {
    demandPin(reach(context, channel_id));
    const record = await host.book.read(store, channel_id, message_id);
    if (record === null) throw apiError('UNKNOWN_MESSAGE');
    const around = await gather(host, store, [record]);

    const { channel, permissions } = reach(context, channel_id);
    demandPin({ channel, permissions });
    if (!docOf(record).pinned) return undefined;
    const unpinned = setPinned(context, record, false);
    context.write({ op: 'delete', table: 'pin', key: [channel_id, message_id] });
    context.dispatch(messageEvent('MESSAGE_UPDATE', host, channel, unpinned, around, { origin: args.origin }));
    tellPins(context, channel);
    return undefined;
  });
}

/** Old route: all of them, newest pin first. */
export async function listAllPins(context: ChannelContext, args: ChannelArgs): Promise<unknown> {
  const { items } = await readPins(context, { ...args, limit: PINS_MAX });
  return items.map(({ message }) => message);
}

/** New route: pages by the time of pinning. */
export function listPins(context: ChannelContext, args: ListPinsArgs): Promise<unknown> {
  return readPins(context, args);
}

async function readPins(context: ChannelContext, args: ListPinsArgs) {
  const { host, store, requester } = context;
  const { permissions } = reach(context, args.channel_id);
  if (!has(permissions, PERMISSIONS.READ_MESSAGE_HISTORY)) return { items: [], has_more: false };
  const rows = await store.list<PinRow>('pin', [args.channel_id]);
  const beforeMs = args.before === undefined ? Number.POSITIVE_INFINITY : (parseTimestamp(args.before) ?? 0);
  const wanted = rows
    .filter(({ pinned_at }) => (parseTimestamp(pinned_at) ?? 0) < beforeMs)
    .sort((a, b) => (a.pinned_at < b.pinned_at ? 1 : a.pinned_at > b.pinned_at ? -1 : 0));
  const page = wanted.slice(0, args.limit);
  const records = await Promise.all(page.map(({ message_id }) => store.message(args.channel_id, message_id)));
  const there = records.filter((record) => record !== null);
  const around = await gather(host, store, there);
  const mine = await reactedBy(host.book, store, there, requester.user_id);
  const items = page.flatMap(({ pinned_at }, index) => {
    const record = records[index];
    if (record === null || record === undefined) return [];
    return [{ pinned_at, message: present(record, around, { origin: args.origin, mine }) }];
  });
  return { items, has_more: wanted.length > page.length };
}

/** PIN_MESSAGES was split off MANAGE_MESSAGES: either will do. */
function demandPin({ permissions }: Reach): void {
  if (has(permissions, PERMISSIONS.PIN_MESSAGES) || has(permissions, PERMISSIONS.MANAGE_MESSAGES)) return;
  throw apiError('MISSING_PERMISSIONS');
}

function setPinned(context: ChannelContext, record: MessageRecord, pinned: boolean): MessageRecord {
  const next = { ...record, doc: { ...record.doc, pinned } };
  context.host.book.put(context, next);
  return next;
}

function tellPins(context: ChannelContext, channel: ChannelRecord): void {
  const { guildId } = context.host;
  context.dispatch({
    t: 'CHANNEL_PINS_UPDATE',
    d: pinsUpdatePayload(channel.id, guildId, channel.last_pin_timestamp),
    intents: eventIntents('CHANNEL_PINS_UPDATE', guildId !== null),
    channel: channel.id,
  });
}
