// DELETE a message, and many at once. With a message go its reactions, its pin, and its files.

import { compareSnowflakes, type Snowflake, snowflakeTimeMs } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { formError } from '../../protocol/form.ts';
import { eventIntents } from '../../protocol/intents.ts';
import { messageDeleteBulkPayload, messageDeletePayload } from '../../protocol/payload.ts';
import type { MessageRecord } from '../../state/store/port.ts';
import { type ChannelContext, demandManage, reach } from './access.ts';
import type { BulkDeleteArgs, OneMessageArgs } from './args.ts';
import { docOf } from './present.ts';

export const BULK_MIN = 2;
export const BULK_MAX = 100;
/** Older messages are not deleted in bulk. */
export const BULK_AGE_MAX_MS = 14 * 86_400_000;

export function deleteMessage(context: ChannelContext, args: OneMessageArgs): Promise<undefined> {
  const { host, store } = context;
  const { channel_id, message_id } = args;
  return host.book.exclusive(message_id, async () => {
    const channel = host.channel(channel_id);
    if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
    if (args.as === undefined) reach(context, channel_id);
    const record = await host.book.read(store, channel_id, message_id);
    if (record === null) throw apiError('UNKNOWN_MESSAGE');
    if (args.as !== undefined) {
      if (docOf(record).webhook_id !== args.as.webhook_id) throw apiError('UNKNOWN_MESSAGE');
    } else {
      const found = reach(context, channel_id);
      if (record.author_id !== context.requester.user_id) demandManage(found);
    }
    host.book.remove(context, record);
    context.dispatch({
      t: 'MESSAGE_DELETE',
      d: messageDeletePayload(message_id, channel_id, host.guildId),
      intents: eventIntents('MESSAGE_DELETE', host.guildId !== null),
      channel: channel_id,
    });
    return undefined;
  });
}

export function bulkDelete(context: ChannelContext, args: BulkDeleteArgs): Promise<undefined> {
  const { host, store, nowMs } = context;
  const { channel_id, messages } = args;
  demandManage(reach(context, channel_id));
  if (messages.length < BULK_MIN || messages.length > BULK_MAX) throw apiError('BULK_COUNT');
  if (new Set(messages).size < messages.length) {
    throw formError(['messages'], 'SET_TYPE_ALREADY_CONTAINS_VALUE', 'The set already contains the value');
  }
  const oldest = nowMs - BULK_AGE_MAX_MS;
  if (messages.some((id) => snowflakeTimeMs(id) < oldest)) throw apiError('TOO_OLD');
  return host.book.exclusive(messages, async () => {
    const records = await Promise.all(messages.map((id) => host.book.read(store, channel_id, id)));
    demandManage(reach(context, channel_id));
    removeMessages(
      context,
      channel_id,
      records.filter((record) => record !== null),
    );
    return undefined;
  });
}

/** Deletes these and tells so in one event. Call it within `exclusive` of all of them. */
export function removeMessages(context: ChannelContext, channelId: Snowflake, records: readonly MessageRecord[]): void {
  if (records.length === 0) return;
  const { guildId } = context.host;
  for (const record of records) context.host.book.remove(context, record);
  context.dispatch({
    t: 'MESSAGE_DELETE_BULK',
    d: messageDeleteBulkPayload(records.map(({ id }) => id).sort(compareSnowflakes), channelId, guildId),
    intents: eventIntents('MESSAGE_DELETE_BULK', guildId !== null),
    channel: channelId,
  });
}
