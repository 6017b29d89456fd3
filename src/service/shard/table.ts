// Which actor thread owns a topic. A topic's id maps to a virtual shard by a fixed formula, the virtual shard to a thread by a
// table; the table is what a balancer would move.

import type { Name, Runtime } from '../../actor/types.ts';
import { assert } from '../../base/assert.ts';
import type { TopicName } from '../topic.ts';

/** Many more than threads, so that moving one is a small step. */
export const VIRTUAL_SHARDS = 4_000;

/** (id >> 22) % VIRTUAL_SHARDS: Discord's own sharding formula. */
export function virtualShardOf(topic: TopicName): number {
  const id = topic.slice(topic.indexOf(':') + 1);
  return Number((BigInt(id) >> 22n) % BigInt(VIRTUAL_SHARDS));
}

/** The address of a topic's actor; sending to it starts the actor when it is not running. */
export function topicAddress(runtime: Runtime, topic: TopicName): Name {
  const threads = runtime.threads('actor');
  assert(threads.length > 0, 'no actor threads');
  const thread = threads[virtualShardOf(topic) % threads.length];
  assert(thread !== undefined, 'shard table out of range');
  return { thread: thread.index, name: topic };
}
