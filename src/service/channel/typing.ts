// Typing: says so to those who look at the channel, stores nothing, and may be lost.

import { eventIntents } from '../../protocol/intents.ts';
import { PERMISSIONS } from '../../protocol/permissions.ts';
import { typingPayload } from '../../protocol/payload.ts';
import { type ChannelContext, demand, reachText } from './access.ts';
import type { ChannelArgs } from './args.ts';
import { inGuild, wholeMember } from './present.ts';

export function typing(context: ChannelContext, args: ChannelArgs): undefined {
  const { host, requester, nowMs } = context;
  const { permissions } = reachText(context, args.channel_id);
  demand(permissions, PERMISSIONS.SEND_MESSAGES);
  const member = wholeMember(host, requester.user_id);
  context.dispatch({
    t: 'TYPING_START',
    d: typingPayload({
      channel_id: args.channel_id,
      user_id: requester.user_id,
      timestampMs: nowMs,
      ...inGuild(host),
      ...(member === undefined ? {} : { member }),
    }),
    intents: eventIntents('TYPING_START', host.guildId !== null),
    channel: args.channel_id,
    lossy: true,
  });
  return undefined;
}
