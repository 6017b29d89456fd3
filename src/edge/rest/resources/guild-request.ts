// Forwards a request about a guild to its actor.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import type { TopicReply } from '../../../service/request.ts';
import type { HttpReply } from '../../transport/types.ts';
import { answer } from '../reply.ts';
import type { RestCall } from '../route.ts';
import { param } from './channel-request.ts';

/**
 * Asks the guild of the path. The store is looked at first, so that ids of guilds that the asker is not in start no actor, and
 * answer the same whether they exist or not.
 */
export async function askGuild(
  call: RestCall,
  op: string,
  args: { readonly [key: string]: unknown } = {},
  guildId: Snowflake = param(call, 'guild_id'),
): Promise<TopicReply> {
  const { context, requester } = call;
  if ((await context.store.get('user_guild', [requester.user_id, guildId])) === null) throw apiError('UNKNOWN_GUILD');
  return context.request(`guild:${guildId}`, op, requester, args, call.reason);
}

/** The same, answered as it is. */
export async function forwardGuild(
  call: RestCall,
  op: string,
  args: { readonly [key: string]: unknown } = {},
): Promise<HttpReply> {
  return answer(await askGuild(call, op, args));
}

/** The body of a topic's reply. */
export function bodyOf<T>(reply: TopicReply): T {
  return JSON.parse(Buffer.from(reply.bytes ?? new Uint8Array()).toString('utf8')) as T;
}
