// The files of the embedded store and their schemas. Migrations only go forward; each runs in a transaction of its own with the
// row that records it. A file that a newer Guildhall wrote is refused. A released migration is never edited: add another.

import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode, SQLITE_BUSY, storeErrorOf } from './errors.ts';
import { StoreError } from './port.ts';

export type FileName = 'meta' | 'messages';

export function filePath(dataDir: string, file: FileName): string {
  return join(dataDir, `${file}.db`);
}

/** Makes the data directory; only its owner may enter. */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StoreError(`cannot make the data directory ${dataDir}: ${(cause as Error).message}`, { cause });
  }
}

interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** A table of documents, stored in the order of its key. */
function documents(table: string, key: string): string {
  const columns = key.split(', ').map((column) => `${column} NOT NULL, `);
  const names = key.replaceAll(/ (INTEGER|TEXT)/g, '');
  return `CREATE TABLE ${table} (${columns.join('')}doc TEXT NOT NULL, PRIMARY KEY (${names})) STRICT, WITHOUT ROWID;\n`;
}

const MIGRATIONS: Record<FileName, readonly Migration[]> = {
  meta: [
    {
      version: 1,
      sql: [
        documents('setting', 'name TEXT'),
        documents('user', 'id INTEGER'),
        documents('username', 'folded TEXT'),
        documents('token', 'hash TEXT'),
        documents('user_token', 'user_id INTEGER, hash TEXT'),
        documents('application', 'id INTEGER'),
        documents('user_application', 'owner_id INTEGER, application_id INTEGER'),
        documents('command', 'application_id INTEGER, scope TEXT, id INTEGER'),
        documents('guild', 'id INTEGER'),
        documents('role', 'guild_id INTEGER, id INTEGER'),
        documents('channel', 'owner_id TEXT, id INTEGER'),
        documents('channel_owner', 'id INTEGER'),
        documents('member', 'guild_id INTEGER, user_id INTEGER'),
        documents('user_guild', 'user_id INTEGER, guild_id INTEGER'),
        documents('ban', 'guild_id INTEGER, user_id INTEGER'),
        documents('invite', 'code TEXT'),
        documents('guild_invite', 'guild_id INTEGER, code TEXT'),
        documents('emoji', 'guild_id INTEGER, id INTEGER'),
        documents('webhook', 'id INTEGER'),
        documents('channel_webhook', 'channel_id INTEGER, id INTEGER'),
        documents('audit_log', 'guild_id INTEGER, id INTEGER'),
        documents('dm_pair', 'a INTEGER, b INTEGER'),
        documents('user_channel', 'user_id INTEGER, channel_id INTEGER'),
        documents('session', 'id TEXT'),
      ].join(''),
    },
  ],
  messages: [
    {
      version: 1,
      sql: `
        -- nonce and doc are JSON text, so that any string of a client comes back as it was.
        CREATE TABLE message (
          channel_id INTEGER NOT NULL, bucket INTEGER NOT NULL, id INTEGER NOT NULL,
          author_id INTEGER NOT NULL, nonce TEXT, doc TEXT NOT NULL,
          PRIMARY KEY (channel_id, bucket, id)) STRICT, WITHOUT ROWID;
        -- The non-empty buckets of a channel. A message whose bucket is not here does not exist.
        CREATE TABLE channel_bucket (
          channel_id INTEGER NOT NULL, first_id INTEGER NOT NULL, bucket INTEGER NOT NULL, width_ms INTEGER NOT NULL,
          PRIMARY KEY (channel_id, first_id)) STRICT, WITHOUT ROWID;
        -- Width for new buckets, and the greatest id that was deleted.
        CREATE TABLE channel_state (
          channel_id INTEGER NOT NULL PRIMARY KEY, width_ms INTEGER, deleted_id INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        -- Buckets of deleted channels whose rows are still to be removed, a slice at a time.
        CREATE TABLE purge (
          channel_id INTEGER NOT NULL, bucket INTEGER NOT NULL, PRIMARY KEY (channel_id, bucket)) STRICT, WITHOUT ROWID;
        ${documents('reaction', 'message_id INTEGER, emoji TEXT, user_id INTEGER')}
        ${documents('pin', 'channel_id INTEGER, message_id INTEGER')}
        ${documents('attachment', 'channel_id INTEGER, id INTEGER')}`,
    },
  ],
};

export function currentVersion(file: FileName): number {
  return MIGRATIONS[file].at(-1)?.version ?? 0;
}

/** Opens a file for writing, brings its schema up to date, sets WAL and full synchronisation. Throws StoreError. */
export function openForWriting(dataDir: string, file: FileName): DatabaseSync {
  const path = filePath(dataDir, file);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: WRITE_LOCK_WAIT_MS });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    migrate(database, file, path);
    syncDirectory(dataDir);
    return database;
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

/** Opens a file for reading; it must exist and be of this version. Throws StoreError. */
export function openForReading(dataDir: string, file: FileName): DatabaseSync {
  const path = filePath(dataDir, file);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: READ_LOCK_WAIT_MS });
    const version = readVersion(database);
    refuseNewer(version, file, path);
    if (version < currentVersion(file)) throw new StoreError(`${path} was never opened by this version for writing`);
    return database;
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

/** How long opening waits for another connection (a CLI that just closes). */
const WRITE_LOCK_WAIT_MS = 5_000;
/** Readers wait for nobody in WAL mode, but for recovery after a crash. */
const READ_LOCK_WAIT_MS = 5_000;

function migrate(database: DatabaseSync, file: FileName, path: string): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at_ms INTEGER NOT NULL) STRICT',
  );
  const version = readVersion(database);
  refuseNewer(version, file, path);
  for (const migration of MIGRATIONS[file]) {
    if (migration.version <= version) continue;
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(migration.sql);
      database
        .prepare('INSERT INTO schema_version (version, applied_at_ms) VALUES (?, ?)')
        .run(migration.version, Date.now());
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}

function readVersion(database: DatabaseSync): number {
  const row = database.prepare('SELECT max(version) AS version FROM schema_version').get();
  return Number(row?.version ?? 0);
}

function refuseNewer(version: number, file: FileName, path: string): void {
  if (version > currentVersion(file)) {
    throw new StoreError(
      `${path} has schema ${version}, this version of Guildhall knows ${currentVersion(file)}: ` +
        'it was written by a newer Guildhall; run that version or restore an older backup',
    );
  }
}

/** So that the files' names survive a power cut as well as their contents. */
function syncDirectory(dataDir: string): void {
  const directory = openSync(dataDir, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function openError(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if (errorCode(error) === SQLITE_BUSY) {
    return new StoreError(`${path} is locked by another process: stop it and try again`, { cause: error });
  }
  return storeErrorOf(error, path);
}
