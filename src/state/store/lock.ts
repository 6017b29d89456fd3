// One writer for a data directory: an exclusive transaction held on data/lock.db. The lock is the operating system's and dies with
// the process, so a crash never leaves one behind. Nothing else in the process may open lock.db: closing it would let go of a POSIX
// lock. lock.json tells who holds it, for the error's text only.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode, SQLITE_BUSY, storeErrorOf } from './errors.ts';
import { StoreError } from './port.ts';
import { makeDataDir } from './schema.ts';

/** The directory is in use: `holder` says by whom, when that is known. */
export class StoreLocked extends StoreError {
  override name = 'StoreLocked';
  readonly holder: LockHolder | null;
  constructor(dataDir: string, holder: LockHolder | null, options?: ErrorOptions) {
    const who = holder === null ? 'another process' : `process ${holder.pid} (${holder.role})`;
    super(`${dataDir} is in use by ${who}: stop it first, or choose another data.dir (GUILDHALL_DATA_DIR)`, options);
    this.holder = holder;
  }
}

export interface LockHolder {
  readonly pid: number;
  /** What it is: 'serve', or a command of the CLI. */
  readonly role: string;
}

export interface DataLock {
  release(): void;
}

/** Held until released, whatever becomes of the DataLock: a collected connection would let go of its lock. At most one per directory. */
const held = new Set<DatabaseSync>();

/** Takes the directory (made if need be) for this process, or throws StoreLocked. Hold it before any writer opens, until all are closed. */
export function lockDataDir(dataDir: string, role = 'guildhall'): DataLock {
  makeDataDir(dataDir);
  const notePath = join(dataDir, 'lock.json');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(notePath, JSON.stringify({ pid: process.pid, role } satisfies LockHolder));
  } catch (error) {
    database?.close();
    if (errorCode(error) === SQLITE_BUSY) throw new StoreLocked(dataDir, readHolder(notePath), { cause: error });
    throw storeErrorOf(error, join(dataDir, 'lock.db'));
  }
  const holding = database;
  held.add(holding);
  return {
    release() {
      if (!held.delete(holding)) return;
      rmSync(notePath, { force: true });
      holding.close();
    },
  };
}

function readHolder(path: string): LockHolder | null {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
    return Number.isInteger(holder.pid) && typeof holder.role === 'string' ? holder : null;
  } catch {
    return null;
  }
}
