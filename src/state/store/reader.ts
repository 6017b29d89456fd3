// Reads of one thread: a read-only connection to each file, with its prepared statements. Any number of them read while the writer
// writes (WAL); a read sees every commit that was acknowledged before it began. Reads run where they are called (about 10 to 50 us
// from memory); the promises are the port's, for engines that wait for a network.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Snowflake } from '../../base/snowflake.ts';
import { decodeMessage } from './batch.ts';
import { storeErrorOf } from './errors.ts';
import { bindKey, boundInteger, checkKey, columnKinds, ID_MAX, idInteger } from './keys.ts';
import {
  type Doc,
  type ListOptions,
  MESSAGES_PAGE_MAX,
  type MessageQuery,
  type MessageRecord,
  StoreError,
  type StoreReader,
  TABLES,
  type TableName,
} from './port.ts';
import { type FileName, openForReading } from './schema.ts';

/** Page cache of a reader: 8 MiB a file; behind it the system's own cache holds the rest. */
const CACHE_KIB = 8 * 1024;

const MESSAGE = 'CAST(id AS TEXT), CAST(author_id AS TEXT), nonce, doc';
const BUCKET_OF =
  '(SELECT bucket FROM channel_bucket WHERE channel_id = ?1 AND first_id <= ?2 ORDER BY first_id DESC LIMIT 1)';
const NEWEST_BUCKET = '(SELECT bucket FROM channel_bucket WHERE channel_id = ?1 ORDER BY first_id DESC LIMIT 1)';
const NEWEST_ID = `(SELECT max(id) FROM message WHERE channel_id = ?1 AND bucket = ${NEWEST_BUCKET})`;

const SQL = {
  message: `SELECT ${MESSAGE} FROM message WHERE channel_id = ?1 AND bucket = ${BUCKET_OF} AND id = ?2`,
  bucketsDown:
    'SELECT bucket, first_id FROM channel_bucket WHERE channel_id = ? AND first_id < ? ORDER BY first_id DESC LIMIT 1',
  bucketsUp:
    'SELECT bucket, first_id FROM channel_bucket WHERE channel_id = ? AND first_id > ? ORDER BY first_id LIMIT 1',
  /** The bucket that may hold an id. */
  bucketAt:
    'SELECT bucket, first_id FROM channel_bucket WHERE channel_id = ? AND first_id <= ? ORDER BY first_id DESC LIMIT 1',
  pageDown: `SELECT ${MESSAGE} FROM message WHERE channel_id = ? AND bucket = ? AND id < ? AND id > ? ORDER BY id DESC LIMIT ?`,
  pageUp: `SELECT ${MESSAGE} FROM message WHERE channel_id = ? AND bucket = ? AND id > ? ORDER BY id LIMIT ?`,
  last: `SELECT CAST(${NEWEST_ID} AS TEXT)`,
  highWater: `SELECT CAST(max(ifnull(${NEWEST_ID}, 0), ifnull((SELECT deleted_id FROM channel_state WHERE channel_id = ?1), 0)) AS TEXT)`,
} as const;

type MessageRow = readonly [id: string, author: string, nonce: string | null, doc: string];
type BucketRow = readonly [bucket: bigint, firstId: bigint];

/** Opens a data directory for reading. Throws StoreError when it has no store yet, or a newer one. */
export function openReader(dataDir: string): EmbeddedReader {
  return new EmbeddedReader(dataDir);
}

export class EmbeddedReader implements StoreReader {
  readonly #meta: DatabaseSync;
  readonly #messages: DatabaseSync;
  /** By SQL text; the texts are few: they depend on table, prefix length and options only. */
  readonly #statements = new Map<string, StatementSync>();
  #closed = false;

