// What a client hears of the gateway itself: where it is, and READY.

import type { ApplicationRecord, UserRecord } from '../records.ts';
import { applicationFlags } from './application.ts';
import { unavailableGuildPayload } from './guild.ts';
import { currentUserPayload } from './user.ts';

/** Identify queues of an account: a client may start so many shards at once. 16 makes two shards ready in 32 ms instead of 6 s. */
export const MAX_CONCURRENCY = 16;
/** Identifies a day and account. */
export const SESSION_STARTS_PER_DAY = 1000;
export const HEARTBEAT_INTERVAL_MS = 41_250;

/** `url` has no query: clients append one. */
export function gatewayBotPayload(
  url: string,
  shards: number,
  limit: { readonly remaining?: number; readonly reset_after?: number; readonly max_concurrency?: number } = {},
) {
  return {
    url,
    shards,
    session_start_limit: {
      total: SESSION_STARTS_PER_DAY,
      remaining: limit.remaining ?? SESSION_STARTS_PER_DAY,
      reset_after: limit.reset_after ?? 0,
      max_concurrency: limit.max_concurrency ?? MAX_CONCURRENCY,
    },
  };
}

export interface ReadyParts {
  readonly user: UserRecord;
  /** null for people, whose READY names their own id as application so that typed clients can read it. */
  readonly application: ApplicationRecord | null;
  readonly guild_ids: readonly string[];
  readonly session_id: string;
  readonly resume_gateway_url: string;
  readonly shard?: readonly [number, number];
  readonly private_channels?: readonly unknown[];
  /** API version of the connection. */
  readonly v?: number;
}

export function readyPayload(parts: ReadyParts) {
  const { application } = parts;
  return {
    v: parts.v ?? 10,
    user: currentUserPayload(parts.user),
    guilds: parts.guild_ids.map(unavailableGuildPayload),
    session_id: parts.session_id,
    resume_gateway_url: parts.resume_gateway_url,
    session_type: 'normal',
    ...(parts.shard === undefined ? {} : { shard: parts.shard }),
    application: {
      id: application?.id ?? parts.user.id,
      flags: application === null ? 0 : applicationFlags(application),
    },
    private_channels: parts.private_channels ?? [],
    user_settings: {},
    relationships: [] as unknown[],
    presences: [] as unknown[],
    _trace: [] as string[],
  };
}

/** GUILD_MEMBERS_CHUNK. Keys that may be absent must not be null. */
export function membersChunkPayload(chunk: {
  readonly guild_id: string;
  readonly members: readonly unknown[];
  readonly chunk_index: number;
  readonly chunk_count: number;
  readonly not_found?: readonly string[];
  readonly presences?: readonly unknown[];
  readonly nonce?: string | null;
}) {
  return {
    guild_id: chunk.guild_id,
    members: chunk.members,
    chunk_index: chunk.chunk_index,
    chunk_count: chunk.chunk_count,
    ...(chunk.not_found === undefined ? {} : { not_found: chunk.not_found }),
    ...(chunk.presences === undefined ? {} : { presences: chunk.presences }),
    ...(chunk.nonce === undefined || chunk.nonce === null ? {} : { nonce: chunk.nonce }),
  };
}
