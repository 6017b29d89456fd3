// A reader that opens at its first read, so that a thread may be given its store before the store's files exist.

import type { Snowflake } from '../../base/snowflake.ts';
import {
  type Doc,
  type ListOptions,
  type MessageQuery,
  type MessageRecord,
  StoreError,
  type StoreReader,
  type TableName,
} from './port.ts';
import type { EmbeddedReader } from './reader.ts';

export class LazyReader implements StoreReader {
  readonly #open: () => Promise<EmbeddedReader>;
  #reader: EmbeddedReader | undefined;
  #opening: Promise<EmbeddedReader> | undefined;
  #closed = false;

  constructor(open: () => Promise<EmbeddedReader>) {
    this.#open = open;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async get<T = Doc>(table: TableName, key: readonly string[]): Promise<T | null> {
    return (this.#reader ?? (await this.#opened())).get<T>(table, key);
  }

  async getMany<T = Doc>(table: TableName, keys: readonly (readonly string[])[]): Promise<(T | null)[]> {
    return (this.#reader ?? (await this.#opened())).getMany<T>(table, keys);
  }

  async list<T = Doc>(table: TableName, prefix: readonly string[], options?: ListOptions): Promise<T[]> {
    return (this.#reader ?? (await this.#opened())).list<T>(table, prefix, options);
  }

  async count(table: TableName, prefix: readonly string[]): Promise<number> {
    return (this.#reader ?? (await this.#opened())).count(table, prefix);
  }

  async message(channelId: Snowflake, id: Snowflake): Promise<MessageRecord | null> {
    return (this.#reader ?? (await this.#opened())).message(channelId, id);
  }

  async messages(channelId: Snowflake, query: MessageQuery): Promise<MessageRecord[]> {
    return (this.#reader ?? (await this.#opened())).messages(channelId, query);
  }

  async lastMessageId(channelId: Snowflake): Promise<Snowflake | null> {
    return (this.#reader ?? (await this.#opened())).lastMessageId(channelId);
  }

  async highWaterId(channelId: Snowflake): Promise<Snowflake | null> {
    return (this.#reader ?? (await this.#opened())).highWaterId(channelId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    await this.#reader?.close();
  }

  #opened(): Promise<EmbeddedReader> {
    if (this.#closed) throw new StoreError('the store is closed');
    this.#opening ??= this.#openOnce();
    return this.#opening;
  }

  async #openOnce(): Promise<EmbeddedReader> {
    try {
      const reader = await this.#open();
      this.#reader = reader;
      return reader;
    } catch (error) {
      // The next read tries again.
      this.#opening = undefined;
      throw error;
    }
  }
}
