// Messages that the server itself writes into a channel: a pin, a member's arrival.

import type { Snowflake } from '../../base/snowflake.ts';
import type { MessageRecord } from '../../state/store/port.ts';
import type { ChannelRecord, MessageDoc } from '../../state/store/records.ts';
import type { ChannelContext } from './access.ts';
import { messageEvent, type Surroundings } from './present.ts';

export interface Notice {
  readonly type: number;
  /** Whom it is about. */
  readonly author_id: Snowflake;
  readonly message_reference?: NonNullable<MessageDoc['message_reference']>;
}

/** Writes and dispatches it. `book.ready` of the channel must have resolved, and `around` hold the author. */
export function systemMessage(
  context: Pick<ChannelContext, 'host' | 'ids' | 'write' | 'dispatch' | 'afterwards'>,
  channel: ChannelRecord,
  around: Surroundings,
  notice: Notice,
): MessageRecord {
  const { host } = context;
  const doc: MessageDoc = {
    type: notice.type,
    content: '',
    flags: 0,
    tts: false,
    pinned: false,
    edited_timestamp: null,
    mention_everyone: false,
    mention_ids: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    components: [],
    ...(notice.message_reference === undefined ? {} : { message_reference: notice.message_reference }),
  };
  const record: MessageRecord = {
    id: host.book.nextId(context.ids, channel.id),
    channel_id: channel.id,
    author_id: notice.author_id,
    nonce: null,
    doc: doc as unknown as MessageRecord['doc'],
  };
  host.book.put(context, record);
  // No attachments: the origin is never used.
  context.dispatch(messageEvent('MESSAGE_CREATE', host, channel, record, around, { origin: '' }));
  return record;
}
