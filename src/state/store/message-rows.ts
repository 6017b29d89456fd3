// The rows of messages and their buckets, as the writer changes them. Keeps true, in every transaction: a channel's bucket is
// listed in channel_bucket exactly when it holds a message; and the greatest id a channel ever had is the greater of its newest
// message and channel_state.deleted_id. So a message costs one row, unless it is the first of its bucket.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EncodedOp } from './batch.ts';
import { BUCKET_WIDTH_MS, type Bucket, bucketAt, bucketOf, holds } from './buckets.ts';

/** Channels whose newest bucket is remembered; about 200 bytes each. When full all are forgotten: a lookup each. */
const BUCKET_CACHE_MAX = 32_768;

/** Rows removed from deleted channels in one go: about 5 ms of the writer. */
export const PURGE_ROWS_MAX = 1_000;

type PutMessage = Extract<EncodedOp, { o: 'putMessage' }>;

export class MessageRows {
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #bucketBelow: StatementSync;
  readonly #bucketInsert: StatementSync;
  readonly #bucketDelete: StatementSync;
  readonly #anyInBucket: StatementSync;
  readonly #newest: StatementSync;
  readonly #width: StatementSync;
  readonly #deleted: StatementSync;
  readonly #purgeAdd: StatementSync;
  readonly #bucketsDelete: StatementSync;
  readonly #purgeFirst: StatementSync;
  readonly #purgeRows: StatementSync;
  readonly #purgeDone: StatementSync;
  readonly #purgeBucket: StatementSync;
  /** The newest known bucket of a channel. Only of listed buckets. */
  readonly #cache = new Map<bigint, Bucket>();

