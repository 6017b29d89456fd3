// Rows in key order: one sorted array, searched by halving. For the memory engine, whose tables are small.

import { type ColumnKind, compareColumn } from './keys.ts';

export interface Row<V> {
  readonly key: readonly string[];
  readonly value: V;
}

export class SortedRows<V> {
  readonly #kinds: readonly ColumnKind[];
  readonly #rows: Row<V>[] = [];

  constructor(kinds: readonly ColumnKind[]) {
    this.#kinds = kinds;
  }

  get(key: readonly string[]): V | undefined {
    const row = this.#rows[this.#lowerBound(key)];
    return row !== undefined && this.#compare(row.key, key) === 0 ? row.value : undefined;
  }

  set(key: readonly string[], value: V): void {
    const index = this.#lowerBound(key);
    const row = this.#rows[index];
    const replaces = row !== undefined && this.#compare(row.key, key) === 0;
    this.#rows.splice(index, replaces ? 1 : 0, { key: [...key], value });
  }

  delete(key: readonly string[]): void {
    const index = this.#lowerBound(key);
    const row = this.#rows[index];
    if (row !== undefined && this.#compare(row.key, key) === 0) this.#rows.splice(index, 1);
  }

  last(): Row<V> | undefined {
    return this.#rows.at(-1);
  }

  /** A new array of the rows whose key begins with `prefix`, in order. */
  prefix(prefix: readonly string[]): Row<V>[] {
    const found: Row<V>[] = [];
    for (let index = this.#lowerBound(prefix); index < this.#rows.length; index += 1) {
      const row = this.#rows[index];
      if (row === undefined || this.#compare(row.key, prefix) !== 0) break;
      found.push(row);
    }
    return found;
  }

  /** Index of the first row that is not below `key`, compared over the columns that `key` has. */
  #lowerBound(key: readonly string[]): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      if (row !== undefined && this.#compare(row.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(row: readonly string[], key: readonly string[]): number {
    for (let column = 0; column < key.length; column += 1) {
      const order = compareColumn(this.#kinds[column] ?? 'text', row[column] ?? '', key[column] ?? '');
      if (order !== 0) return order;
    }
    return 0;
  }
}
