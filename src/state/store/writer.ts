// The one connection that writes. Batches wait in a queue; a turn of the event loop takes what waits into one transaction (group
// commit), so a durable commit costs one fsync a file for all of them. Keeps true:
//   - a commit's promise resolves only after COMMIT has come back: WAL, synchronous=FULL, so it survives kill -9 and power cuts
//   - batches are applied and settled in the order of their calls
//   - a batch that meets a StoreConflict is undone alone (SAVEPOINT); any other failure rolls the whole group back and rejects it
// messages.db is attached to meta.db's connection: one COMMIT covers both, atomic in each (meta first).

import { type DatabaseSync, type StatementSync } from 'node:sqlite';
import type { EncodedBatch, EncodedOp } from './batch.ts';
import { storeErrorOf } from './errors.ts';
import { bindKey, columnKinds } from './keys.ts';
import { MessageRows } from './message-rows.ts';
import { StoreConflict, StoreError, TABLES, type TableName } from './port.ts';
import { filePath, makeDataDir, openForWriting } from './schema.ts';

/** Operations after which a transaction takes no further batch: keeps one commit under about 100 ms. */
const GROUP_OPS_MAX = 4_096;
/** Batches that may wait; beyond it commits are refused at once. About 2 s of the writer's work. */
const QUEUE_BATCHES_MAX = 65_536;
/** Pages of WAL (160 MB) at which a commit checkpoints: a checkpoint stalls commits some 80 ms, so it should rarely come to this. */
const WAL_AUTOCHECKPOINT_PAGES = 40_000;
/** The WAL file is cut to this after a checkpoint that emptied it. */
const WAL_SIZE_MAX = 64 * 1024 * 1024;
/** Quiet time after which the writer checkpoints. */
const IDLE_CHECKPOINT_MS = 1_000;
/** Pause between slices of removal, which leaves the writer to others. */
const PURGE_PAUSE_MS = 50;
/** Page cache of the writer: 32 MiB a file. */
const CACHE_KIB = 32 * 1024;

interface Waiting {
  readonly batch: EncodedBatch;
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

interface Statements {
  readonly put: StatementSync;
  readonly insert: StatementSync;
  readonly deletes: readonly StatementSync[];
}

export interface WriterStats {
  readonly commits: number;
  readonly batches: number;
  readonly conflicts: number;
  readonly waiting: number;
}

export class EmbeddedWriter {
  readonly #database: DatabaseSync;
  readonly #messages: MessageRows;
  readonly #statements = new Map<TableName, Statements>();
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  #queue: Waiting[] = [];
  #scheduled = false;
  #closed = false;
  #checkpointTimer: NodeJS.Timeout | undefined;
  #purgeTimer: NodeJS.Timeout | undefined;
  #stats = { commits: 0, batches: 0, conflicts: 0 };

  /** Opens (and makes, and migrates) the files of a data directory. Throws StoreError. The caller holds the directory's lock. */
  constructor(dataDir: string) {
    makeDataDir(dataDir);
    openForWriting(dataDir, 'messages').close();
    this.#database = openForWriting(dataDir, 'meta');
    try {
      this.#database.prepare('ATTACH ? AS messages').run(filePath(dataDir, 'messages'));
      this.#database.exec(
        `PRAGMA messages.synchronous = FULL; PRAGMA wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES};
         PRAGMA main.journal_size_limit = ${WAL_SIZE_MAX}; PRAGMA messages.journal_size_limit = ${WAL_SIZE_MAX};
         PRAGMA main.cache_size = -${CACHE_KIB}; PRAGMA messages.cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY;`,
      );
      this.#messages = new MessageRows(this.#database);
      this.#begin = this.#database.prepare('BEGIN IMMEDIATE');
      this.#commit = this.#database.prepare('COMMIT');
      this.#savepoint = this.#database.prepare('SAVEPOINT batch');
      this.#release = this.#database.prepare('RELEASE batch');
      if (this.#messages.purgePending()) this.#armPurge();
    } catch (error) {
      this.#database.close();
      throw storeErrorOf(error, dataDir);
    }
  }