  constructor(dataDir: string) {
    this.#meta = openForReading(dataDir, 'meta');
    try {
      this.#messages = openForReading(dataDir, 'messages');
    } catch (error) {
      this.#meta.close();
      throw error;
    }
    for (const database of [this.#meta, this.#messages]) {
      database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY;`);
    }
  }

  async get<T = Doc>(table: TableName, key: readonly string[]): Promise<T | null> {
    return this.#get<T>(table, key);
  }

  async getMany<T = Doc>(table: TableName, keys: readonly (readonly string[])[]): Promise<(T | null)[]> {
    return keys.map((key) => this.#get<T>(table, key));
  }

  async list<T = Doc>(table: TableName, prefix: readonly string[], options: ListOptions = {}): Promise<T[]> {
    checkKey(table, prefix, false);
    const values = this.#bind(table, prefix);
    if (values === null) return [];
    const { file, key } = TABLES[table];
    const columns: readonly string[] = key;
    const kind = columnKinds(table)[prefix.length];
    const where = columns.slice(0, prefix.length).map((column) => `${column} = ?`);
    if (kind !== undefined) {
      for (const [bound, sign] of [
        [options.after, '>'],
        [options.before, '<'],
      ] as const) {
        if (bound === undefined) continue;
        const value = kind === 'id' ? boundInteger(bound) : bindKey(kind, bound);
        if (value === null) return [];
        values.push(value);
        where.push(`${columns[prefix.length]} ${sign} ?`);
      }
    }
    const order = columns.slice(prefix.length).map((column) => (options.reverse ? `${column} DESC` : column));
    const sql =
      `SELECT doc FROM ${table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}` +
      `${order.length > 0 ? ` ORDER BY ${order.join(', ')}` : ''} LIMIT ?`;
    values.push(options.limit === undefined ? -1 : Math.max(0, options.limit));
    return this.#all<readonly [string]>(file, sql, values).map(([doc]) => JSON.parse(doc) as T);
  }

  async count(table: TableName, prefix: readonly string[]): Promise<number> {
    checkKey(table, prefix, false);
    const values = this.#bind(table, prefix);
    if (values === null) return 0;
    const { file, key } = TABLES[table];
    const where = key.slice(0, prefix.length).map((column) => `${column} = ?`);
    const sql = `SELECT count(*) FROM ${table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}`;
    return Number(this.#one<readonly [bigint]>(file, sql, values)?.[0] ?? 0);
  }

  async message(channelId: Snowflake, id: Snowflake): Promise<MessageRecord | null> {
    const channel = idInteger(channelId);
    const messageId = idInteger(id);
    if (channel === null || messageId === null) return null;
    const row = this.#one<MessageRow>('messages', SQL.message, [channel, messageId]);
    return row === undefined ? null : decodeMessage(channelId, ...row);
  }

  async messages(channelId: Snowflake, query: MessageQuery): Promise<MessageRecord[]> {
    const channel = idInteger(channelId);
    const before = query.before === undefined ? ID_MAX : boundInteger(query.before);
    const after = query.after === undefined ? -1n : boundInteger(query.after);
    if (channel === null || before === null || after === null) return [];
    const limit = Math.max(0, Math.min(query.limit, MESSAGES_PAGE_MAX));
    const upward = query.after !== undefined && query.before === undefined;
    const rows = upward ? this.#pageUp(channel, after, limit) : this.#pageDown(channel, before, after, limit);
    return rows.map((row) => decodeMessage(channelId, ...row));
  }

  async lastMessageId(channelId: Snowflake): Promise<Snowflake | null> {
    const channel = idInteger(channelId);
    if (channel === null) return null;
    return this.#one<readonly [string | null]>('messages', SQL.last, [channel])?.[0] ?? null;
  }

  async highWaterId(channelId: Snowflake): Promise<Snowflake | null> {
    const channel = idInteger(channelId);
    if (channel === null) return null;
    const id = this.#one<readonly [string]>('messages', SQL.highWater, [channel])?.[0];
    return id === undefined || id === '0' ? null : id;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#statements.clear();
    this.#meta.close();
    this.#messages.close();
  }

  /** From `before` downwards, bucket by bucket, over the listed (non-empty) ones only. */
  #pageDown(channel: bigint, before: bigint, after: bigint, limit: number): MessageRow[] {
    const rows: MessageRow[] = [];
    let bound = before;
    while (rows.length < limit) {
      const bucket = this.#one<BucketRow>('messages', SQL.bucketsDown, [channel, bound]);
      if (bucket === undefined) break;
      rows.push(
        ...this.#all<MessageRow>('messages', SQL.pageDown, [channel, bucket[0], before, after, limit - rows.length]),
      );
      bound = bucket[1];
      if (bound <= after) break;
    }
    return rows;
  }

  /** The ones next above `after`; newest first, as every page is. */
  #pageUp(channel: bigint, after: bigint, limit: number): MessageRow[] {
    const rows: MessageRow[] = [];
    let bucket =
      this.#one<BucketRow>('messages', SQL.bucketAt, [channel, after]) ??
      this.#one<BucketRow>('messages', SQL.bucketsUp, [channel, after]);
    while (bucket !== undefined && rows.length < limit) {
      rows.push(...this.#all<MessageRow>('messages', SQL.pageUp, [channel, bucket[0], after, limit - rows.length]));
      bucket = this.#one<BucketRow>('messages', SQL.bucketsUp, [channel, bucket[1]]);
    }
    return rows.reverse();
  }

  #get<T>(table: TableName, key: readonly string[]): T | null {
    checkKey(table, key, true);
    const values = this.#bind(table, key);
    if (values === null) return null;
    const { file, key: columns } = TABLES[table];
    const where = columns.map((column) => `${column} = ?`).join(' AND ');
    const row = this.#one<readonly [string]>(file, `SELECT doc FROM ${table} WHERE ${where}`, values);
    return row === undefined ? null : (JSON.parse(row[0]) as T);
  }

  /** null when no row can have this key. */
  #bind(table: TableName, key: readonly string[]): SQLInputValue[] | null {
    const kinds = columnKinds(table);
    const values: SQLInputValue[] = [];
    for (const [index, value] of key.entries()) {
      const bound = bindKey(kinds[index] ?? 'text', value);
      if (bound === null) return null;
      values.push(bound);
    }
    return values;
  }

  #one<R>(file: FileName, sql: string, values: readonly SQLInputValue[]): R | undefined {
    try {
      return this.#statement(file, sql).get(...values) as R | undefined;
    } catch (error) {
      throw storeErrorOf(error, `${file}.db`);
    }
  }

  #all<R>(file: FileName, sql: string, values: readonly SQLInputValue[]): R[] {
    try {
      return this.#statement(file, sql).all(...values) as unknown as R[];
    } catch (error) {
      throw storeErrorOf(error, `${file}.db`);
    }
  }

  #statement(file: FileName, sql: string): StatementSync {
    if (this.#closed) throw new StoreError('the store is closed');
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = (file === 'meta' ? this.#meta : this.#messages).prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    this.#statements.set(sql, statement);
    return statement;
  }
}
