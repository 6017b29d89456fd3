// The REST resources' view of this thread: its reader, its way to the store's thread and to the topics.

import type { Runtime } from '../actor/types.ts';
import { CallError } from '../actor/types.ts';
import type { Snowflake, SnowflakeGenerator } from '../base/snowflake.ts';
import type { Config } from '../config/load.ts';
import { apiError } from '../protocol/errors.ts';
import type { TopicReply, TopicRequest } from '../service/request.ts';
import { topicAddress } from '../service/shard/table.ts';
import type { TopicName } from '../service/topic.ts';
import type { Store } from '../state/store/port.ts';
import type { RestContext } from './rest/context.ts';

/** Channels whose owner is remembered: about 200 bytes each. A channel never changes its owner; the oldest is forgotten. */
const OWNERS_CACHED_MAX = 50_000;

export function createRestContext(
  runtime: Runtime,
  store: Store,
  ids: SnowflakeGenerator,
  config: Config,
): RestContext {
  const owners = new Map<Snowflake, TopicName>();
  return {
    runtime,
    store,
    ids,
    dataDir: config.data.dir,
    attachmentBytesMax: config.limits.attachment_bytes,
    registration: config.auth.registration,
    maxConcurrency: config.gateway.max_concurrency,
    commit: (ops) => store.commit(ops),
    async ownerOf(channelId) {
      const known = owners.get(channelId);
      if (known !== undefined) return known;
      const row = await store.get<{ owner: TopicName }>('channel_owner', [channelId]);
      if (row === null) return null;
      if (owners.size >= OWNERS_CACHED_MAX) owners.delete(owners.keys().next().value as Snowflake);
      owners.set(channelId, row.owner);
      return row.owner;
    },
    async request(topic, op, requester, args, reason) {
      const message: TopicRequest = { k: 'request', op, requester, reason, args };
      try {
        return await runtime.call<TopicReply>(topicAddress(runtime, topic), message);
      } catch (error) {
        if (error instanceof CallError) throw apiError('UNAVAILABLE', { cause: error });
        throw error;
      }
    },
  };
}
