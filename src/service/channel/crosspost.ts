// Publishing a message of an announcement channel: it is marked. No channel of another guild follows here, so nothing else goes out.

import { ChannelType } from '../../protocol/channel-types.ts';
import { apiError } from '../../protocol/errors.ts';
import { MessageFlags } from '../../protocol/message-flags.ts';
import { isUserMessage } from '../../protocol/message-types.ts';
import { PERMISSIONS } from '../../protocol/permissions.ts';
import type { MessageRecord } from '../../state/store/port.ts';
import { type ChannelContext, demand, demandManage, reach } from './access.ts';
import type { MessageArgs } from './args.ts';
import { docOf, gather, messageEvent, present } from './present.ts';
import { reactedBy } from './reactions.ts';

export function crosspost(context: ChannelContext, args: MessageArgs): Promise<unknown> {
  const { host, store, requester } = context;
  const { channel_id, message_id, origin } = args;
  return host.book.exclusive(message_id, async () => {
    reach(context, channel_id);
    const before = await host.book.read(store, channel_id, message_id);
    if (before === null) throw apiError('UNKNOWN_MESSAGE');
    const around = await gather(host, store, [before]);
    const mine = await reactedBy(host.book, store, [before], requester.user_id);

    const found = reach(context, channel_id);
    const doc = docOf(before);
    if (found.channel.type !== ChannelType.GUILD_ANNOUNCEMENT) throw apiError('WRONG_CHANNEL_TYPE');
    if (!isUserMessage(doc.type)) throw apiError('SYSTEM_MESSAGE');
    if (before.author_id === requester.user_id) demand(found.permissions, PERMISSIONS.SEND_MESSAGES);
    else demandManage(found);
    if ((doc.flags & MessageFlags.CROSSPOSTED) !== 0) return present(before, around, { origin, mine });
    const record: MessageRecord = { ...before, doc: { ...before.doc, flags: doc.flags | MessageFlags.CROSSPOSTED } };
    host.book.put(context, record);
    context.dispatch(messageEvent('MESSAGE_UPDATE', host, found.channel, record, around, { origin }));
    return present(record, around, { origin, mine });
  });
}
