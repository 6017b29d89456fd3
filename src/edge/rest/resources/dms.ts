// Private channels: opened once for each pair of users, and found again.

import { compareSnowflakes, type Snowflake } from '../../../base/snowflake.ts';
import { ChannelType } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
import { array, maybe, object, snowflake, validate } from '../../../protocol/form.ts';
import { dmChannelPayload } from '../../../protocol/payload.ts';
import { StoreConflict } from '../../../state/store/port.ts';
import type { ChannelRecord, UserRecord } from '../../../state/store/records.ts';
import type { RestContext } from '../context.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

const form = object({
  recipient_id: maybe(snowflake()),
  /** The old form; groups are not offered. */
  recipients: maybe(array(snowflake(), { min: 1, max: 10 })),
});

/** How often the pair is looked for again after somebody else was faster. Once is enough: pairs are never deleted. */
const TRIES = 2;

export const dmRoutes: readonly Route[] = [
  { method: 'POST', path: '/users/@me/channels', auth: 'required', handle: openChannel },
  { method: 'GET', path: '/users/@me/channels', auth: 'required', handle: listChannels },
];

async function openChannel(call: RestCall): Promise<RestAnswer> {
  const { context, requester } = call;
  const input = validate(form, call.body);
  const recipientId = input.recipient_id ?? input.recipients?.[0];
  if (recipientId === undefined || (input.recipients?.length ?? 1) !== 1) throw apiError('INVALID_RECIPIENTS');
  if (recipientId === requester.user_id) throw apiError('CANNOT_DM');
  const recipient = await context.store.get<UserRecord>('user', [recipientId]);
  if (recipient === null) throw apiError('INVALID_RECIPIENTS');
  const channel = await findOrOpen(context, requester.user_id, recipientId);
  const last_message_id = await context.store.lastMessageId(channel.id);
  return { json: dmChannelPayload(channel, [recipient], { last_message_id }) };
}

async function findOrOpen(context: RestContext, self: Snowflake, other: Snowflake): Promise<ChannelRecord> {
  const pair = [self, other].sort(compareSnowflakes);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = await context.store.get<{ channel_id: Snowflake }>('dm_pair', pair);
    if (found !== null) {
      const channel = await context.store.get<ChannelRecord>('channel', [found.channel_id, found.channel_id]);
      if (channel === null) throw apiError('UNKNOWN_CHANNEL');
      return channel;
    }
    const channel = newChannel(context.ids.next(), pair);
    try {
      await open(context, pair, channel);
      return channel;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== StoreConflict.name) throw error;
    }
  }
  throw apiError('UNAVAILABLE');
}

async function open(context: RestContext, pair: readonly Snowflake[], channel: ChannelRecord): Promise<void> {
  const { id } = channel;
  await context.commit([
    { op: 'insert', table: 'dm_pair', key: pair, doc: { channel_id: id } },
    { op: 'put', table: 'channel', key: [id, id], doc: channel as unknown as { [key: string]: unknown } },
    { op: 'put', table: 'channel_owner', key: [id], doc: { owner: `dm:${id}`, type: channel.type } },
    ...pair.map((user) => ({
      op: 'put' as const,
      table: 'user_channel' as const,
      key: [user, id],
      doc: { channel_id: id },
    })),
  ]);
}

function newChannel(id: Snowflake, pair: readonly Snowflake[]): ChannelRecord {
  return {
    id,
    type: ChannelType.DM,
    name: '',
    position: 0,
    topic: null,
    nsfw: false,
    parent_id: null,
    permission_overwrites: [],
    rate_limit_per_user: 0,
    flags: 0,
    last_pin_timestamp: null,
    recipient_ids: [...pair],
  };
}

/** The newest hundred; people's clients show them, bots get none, as on Discord. */
async function listChannels({ context, requester }: RestCall): Promise<RestAnswer> {
  if (requester.bot) return { json: [] };
  const rows = await context.store.list<{ channel_id: Snowflake }>('user_channel', [requester.user_id], {
    reverse: true,
    limit: 100,
  });
  const channels = await context.store.getMany<ChannelRecord>(
    'channel',
    rows.map(({ channel_id }) => [channel_id, channel_id]),
  );
  const shown = channels.map(async (channel) => {
    if (channel === null) return [];
    const others = (channel.recipient_ids ?? []).filter((id) => id !== requester.user_id);
    const users = await context.store.getMany<UserRecord>(
      'user',
      others.map((id) => [id]),
    );
    const last_message_id = await context.store.lastMessageId(channel.id);
    return [
      dmChannelPayload(
        channel,
        users.filter((user) => user !== null),
        { last_message_id },
      ),
    ];
  });
  return { json: (await Promise.all(shown)).flat() };
}
