// Who may do what in a channel: the checks that every message operation begins with. They are synchronous and looked at
// again after each read, because the channel or a role may have gone while it was awaited.

import type { Snowflake } from '../../base/snowflake.ts';
import { isPrivateChannel, isTextBased } from '../../protocol/channel-types.ts';
import { apiError } from '../../protocol/errors.ts';
import { has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { ChannelRecord } from '../../state/store/records.ts';
import type { OperationContext } from '../request.ts';
import type { ChannelHost } from './host.ts';

export type ChannelContext = OperationContext<ChannelHost>;

export interface Reach {
  readonly channel: ChannelRecord;
  readonly permissions: bigint;
}

/** The channel and what the requester may do in it; UNKNOWN_CHANNEL, or MISSING_ACCESS when it may not even see it. */
export function reach(context: ChannelContext, channelId: Snowflake): Reach {
  const channel = context.host.channel(channelId);
  if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
  const permissions = context.host.permissions(context.requester.user_id, channel);
  if (!has(permissions, PERMISSIONS.VIEW_CHANNEL)) throw apiError('MISSING_ACCESS');
  return { channel, permissions };
}

/** The same, where messages can be: NON_TEXT_CHANNEL otherwise. */
export function reachText(context: ChannelContext, channelId: Snowflake): Reach {
  const found = reach(context, channelId);
  if (!isTextBased(found.channel.type)) throw apiError('NON_TEXT_CHANNEL');
  return found;
}

export function demand(permissions: bigint, bits: bigint): void {
  if (!has(permissions, bits)) throw apiError('MISSING_PERMISSIONS');
}

/** Other people's messages are nobody's to manage in a private channel. */
export function demandManage({ channel, permissions }: Reach): void {
  if (isPrivateChannel(channel.type)) throw apiError('DM_CHANNEL');
  demand(permissions, PERMISSIONS.MANAGE_MESSAGES);
}
