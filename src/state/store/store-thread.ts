// The store's thread: the GenServer that owns the writer. It answers a commit when it is durable; all calls that one turn of the
// scheduler hands over share one transaction (the writer commits behind the turn).

import type { Behaviour, Message, Runtime } from '../../actor/types.ts';
import type { EncodedBatch } from './batch.ts';
import { StoreConflict, StoreError, type TableName } from './port.ts';
import { EmbeddedWriter, type WriterStats } from './writer.ts';

/** The registered name, on the thread of kind 'store'. */
export const STORE = 'store';

/** Calls that may wait in the mailbox. They are handed to the writer at once, so only a flood within one turn fills it; then callers hear 'overloaded'. */
const MAILBOX_MAX = 65_536;

export type StoreRequest =
  | { readonly k: 'commit'; readonly batch: EncodedBatch }
  /** Answered when the files are there to be read. */
  | { readonly k: 'ready' }
  | { readonly k: 'stats' };

/** Failures are values: they cross threads as what they are. */
export type CommitReply =
  | { readonly ok: true }
  | { readonly ok: false; readonly conflict: { readonly table: TableName; readonly key: readonly string[] } }
  | { readonly ok: false; readonly error: string };

/** Boot module of the store thread. The main thread holds the data directory's lock (lockDataDir) before it starts this. */
export function start(runtime: Runtime, options: { readonly dataDir: string }): void {
  // Opened here rather than in the actor: a directory that cannot be opened fails the boot, and says why.
  let first: EmbeddedWriter | undefined = new EmbeddedWriter(options.dataDir);
  runtime.supervise({
    id: STORE,
    restart: 'permanent',
    mailboxMax: MAILBOX_MAX,
    start: () => {
      const writer = first ?? new EmbeddedWriter(options.dataDir);
      first = undefined;
      return storeServer(writer);
    },
  });
}

function storeServer(writer: EmbeddedWriter): Behaviour {
  return {
    handleCall(message: Message): Promise<CommitReply> | WriterStats | true {
      const request = message as unknown as StoreRequest;
      switch (request.k) {
        case 'commit':
          return writer.commit(request.batch).then(succeeded, failed);
        case 'stats':
          return writer.stats();
        case 'ready':
          return true;
      }
    },
    terminate() {
      writer.close();
    },
  };
}

function succeeded(): CommitReply {
  return { ok: true };
}

function failed(error: unknown): CommitReply {
  if (error instanceof StoreConflict) return { ok: false, conflict: { table: error.table, key: error.key } };
  return { ok: false, error: error instanceof StoreError ? error.message : String(error) };
}
