// The store in memory: the model that the other engines are compared with, and the store of unit tests. Documents are kept as
// text, so that a caller never shares an object with the store.

import { compareSnowflakes, type Snowflake } from '../../base/snowflake.ts';
import { decodeMessage, type EncodedBatch, type EncodedOp, encodeBatch } from './batch.ts';
import { boundInteger, type ColumnKind, checkKey, columnKinds, compareColumn, isKeyValue } from './keys.ts';
import {
  type Doc,
  type ListOptions,
  MESSAGES_PAGE_MAX,
  type MessageQuery,
  type MessageRecord,
  type Store,
  StoreConflict,
  StoreError,
  type StoreOp,
  TABLES,
  type TableName,
} from './port.ts';
import { SortedRows } from './sorted-rows.ts';

interface StoredMessage {
  readonly a: Snowflake;
  readonly n: string | null;
  readonly d: string;
}

interface Channel {
  readonly rows: SortedRows<StoredMessage>;
  highWater: Snowflake;
}

type Undo = () => void;

const MESSAGE_KINDS: readonly ColumnKind[] = ['id'];

export class MemoryStore implements Store {
  readonly #tables = new Map<TableName, SortedRows<string>>();
  readonly #channels = new Map<Snowflake, Channel>();
  #closed = false;

  constructor() {
    for (const table of Object.keys(TABLES) as TableName[]) {
      this.#tables.set(table, new SortedRows(columnKinds(table)));
    }
  }

  async commit(ops: readonly StoreOp[]): Promise<void> {
    this.#checkOpen();
    this.#apply(encodeBatch(ops));
  }

  async get<T = Doc>(table: TableName, key: readonly string[]): Promise<T | null> {
    this.#checkOpen();
    checkKey(table, key, true);
    const text = this.#table(table).get(key);
    return text === undefined ? null : (JSON.parse(text) as T);
  }

  async getMany<T = Doc>(table: TableName, keys: readonly (readonly string[])[]): Promise<(T | null)[]> {
    return Promise.all(keys.map((key) => this.get<T>(table, key)));
  }

  async list<T = Doc>(table: TableName, prefix: readonly string[], options: ListOptions = {}): Promise<T[]> {
    this.#checkOpen();
    checkKey(table, prefix, false);
    const kind = columnKinds(table)[prefix.length];
    const { after, before } = options;
    if (kind !== undefined && [after, before].some((bound) => bound !== undefined && !isBound(kind, bound))) return [];
    const column = prefix.length;
    let rows = this.#table(table).prefix(prefix);
    if (kind !== undefined) {
      rows = rows.filter(
        ({ key }) =>
          (after === undefined || compareColumn(kind, key[column] ?? '', after) > 0) &&
          (before === undefined || compareColumn(kind, key[column] ?? '', before) < 0),
      );
    }
    if (options.reverse) rows.reverse();
    if (options.limit !== undefined) rows = rows.slice(0, Math.max(0, options.limit));
    return rows.map(({ value }) => JSON.parse(value) as T);
  }

  async count(table: TableName, prefix: readonly string[]): Promise<number> {
    this.#checkOpen();
    checkKey(table, prefix, false);
    return this.#table(table).prefix(prefix).length;
  }

  async message(channelId: Snowflake, id: Snowflake): Promise<MessageRecord | null> {
    this.#checkOpen();
    const row = this.#channels.get(channelId)?.rows.get([id]);
    return row === undefined ? null : decodeMessage(channelId, id, row.a, row.n, row.d);
  }

  async messages(channelId: Snowflake, query: MessageQuery): Promise<MessageRecord[]> {
    this.#checkOpen();
    const { after, before } = query;
    if ([after, before].some((bound) => bound !== undefined && !isBound('id', bound))) return [];
    const rows = (this.#channels.get(channelId)?.rows.prefix([]) ?? []).filter(
      ({ key: [id = ''] }) =>
        (after === undefined || compareSnowflakes(id, after) > 0) &&
        (before === undefined || compareSnowflakes(id, before) < 0),
    );
    const limit = Math.max(0, Math.min(query.limit, MESSAGES_PAGE_MAX));
    const upward = after !== undefined && before === undefined;
    const page = upward ? rows.slice(0, limit).reverse() : rows.reverse().slice(0, limit);
    return page.map(({ key: [id = ''], value }) => decodeMessage(channelId, id, value.a, value.n, value.d));
  }

  async lastMessageId(channelId: Snowflake): Promise<Snowflake | null> {
    this.#checkOpen();
    return this.#channels.get(channelId)?.rows.last()?.key[0] ?? null;
  }

  async highWaterId(channelId: Snowflake): Promise<Snowflake | null> {
    this.#checkOpen();
    return this.#channels.get(channelId)?.highWater ?? null;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #apply(batch: EncodedBatch): void {
    const undo: Undo[] = [];
    try {
      for (const op of batch) this.#applyOp(op, undo);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  #applyOp(op: EncodedOp, undo: Undo[]): void {
    switch (op.o) {
      case 'insert':
      case 'put': {
        const table = this.#table(op.t);
        const old = table.get(op.k);
        if (op.o === 'insert' && old !== undefined) throw new StoreConflict(op.t, op.k);
        table.set(op.k, op.d);
        undo.push(() => (old === undefined ? table.delete(op.k) : table.set(op.k, old)));
        return;
      }
      case 'delete':
        this.#delete(this.#table(op.t), op.k, undo);
        return;
      case 'deletePrefix': {
        const table = this.#table(op.t);
        for (const { key } of table.prefix(op.k)) this.#delete(table, key, undo);
        return;
      }
      case 'putMessage': {
        const known = this.#channels.get(op.c);
        const channel = known ?? { rows: new SortedRows(MESSAGE_KINDS), highWater: op.i };
        this.#channels.set(op.c, channel);
        const old = channel.rows.get([op.i]);
        const highWater = channel.highWater;
        channel.rows.set([op.i], { a: op.a, n: op.n, d: op.d });
        if (compareSnowflakes(op.i, highWater) > 0) channel.highWater = op.i;
        undo.push(() => {
          if (old === undefined) channel.rows.delete([op.i]);
          else channel.rows.set([op.i], old);
          channel.highWater = highWater;
          if (known === undefined) this.#channels.delete(op.c);
        });
        return;
      }
      case 'deleteMessage': {
        const channel = this.#channels.get(op.c);
        if (channel !== undefined) this.#delete(channel.rows, [op.i], undo);
        return;
      }
      case 'deleteChannelMessages': {
        const channel = this.#channels.get(op.c);
        for (const { key } of channel?.rows.prefix([]) ?? []) if (channel) this.#delete(channel.rows, key, undo);
        return;
      }
    }
  }

  #delete<V>(rows: SortedRows<V>, key: readonly string[], undo: Undo[]): void {
    const old = rows.get(key);
    if (old === undefined) return;
    rows.delete(key);
    undo.push(() => rows.set(key, old));
  }

  #table(table: TableName): SortedRows<string> {
    const rows = this.#tables.get(table);
    if (rows === undefined) throw new StoreError(`no table named ${table}`);
    return rows;
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('the store is closed');
  }
}

function isBound(kind: ColumnKind, bound: string): boolean {
  return kind === 'id' ? boundInteger(bound) !== null : isKeyValue(kind, bound);
}