  /** Resolves when the batch is durable. */
  commit(batch: EncodedBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new StoreError('the store is closed'));
      if (this.#queue.length >= QUEUE_BATCHES_MAX) {
        return reject(new StoreError(`the store is overloaded: ${QUEUE_BATCHES_MAX} commits wait`));
      }
      this.#queue.push({ batch, resolve, reject });
      this.#schedule();
    });
  }

  stats(): WriterStats {
    return { ...this.#stats, waiting: this.#queue.length };
  }

  /** Commits what waits, checkpoints and closes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#checkpointTimer);
    clearTimeout(this.#purgeTimer);
    while (this.#queue.length > 0) this.#commitGroup();
    this.#checkpoint();
    this.#database.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Behind the events of this turn: whatever they submit shares the transaction.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#queue.length === 0) return;
      this.#commitGroup();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #takeGroup(): Waiting[] {
    let ops = 0;
    let count = 0;
    for (const { batch } of this.#queue) {
      if (count > 0 && ops + batch.length > GROUP_OPS_MAX) break;
      ops += batch.length;
      count += 1;
    }
    if (count === this.#queue.length) {
      const group = this.#queue;
      this.#queue = [];
      return group;
    }
    return this.#queue.splice(0, count);
  }

  #commitGroup(): void {
    const group = this.#takeGroup();
    const conflicts = new Map<Waiting, StoreConflict>();
    try {
      this.#begin.run();
      for (const waiting of group) {
        const conflict = this.#applyBatch(waiting.batch);
        if (conflict !== undefined) conflicts.set(waiting, conflict);
      }
      this.#commit.run();
    } catch (error) {
      this.#rollBack();
      const failure = storeErrorOf(error, 'commit');
      for (const { reject } of group) reject(failure);
      return;
    }
    this.#stats.commits += 1;
    this.#stats.batches += group.length;
    this.#stats.conflicts += conflicts.size;
    for (const waiting of group) {
      const conflict = conflicts.get(waiting);
      if (conflict === undefined) waiting.resolve();
      else waiting.reject(conflict);
    }
    this.#armCheckpoint();
  }

  #rollBack(): void {
    this.#messages.forget();
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch {
      // The failure that led here is the one to tell; if the rollback did not end the transaction, the next BEGIN fails and says so.
    }
  }

  #applyBatch(batch: EncodedBatch): StoreConflict | undefined {
    // Only an insert can conflict, and only one behind other writes leaves something to undo.
    const undoable = batch.some((op, index) => index > 0 && op.o === 'insert');
    if (undoable) this.#savepoint.run();
    for (const op of batch) {
      const conflict = this.#applyOp(op);
      if (conflict === undefined) continue;
      if (undoable) {
        this.#database.exec('ROLLBACK TO batch; RELEASE batch');
        this.#messages.forget();
      }
      return conflict;
    }
    if (undoable) this.#release.run();
    return undefined;
  }

  #applyOp(op: EncodedOp): StoreConflict | undefined {
    switch (op.o) {
      case 'put':
        this.#of(op.t).put.run(...this.#bind(op.t, op.k), op.d);
        return;
      case 'insert': {
        const { changes } = this.#of(op.t).insert.run(...this.#bind(op.t, op.k), op.d);
        return Number(changes) === 0 ? new StoreConflict(op.t, op.k) : undefined;
      }
      case 'delete':
      case 'deletePrefix':
        this.#of(op.t).deletes[op.k.length - 1]?.run(...this.#bind(op.t, op.k));
        return;
      case 'putMessage':
        this.#messages.put(op);
        return;
      case 'deleteMessage':
        this.#messages.delete(op.c, op.i);
        return;
      case 'deleteChannelMessages':
        this.#messages.deleteAll(op.c);
        this.#armPurge();
        return;
    }
  }

  #bind(table: TableName, key: readonly string[]): (bigint | string)[] {
    const kinds = columnKinds(table);
    return key.map((value, index) => {
      const bound = bindKey(kinds[index] ?? 'text', value);
      if (bound === null) throw new StoreError(`${table}: ${JSON.stringify(value)} is not a key`);
      return bound;
    });
  }

  #of(table: TableName): Statements {
    const known = this.#statements.get(table);
    if (known !== undefined) return known;
    const { file, key } = TABLES[table];
    const name = `${file === 'meta' ? 'main' : 'messages'}.${table}`;
    const insert = `INSERT INTO ${name} (${key.join(', ')}, doc) VALUES (${'?, '.repeat(key.length)}?) ON CONFLICT DO`;
    const statements: Statements = {
      put: this.#database.prepare(`${insert} UPDATE SET doc = excluded.doc`),
      insert: this.#database.prepare(`${insert} NOTHING`),
      deletes: key.map((_, last) =>
        this.#database.prepare(
          `DELETE FROM ${name} WHERE ${key
            .slice(0, last + 1)
            .map((column) => `${column} = ?`)
            .join(' AND ')}`,
        ),
      ),
    };
    this.#statements.set(table, statements);
    return statements;
  }

  #armCheckpoint(): void {
    if (this.#checkpointTimer !== undefined) {
      this.#checkpointTimer.refresh();
      return;
    }
    this.#checkpointTimer = setTimeout(() => this.#checkpoint(), IDLE_CHECKPOINT_MS);
    this.#checkpointTimer.unref();
  }

  /** Passive: readers are not disturbed, and what they still need stays in the WAL for the next time. */
  #checkpoint(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // A checkpoint is housekeeping; what is committed is in the WAL, and a failing disk fails the next commit.
    }
  }

  #armPurge(): void {
    if (this.#purgeTimer !== undefined || this.#closed) return;
    this.#purgeTimer = setTimeout(() => this.#purgeSlice(), PURGE_PAUSE_MS);
    this.#purgeTimer.unref();
  }

  #purgeSlice(): void {
    this.#purgeTimer = undefined;
    try {
      this.#begin.run();
      const more = this.#messages.purge();
      this.#commit.run();
      this.#armCheckpoint();
      if (more) this.#armPurge();
    } catch {
      // Tried again when the writer is opened next, or another channel is deleted.
      this.#rollBack();
    }
  }
}
