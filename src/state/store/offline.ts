// The store without a server: writer and reader in the caller's own thread, for the CLI and for tests. Holds the directory's lock.

import { encodeBatch } from './batch.ts';
import { type DataLock, lockDataDir } from './lock.ts';
import type { Store, StoreOp } from './port.ts';
import { EmbeddedReader } from './reader.ts';
import { EmbeddedWriter } from './writer.ts';

/** Opens (and makes) a data directory. Throws StoreLocked while a server or another command has it, StoreError when it can't be opened. */
export function openOffline(dataDir: string, role = 'offline'): Store {
  const lock = lockDataDir(dataDir, role);
  let writer: EmbeddedWriter | undefined;
  try {
    writer = new EmbeddedWriter(dataDir);
    return new OfflineStore(dataDir, writer, lock);
  } catch (error) {
    writer?.close();
    lock.release();
    throw error;
  }
}

class OfflineStore extends EmbeddedReader implements Store {
  readonly #writer: EmbeddedWriter;
  readonly #lock: DataLock;

  constructor(dataDir: string, writer: EmbeddedWriter, lock: DataLock) {
    super(dataDir);
    this.#writer = writer;
    this.#lock = lock;
  }

  async commit(ops: readonly StoreOp[]): Promise<void> {
    await this.#writer.commit(encodeBatch(ops));
  }

  override async close(): Promise<void> {
    await super.close();
    this.#writer.close();
    this.#lock.release();
  }
}
