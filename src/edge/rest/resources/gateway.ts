// Where the gateway is: on the very port the client asked on.

import { gatewayBotPayload } from '../../../protocol/payload.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

/** Guilds of a shard, as Discord recommends it; a client may take any number. */
const GUILDS_PER_SHARD = 1000;

/** ws://host of http://host. Without path or query: clients append theirs. */
export function gatewayUrl(origin: string): string {
  return origin.replace(/^http/, 'ws').replace(/\/+$/, '');
}

function gateway(call: RestCall): RestAnswer {
  return { json: { url: gatewayUrl(call.origin) } };
}

async function gatewayBot(call: RestCall): Promise<RestAnswer> {
  const guilds = await call.context.store.count('user_guild', [call.requester.user_id]);
  const shards = Math.max(1, Math.ceil(guilds / GUILDS_PER_SHARD));
  const { maxConcurrency } = call.context;
  const limit = maxConcurrency === undefined ? {} : { max_concurrency: maxConcurrency };
  return { json: gatewayBotPayload(gatewayUrl(call.origin), shards, limit) };
}

export const gatewayRoutes: readonly Route[] = [
  { method: 'GET', path: '/gateway', auth: 'none', handle: gateway },
  { method: 'GET', path: '/gateway/bot', auth: 'required', handle: gatewayBot },
];
