// SQLite's errors as StoreErrors that say what to do.

import { StoreError } from './port.ts';

export const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** The primary result code (without the extended bits), or undefined when it is not an error of SQLite. */
export function errorCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

export function storeErrorOf(error: unknown, where: string): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new StoreError(`${where}: ${text}${advice(errorCode(error))}`, { cause: error });
}

function advice(code: number | undefined): string {
  switch (code) {
    case SQLITE_FULL:
      return ' (the disk is full: make room; nothing of this commit was kept)';
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ' (the file is damaged: stop the server, keep a copy of it, restore a backup)';
    case SQLITE_CANTOPEN:
      return ' (does it exist, and may this user read and write there?)';
    case SQLITE_IOERR:
      return ' (the disk failed: look at the system log)';
    default:
      return '';
  }
}
