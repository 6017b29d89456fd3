// The store as the other threads see it: reads by a connection of their own, commits by a call to the store's thread.

import type { Address, Message, Runtime } from '../../actor/types.ts';
import { encodeBatch } from './batch.ts';
import { type Store, StoreConflict, StoreError, type StoreOp } from './port.ts';
import { LazyReader } from './lazy-reader.ts';
import { openReader } from './reader.ts';
import { type CommitReply, STORE } from './store-thread.ts';

/** After this a commit's outcome is unknown to its caller: longer than the slowest disk's checkpoint. */
const COMMIT_TIMEOUT_MS = 30_000;

/** Usable at once: the first read waits until the store's thread has made the files. Close it when the thread ends. */
export function connectStore(runtime: Runtime, dataDir: string): Store {
  return new ClientStore(runtime, dataDir);
}

class ClientStore extends LazyReader implements Store {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime, dataDir: string) {
    super(async () => {
      await runtime.call(storeAddress(runtime), { k: 'ready' }, COMMIT_TIMEOUT_MS);
      return openReader(dataDir);
    });
    this.#runtime = runtime;
  }

  async commit(ops: readonly StoreOp[]): Promise<void> {
    if (this.closed) throw new StoreError('the store is closed');
    const message: Message = { k: 'commit', batch: encodeBatch(ops) };
    let reply: CommitReply;
    try {
      reply = await this.#runtime.call<CommitReply>(storeAddress(this.#runtime), message, COMMIT_TIMEOUT_MS);
    } catch (cause) {
      throw new StoreError(`no answer from the store: ${(cause as Error).message}`, { cause });
    }
    if (reply.ok) return;
    if ('conflict' in reply) throw new StoreConflict(reply.conflict.table, reply.conflict.key);
    throw new StoreError(reply.error);
  }
}

function storeAddress(runtime: Runtime): Address {
  const thread = runtime.threads('store')[0];
  if (thread === undefined) throw new StoreError('there is no store thread');
  return { thread: thread.index, name: STORE };
}
