// A batch as it goes to the writer: checked, its documents already text. Encoding happens on the caller's thread, so that the
// writer only binds and steps; and a wrong key or document is the caller's error alone, never a group's.

import type { Snowflake } from '../../base/snowflake.ts';
import { checkKey, columnKinds, idInteger, isKeyValue } from './keys.ts';
import {
  BATCH_OPS_MAX,
  DOC_CHARS_MAX,
  type Doc,
  type MessageRecord,
  StoreError,
  type StoreOp,
  type TableName,
} from './port.ts';

/** Plain JSON: it crosses the rings. `d` is the document's JSON text, `n` the nonce's. */
export type EncodedOp =
  | { readonly o: 'put' | 'insert'; readonly t: TableName; readonly k: readonly string[]; readonly d: string }
  | { readonly o: 'delete' | 'deletePrefix'; readonly t: TableName; readonly k: readonly string[] }
  | {
      readonly o: 'putMessage';
      readonly c: Snowflake;
      readonly i: Snowflake;
      readonly a: Snowflake;
      readonly n: string | null;
      readonly d: string;
    }
  | { readonly o: 'deleteMessage'; readonly c: Snowflake; readonly i: Snowflake }
  | { readonly o: 'deleteChannelMessages'; readonly c: Snowflake };

export type EncodedBatch = readonly EncodedOp[];

/** Throws StoreError on what no engine can store. */
export function encodeBatch(ops: readonly StoreOp[]): EncodedBatch {
  if (ops.length > BATCH_OPS_MAX) {
    throw new StoreError(`a batch has at most ${BATCH_OPS_MAX} operations, not ${ops.length}: commit it in parts`);
  }
  return ops.map(encodeOp);
}

function encodeOp(op: StoreOp): EncodedOp {
  switch (op.op) {
    case 'put':
    case 'insert':
      checkStoredKey(op.table, op.key, true);
      return { o: op.op, t: op.table, k: op.key, d: docText(op.doc) };
    case 'delete':
      checkStoredKey(op.table, op.key, true);
      return { o: op.op, t: op.table, k: op.key };
    case 'deletePrefix':
      if (op.key.length === 0) throw new StoreError('deletePrefix needs at least one key column');
      checkStoredKey(op.table, op.key, false);
      return { o: op.op, t: op.table, k: op.key };
    case 'putMessage': {
      const { id, channel_id: c, author_id: a, nonce, doc } = op.message;
      checkIds(c, id, a);
      return { o: op.op, c, i: id, a, n: nonce === null ? null : JSON.stringify(nonce), d: docText(doc) };
    }
    case 'deleteMessage':
      checkIds(op.channel_id, op.id);
      return { o: op.op, c: op.channel_id, i: op.id };
    case 'deleteChannelMessages':
      checkIds(op.channel_id);
      return { o: op.op, c: op.channel_id };
  }
}

function checkStoredKey(table: TableName, key: readonly string[], whole: boolean): void {
  checkKey(table, key, whole);
  const kinds = columnKinds(table);
  for (const [index, value] of key.entries()) {
    const kind = kinds[index] ?? 'text';
    if (!isKeyValue(kind, value)) {
      throw new StoreError(`${table}: ${JSON.stringify(value)} cannot be key column ${index} (${kind})`);
    }
  }
}

function checkIds(...ids: Snowflake[]): void {
  for (const id of ids) {
    if (typeof id !== 'string' || idInteger(id) === null) throw new StoreError(`${JSON.stringify(id)} is not an id`);
  }
}

/** JSON escapes lone surrogates and NUL, so any string comes back as it was. */
function docText(doc: Doc): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(doc);
  } catch (cause) {
    throw new StoreError('the document is not plain JSON', { cause });
  }
  if (text === undefined || !text.startsWith('{')) throw new StoreError('a document is an object');
  if (text.length > DOC_CHARS_MAX) throw new StoreError(`a document has at most ${DOC_CHARS_MAX} characters`);
  return text;
}

export function decodeMessage(
  channelId: Snowflake,
  id: Snowflake,
  authorId: Snowflake,
  nonce: string | null,
  doc: string,
): MessageRecord {
  return {
    id,
    channel_id: channelId,
    author_id: authorId,
    nonce: nonce === null ? null : (JSON.parse(nonce) as string),
    doc: JSON.parse(doc) as Doc,
  };
}
