// The store's port: what every engine gives. Documents live in tables by key, so that each engine (memory, SQLite, CQL)
// can lay them out alike: the first key column is the partition, the rest cluster within it, in order. An index is a
// table of its own, written in the same batch. Messages have their own time-bucketed table.

import type { Snowflake } from '../../base/snowflake.ts';

export type Doc = { [key: string]: unknown };

/** Tables, their key columns, and the file they live in. Key columns are text; ids sort by value (see engines). */
export const TABLES = {
  setting: { file: 'meta', key: ['name'] },
  user: { file: 'meta', key: ['id'] },
  /** username in its folded form -> {user_id}; unique. */
  username: { file: 'meta', key: ['folded'] },
  /** SHA-256 of a token, hex -> {user_id, application_id?, created_at_ms}. */
  token: { file: 'meta', key: ['hash'] },
  user_token: { file: 'meta', key: ['user_id', 'hash'] },
  application: { file: 'meta', key: ['id'] },
  user_application: { file: 'meta', key: ['owner_id', 'application_id'] },
  /** scope: guild id, or 'global'. */
  command: { file: 'meta', key: ['application_id', 'scope', 'id'] },
  guild: { file: 'meta', key: ['id'] },
  role: { file: 'meta', key: ['guild_id', 'id'] },
  channel: { file: 'meta', key: ['owner_id', 'id'] },
  /** channel id -> {owner: topic name, type}. */
  channel_owner: { file: 'meta', key: ['id'] },
  member: { file: 'meta', key: ['guild_id', 'user_id'] },
  user_guild: { file: 'meta', key: ['user_id', 'guild_id'] },
  ban: { file: 'meta', key: ['guild_id', 'user_id'] },
  invite: { file: 'meta', key: ['code'] },
  guild_invite: { file: 'meta', key: ['guild_id', 'code'] },
  emoji: { file: 'meta', key: ['guild_id', 'id'] },
  webhook: { file: 'meta', key: ['id'] },
  channel_webhook: { file: 'meta', key: ['channel_id', 'id'] },
  audit_log: { file: 'meta', key: ['guild_id', 'id'] },
  /** Private channels: one per pair of users, the smaller id first. */
  dm_pair: { file: 'meta', key: ['a', 'b'] },
  user_channel: { file: 'meta', key: ['user_id', 'channel_id'] },
  /** Sessions saved by a clean stop. */
  session: { file: 'meta', key: ['id'] },
  reaction: { file: 'messages', key: ['message_id', 'emoji', 'user_id'] },
  pin: { file: 'messages', key: ['channel_id', 'message_id'] },
  /** Uploaded files that a message owns -> {message_id, filename, size}; a file on disk without its row is nobody's. */
  attachment: { file: 'messages', key: ['channel_id', 'id'] },
} as const satisfies Record<string, { file: 'meta' | 'messages'; key: readonly string[] }>;

export type TableName = keyof typeof TABLES;

/** Messages in one page, whatever the query asks: about 3 MB of the longest messages. */
export const MESSAGES_PAGE_MAX = 500;

/** Operations in one commit: bulk work is cut into batches, so that one caller does not hold the writer for seconds. */
export const BATCH_OPS_MAX = 20_000;

/** UTF-16 units of one stored document: far above any message (6,000 characters), room for a saved session's replay. */
export const DOC_CHARS_MAX = 16 * 1024 * 1024;

/** A message as it is stored. `doc` holds everything but the ids; users are stored by id and filled in when read. */
export interface MessageRecord {
  readonly id: Snowflake;
  readonly channel_id: Snowflake;
  readonly author_id: Snowflake;
  /** Kept with its message, so that a repeat after a crash finds the first. */
  readonly nonce: string | null;
  readonly doc: Doc;
}

export type StoreOp =
  | { readonly op: 'put'; readonly table: TableName; readonly key: readonly string[]; readonly doc: Doc }
  /** Fails the whole batch with StoreConflict when the key is there. */
  | { readonly op: 'insert'; readonly table: TableName; readonly key: readonly string[]; readonly doc: Doc }
  | { readonly op: 'delete'; readonly table: TableName; readonly key: readonly string[] }
  /** Deletes every row whose key begins with these columns (at least one). */
  | { readonly op: 'deletePrefix'; readonly table: TableName; readonly key: readonly string[] }
  /** New or changed: the whole record replaces what is there. */
  | { readonly op: 'putMessage'; readonly message: MessageRecord }
  | { readonly op: 'deleteMessage'; readonly channel_id: Snowflake; readonly id: Snowflake }
  | { readonly op: 'deleteChannelMessages'; readonly channel_id: Snowflake };

export interface ListOptions {
  /** Only rows whose next key column (the first behind the prefix) is above / below this. */
  readonly after?: string;
  readonly before?: string;
  readonly limit?: number;
  /** Descending. */
  readonly reverse?: boolean;
}

/** With both bounds: the newest between them. */
export interface MessageQuery {
  readonly before?: Snowflake;
  readonly after?: Snowflake;
  /** 1..100 for clients; engines cap at MESSAGES_PAGE_MAX. */
  readonly limit: number;
}

/** A key that no row can have (text that is not an id in an id column) finds nothing; writing one is a StoreError. */
export interface StoreReader {
  get<T = Doc>(table: TableName, key: readonly string[]): Promise<T | null>;
  getMany<T = Doc>(table: TableName, keys: readonly (readonly string[])[]): Promise<(T | null)[]>;
  /** Rows whose key begins with `prefix`, in key order. */
  list<T = Doc>(table: TableName, prefix: readonly string[], options?: ListOptions): Promise<T[]>;
  count(table: TableName, prefix: readonly string[]): Promise<number>;
  message(channelId: Snowflake, id: Snowflake): Promise<MessageRecord | null>;
  /** Newest first; with `after` alone, the ones next above it (still newest first). */
  messages(channelId: Snowflake, query: MessageQuery): Promise<MessageRecord[]>;
  /** The newest message that exists. */
  lastMessageId(channelId: Snowflake): Promise<Snowflake | null>;
  /** The greatest message id the channel ever stored, deleted ones counted, also after deleteChannelMessages: new ids must be above it. */
  highWaterId(channelId: Snowflake): Promise<Snowflake | null>;
}

export interface Store extends StoreReader {
  /**
   * All or nothing per file; durable when it resolves. Batches of one caller commit and resolve in the order of their calls.
   * Rejects with StoreConflict (an insert met its key) or StoreError (disk full, corrupt, closed).
   */
  commit(ops: readonly StoreOp[]): Promise<void>;
  close(): Promise<void>;
}

export class StoreError extends Error {
  override name = 'StoreError';
}

export class StoreConflict extends StoreError {
  override name = 'StoreConflict';
  readonly table: TableName;
  readonly key: readonly string[];
  constructor(table: TableName, key: readonly string[]) {
    super(`${table} ${key.join('/')} exists already`);
    this.table = table;
    this.key = key;
  }
}
