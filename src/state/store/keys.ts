// How key columns are written and ordered, for every engine. Two kinds:
//   id    a snowflake: a 64-bit signed integer in SQLite, so that order is numeric and a key costs 8 bytes
//   text  well-formed Unicode, ordered by code point (SQLite's BINARY collation on UTF-8)
// Everything is an id unless it is listed here.

import { compareSnowflakes } from '../../base/snowflake.ts';
import { StoreError, TABLES, type TableName } from './port.ts';

export type ColumnKind = 'id' | 'text';

const TEXT_COLUMNS: ReadonlySet<string> = new Set([
  'setting.name',
  'username.folded',
  'token.hash',
  'user_token.hash',
  'command.scope',
  // A guild's id, or whatever the owner of private channels calls itself.
  'channel.owner_id',
  'invite.code',
  'guild_invite.code',
  'session.id',
  'reaction.emoji',
]);

/** Integers of SQLite are signed: ids reach it in the year 2084. */
export const ID_MAX = (1n << 63n) - 1n;
const ID = /^(?:0|[1-9]\d{0,18})$/;
const UNSIGNED = /^\d{1,20}$/;

const KINDS = new Map<TableName, readonly ColumnKind[]>();
for (const [table, { key }] of Object.entries(TABLES)) {
  KINDS.set(
    table as TableName,
    key.map((column) => (TEXT_COLUMNS.has(`${table}.${column}`) ? 'text' : 'id')),
  );
}

export function columnKinds(table: TableName): readonly ColumnKind[] {
  const kinds = KINDS.get(table);
  if (kinds === undefined) throw new StoreError(`no table named ${String(table)}`);
  return kinds;
}

/** The integer of an id, or null when no row can have it. */
export function idInteger(id: string): bigint | null {
  if (!ID.test(id)) return null;
  const value = BigInt(id);
  return value <= ID_MAX ? value : null;
}

/** As a bound of a range: ids above the greatest mean the greatest. */
export function boundInteger(id: string): bigint | null {
  if (!UNSIGNED.test(id)) return null;
  const value = BigInt(id);
  return value <= ID_MAX ? value : ID_MAX;
}

/** Can a row have this value in a column of this kind? */
export function isKeyValue(kind: ColumnKind, value: string): boolean {
  if (typeof value !== 'string') return false;
  return kind === 'id' ? idInteger(value) !== null : value.isWellFormed();
}

/** The column's value as SQLite binds it; null when no row can have it. */
export function bindKey(kind: ColumnKind, value: string): bigint | string | null {
  if (kind === 'id') return idInteger(value);
  return value.isWellFormed() ? value : null;
}

/** Throws StoreError unless `key` is a whole key of the table (`whole`), or its first columns. */
export function checkKey(table: TableName, key: readonly string[], whole: boolean): void {
  const kinds = columnKinds(table);
  if (whole ? key.length !== kinds.length : key.length > kinds.length) {
    throw new StoreError(`${table} has ${kinds.length} key columns, not ${key.length}`);
  }
}

/** Orders two values of a column. */
export function compareColumn(kind: ColumnKind, a: string, b: string): number {
  return kind === 'id' ? compareSnowflakes(a, b) : compareCodePoints(a, b);
}

/** UTF-16 order differs from code point order only where a surrogate meets U+E000..U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xs = x >= 0xd800 && x <= 0xdfff;
    const ys = y >= 0xd800 && y <= 0xdfff;
    if (xs !== ys) return xs ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}
