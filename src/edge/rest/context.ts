// What the REST resources work with, one per I/O thread. Built by the I/O thread's boot module.

import type { Runtime } from '../../actor/types.ts';
import type { Snowflake, SnowflakeGenerator } from '../../base/snowflake.ts';
import type { Requester, TopicReply } from '../../service/request.ts';
import type { TopicName } from '../../service/topic.ts';
import type { StoreReader, StoreOp } from '../../state/store/port.ts';

export interface RestContext {
  readonly runtime: Runtime;
  /** Reads of this thread's own connection. */
  readonly store: StoreReader;
  readonly ids: SnowflakeGenerator;
  readonly dataDir: string;
  readonly attachmentBytesMax: number;
  /** auth.registration; absent: open. */
  readonly registration?: 'open' | 'closed';
  /** gateway.max_concurrency; absent: the default. */
  readonly maxConcurrency?: number;
  /** Durable writes that belong to no topic (accounts, commands). */
  commit(ops: readonly StoreOp[]): Promise<void>;
  /** Which topic owns the channel; null when there is no such channel. Cached: a channel never changes its owner. */
  ownerOf(channelId: Snowflake): Promise<TopicName | null>;
  /** Asks a topic; its reply goes out as it is (see `answer` in reply.ts). A dead or slow topic is 503, which clients retry. */
  request(
    topic: TopicName,
    op: string,
    requester: Requester,
    args: { readonly [key: string]: unknown },
    reason: string | null,
  ): Promise<TopicReply>;
}