  constructor(database: DatabaseSync) {
    const prepare = (sql: string): StatementSync => {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      return statement;
    };
    this.#put = prepare(
      'INSERT INTO message (channel_id, bucket, id, author_id, nonce, doc) VALUES (?, ?, ?, ?, ?, ?) ' +
        'ON CONFLICT DO UPDATE SET author_id = excluded.author_id, nonce = excluded.nonce, doc = excluded.doc',
    );
    this.#delete = prepare('DELETE FROM message WHERE channel_id = ? AND bucket = ? AND id = ?');
    this.#bucketBelow = prepare(
      'SELECT bucket, width_ms FROM channel_bucket WHERE channel_id = ? AND first_id <= ? ORDER BY first_id DESC LIMIT 1',
    );
    this.#bucketInsert = prepare(
      'INSERT INTO channel_bucket (channel_id, first_id, bucket, width_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#bucketDelete = prepare('DELETE FROM channel_bucket WHERE channel_id = ? AND first_id = ?');
    this.#anyInBucket = prepare('SELECT 1 FROM message WHERE channel_id = ? AND bucket = ? LIMIT 1');
    this.#newest = prepare(
      'SELECT max(id) AS id FROM message WHERE channel_id = ?1 AND bucket = ' +
        '(SELECT bucket FROM channel_bucket WHERE channel_id = ?1 ORDER BY first_id DESC LIMIT 1)',
    );
    this.#width = prepare('SELECT width_ms FROM channel_state WHERE channel_id = ?');
    this.#deleted = prepare(
      'INSERT INTO channel_state (channel_id, deleted_id) VALUES (?, ?) ' +
        'ON CONFLICT DO UPDATE SET deleted_id = max(deleted_id, excluded.deleted_id)',
    );
    this.#purgeAdd = prepare(
      'INSERT INTO purge (channel_id, bucket) SELECT channel_id, bucket FROM channel_bucket WHERE channel_id = ? ' +
        'ON CONFLICT DO NOTHING',
    );
    this.#bucketsDelete = prepare('DELETE FROM channel_bucket WHERE channel_id = ?');
    this.#purgeFirst = prepare('SELECT channel_id, bucket FROM purge LIMIT 1');
    this.#purgeRows = prepare(
      'DELETE FROM message WHERE channel_id = ?1 AND bucket = ?2 AND id IN ' +
        '(SELECT id FROM message WHERE channel_id = ?1 AND bucket = ?2 ORDER BY id LIMIT ?3)',
    );
    this.#purgeDone = prepare('DELETE FROM purge WHERE channel_id = ? AND bucket = ?');
    this.#purgeBucket = prepare('DELETE FROM message WHERE channel_id = ? AND bucket = ?');
  }

  put(op: PutMessage): void {
    const channel = BigInt(op.c);
    const id = BigInt(op.i);
    const cached = this.#cache.get(channel);
    const bucket = cached !== undefined && holds(cached, id) ? cached : this.#listBucket(channel, id, cached);
    this.#put.run(channel, bucket.bucket, id, BigInt(op.a), op.n, op.d);
  }

  delete(channelId: string, messageId: string): void {
    const channel = BigInt(channelId);
    const id = BigInt(messageId);
    const bucket = this.#listedBucket(channel, id);
    if (bucket === undefined) return;
    const { changes } = this.#delete.run(channel, bucket.bucket, id);
    if (Number(changes) === 0) return;
    this.#deleted.run(channel, id);
    if (this.#anyInBucket.get(channel, bucket.bucket) !== undefined) return;
    this.#bucketDelete.run(channel, bucket.firstId);
    this.#cache.delete(channel);
  }

  /** Unlists all buckets, which hides their messages at once; the rows go later, a slice at a time (`purge`). */
  deleteAll(channelId: string): void {
    const channel = BigInt(channelId);
    const newest = this.#newest.get(channel)?.id;
    if (typeof newest !== 'bigint') return;
    this.#deleted.run(channel, newest);
    this.#purgeAdd.run(channel);
    this.#bucketsDelete.run(channel);
    this.#cache.delete(channel);
  }

  /** Removes up to PURGE_ROWS_MAX rows of deleted channels; false when none are left. */
  purge(): boolean {
    const first = this.#purgeFirst.get();
    if (first === undefined) return false;
    const channel = first.channel_id as bigint;
    const bucket = first.bucket as bigint;
    const { changes } = this.#purgeRows.run(channel, bucket, PURGE_ROWS_MAX);
    if (Number(changes) < PURGE_ROWS_MAX) this.#purgeDone.run(channel, bucket);
    return true;
  }

  purgePending(): boolean {
    return this.#purgeFirst.get() !== undefined;
  }

  /** After a rollback: what is remembered may not be there. */
  forget(): void {
    this.#cache.clear();
  }

  /** The bucket for a message, listed if it was not. */
  #listBucket(channel: bigint, id: bigint, cached: Bucket | undefined): Bucket {
    let bucket = this.#listedBucket(channel, id);
    if (bucket === undefined) {
      const width = this.#width.get(channel)?.width_ms;
      bucket = bucketOf(id, typeof width === 'bigint' ? width : BigInt(BUCKET_WIDTH_MS));
      // Rows of a deleted channel that still wait here for their removal must not come back into sight.
      if (Number(this.#purgeDone.run(channel, bucket.bucket).changes) > 0)
        this.#purgeBucket.run(channel, bucket.bucket);
      this.#bucketInsert.run(channel, bucket.firstId, bucket.bucket, bucket.widthMs);
    }
    if (cached === undefined || bucket.firstId > cached.firstId) {
      if (this.#cache.size >= BUCKET_CACHE_MAX) this.#cache.clear();
      this.#cache.set(channel, bucket);
    }
    return bucket;
  }

  #listedBucket(channel: bigint, id: bigint): Bucket | undefined {
    const row = this.#bucketBelow.get(channel, id);
    if (row === undefined) return undefined;
    const bucket = bucketAt(row.bucket as bigint, row.width_ms as bigint);
    return holds(bucket, id) ? bucket : undefined;
  }
}
