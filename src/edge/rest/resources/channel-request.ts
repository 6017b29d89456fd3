// Forwards a request about a channel's messages to the topic that owns the channel.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import type { TopicReply } from '../../../service/request.ts';
import type { HttpReply } from '../../transport/types.ts';
import { answer } from '../reply.ts';
import type { RestCall } from '../route.ts';

/** A path parameter that the route names. */
export function param(call: RestCall, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw apiError('NOT_FOUND');
  return value;
}

/** `args` without channel_id and origin, which are added. UNKNOWN_CHANNEL when nobody owns the channel. */
export async function askChannel(
  call: RestCall,
  channelId: Snowflake,
  op: string,
  args: { readonly [key: string]: unknown } = {},
): Promise<TopicReply> {
  const topic = await call.context.ownerOf(channelId);
  if (topic === null) throw apiError('UNKNOWN_CHANNEL');
  const all = { ...args, channel_id: channelId, origin: call.origin };
  return call.context.request(topic, op, call.requester, all, call.reason);
}

/** The same for the channel (and message) of the path, answered as it is. */
export async function forward(
  call: RestCall,
  op: string,
  args: { readonly [key: string]: unknown } = {},
): Promise<HttpReply> {
  const message = call.params['message_id'];
  const path = message === undefined ? {} : { message_id: message };
  return answer(await askChannel(call, param(call, 'channel_id'), op, { ...args, ...path }));
}
