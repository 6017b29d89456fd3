// What only the engine on disk has: files, schemas, locks, groups, removal in slices.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EPOCH_MS, snowflakeAt } from '../../base/snowflake.ts';
import { encodeBatch } from './batch.ts';
import { BUCKET_WIDTH_MS } from './buckets.ts';
import { columnKinds } from './keys.ts';
import { lockDataDir, StoreLocked } from './lock.ts';
import { PURGE_ROWS_MAX } from './message-rows.ts';
import { openOffline } from './offline.ts';
import { StoreConflict, StoreError, type StoreOp, TABLES, type TableName } from './port.ts';
import { openReader } from './reader.ts';
import { EmbeddedWriter } from './writer.ts';

const root = mkdtempSync(join(tmpdir(), 'guildhall-embedded-'));
let made = 0;
after(() => rmSync(root, { recursive: true, force: true }));

function newDirectory(): string {
  made += 1;
  return join(root, String(made));
}

const day = 86_400_000;

function idOn(dayNumber: number, sequence = 0): string {
  return String(BigInt(snowflakeAt(EPOCH_MS + dayNumber * day + 1)) + BigInt(sequence));
}

function put(id: string): StoreOp {
  return { op: 'putMessage', message: { id, channel_id: '5', author_id: '1', nonce: null, doc: { content: id } } };
}

function rowsOf(dataDir: string, file: string, sql: string): unknown[] {
  const database = new DatabaseSync(join(dataDir, file), { readOnly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

test('everything is there after closing and opening again', async () => {
  const dataDir = newDirectory();
  const first = openOffline(dataDir);
  await first.commit([{ op: 'put', table: 'guild', key: ['1'], doc: { id: '1' } }, put(idOn(3))]);
  await first.close();
  const second = openOffline(dataDir);
  assert.deepEqual(await second.get('guild', ['1']), { id: '1' });
  assert.equal(await second.lastMessageId('5'), idOn(3));
  await second.close();
});

test('the schema has every table of the port, with its key columns in their kinds', async () => {
  const dataDir = newDirectory();
  await openOffline(dataDir).close();
  for (const [table, { file, key }] of Object.entries(TABLES)) {
    const columns = rowsOf(
      dataDir,
      `${file}.db`,
      `SELECT name, type, pk FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`,
    );
    const kinds = columnKinds(table as TableName);
    assert.deepEqual(
      columns.map((column) => ({ ...(column as object) })),
      key.map((name, index) => ({ name, type: kinds[index] === 'id' ? 'INTEGER' : 'TEXT', pk: index + 1 })),
      `${table}: add a migration to schema.ts`,
    );
  }
});

test('a file of a newer version is refused, by writer and reader, and left alone', async () => {
  for (const file of ['meta', 'messages']) {
    const dataDir = newDirectory();
    await openOffline(dataDir).close();
    const database = new DatabaseSync(join(dataDir, `${file}.db`));
    database.exec('INSERT INTO schema_version VALUES (9999, 0)');
    database.close();
    const newer = (error: Error) =>
      error instanceof StoreError && /newer Guildhall/.test(error.message) && error.message.includes(`${file}.db`);
    assert.throws(() => openOffline(dataDir), newer);
    assert.throws(() => openReader(dataDir), newer);
    lockDataDir(dataDir).release();
  }
});

test('a file that is no database, or a damaged one, is a StoreError that names it', async () => {
  const dataDir = newDirectory();
  await openOffline(dataDir).close();
  writeFileSync(join(dataDir, 'messages.db'), 'this was a database once'.repeat(1_000));
  const damaged = (error: Error) => error instanceof StoreError && /messages\.db.*damaged/.test(error.message);
  assert.throws(() => openOffline(dataDir), damaged);
  assert.throws(() => openReader(dataDir), damaged);
});

test('a directory without a store, or that cannot be made, is a StoreError that says so', () => {
  const isStoreError = (error: Error) => error instanceof StoreError && error.message.includes(root);
  assert.throws(() => openReader(newDirectory()), isStoreError);
  const file = join(root, 'a-file');
  writeFileSync(file, '');
  assert.throws(() => openOffline(join(file, 'data')), isStoreError);
});

test('a second writer is refused while the first has the directory, and told who has it', async () => {
  const dataDir = newDirectory();
  const store = openOffline(dataDir, 'guild fill');
  const locked = (error: Error) =>
    error instanceof StoreLocked && error.holder?.pid === process.pid && /guild fill.*stop it/.test(error.message);
  assert.throws(() => openOffline(dataDir), locked);
  assert.throws(() => lockDataDir(dataDir), locked);
  await store.close();
  const lock = lockDataDir(dataDir);
  lock.release();
  lock.release();
});

test('the lock holds between processes, also when nothing refers to it, and dies with its process', async () => {
  const dataDir = newDirectory();
  const module = JSON.stringify(fileURLToPath(new URL('lock.ts', import.meta.url)));
  const script = `import(${module}).then(async ({ lockDataDir }) => {
    lockDataDir(${JSON.stringify(dataDir)}, 'serve');
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise(setImmediate);
      gc();
    }
    console.log('held');
    setInterval(() => {}, 1_000);
  })`;
  const child = spawn(process.execPath, ['--expose-gc', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    assert.throws(
      () => openOffline(dataDir),
      (error: Error) =>
        error instanceof StoreLocked && error.holder?.pid === child.pid && error.holder?.role === 'serve',
    );
  } finally {
    child.kill('SIGKILL');
    await exit;
  }
  await openOffline(dataDir).close();
});

test('what is submitted in one turn shares a transaction, and a conflict there is alone', async () => {
  const writer = new EmbeddedWriter(newDirectory());
  const insert = (name: string) =>
    writer.commit(encodeBatch([put(idOn(1)), { op: 'insert', table: 'username', key: [name], doc: {} }]));
  await insert('taken');
  const before = writer.stats();
  const ends = await Promise.allSettled(['a', 'taken', 'b', 'a'].map(insert));
  assert.deepEqual(
    ends.map((end) => (end.status === 'rejected' ? end.reason instanceof StoreConflict : 'kept')),
    ['kept', true, 'kept', true],
  );
  const now = writer.stats();
  assert.equal(now.commits - before.commits, 1);
  assert.equal(now.batches - before.batches, 4);
  assert.equal(now.conflicts - before.conflicts, 2);
  writer.close();
});

test('closing commits what was submitted before it', async () => {
  const dataDir = newDirectory();
  const writer = new EmbeddedWriter(dataDir);
  const commit = writer.commit(encodeBatch([{ op: 'put', table: 'setting', key: ['x'], doc: { x: 1 } }]));
  writer.close();
  await commit;
  const reader = openReader(dataDir);
  assert.deepEqual(await reader.get('setting', ['x']), { x: 1 });
  await reader.close();
});

test('buckets are listed exactly while they hold a message', async () => {
  const dataDir = newDirectory();
  const store = openOffline(dataDir);
  const listed = () =>
    rowsOf(dataDir, 'messages.db', 'SELECT bucket, width_ms FROM channel_bucket ORDER BY first_id').map((row) => ({
      ...(row as object),
    }));
  const bucket = (number: number) => ({ bucket: number, width_ms: BUCKET_WIDTH_MS });
  await store.commit([put(idOn(0)), put(idOn(9)), put(idOn(10)), put(idOn(35)), put(idOn(35, 1))]);
  assert.deepEqual(listed(), [bucket(0), bucket(1), bucket(3)]);
  await store.commit([
    { op: 'deleteMessage', channel_id: '5', id: idOn(35) },
    { op: 'deleteMessage', channel_id: '5', id: idOn(10) },
  ]);
  assert.deepEqual(listed(), [bucket(0), bucket(3)]);
  await store.commit([put(idOn(11))]);
  assert.deepEqual(listed(), [bucket(0), bucket(1), bucket(3)]);
  await store.close();
});

test('a channel may go on with a narrower width: old and new buckets read as one history', async () => {
  const dataDir = newDirectory();
  const first = openOffline(dataDir);
  const ids = [1, 5, 12, 18].map((dayNumber) => idOn(dayNumber));
  await first.commit(ids.map(put));
  await first.close();
  const database = new DatabaseSync(join(dataDir, 'messages.db'));
  database.exec(`INSERT INTO channel_state VALUES (5, ${day}, 0)`);
  database.close();
  const store = openOffline(dataDir);
  ids.push(idOn(20), idOn(21), idOn(21, 1));
  await store.commit([...ids.slice(4).map(put), put(idOn(12))]);
  assert.deepEqual(
    (await store.messages('5', { limit: 10 })).map(({ id }) => id),
    ids.toReversed(),
  );
  assert.deepEqual(
    (await store.messages('5', { limit: 3, after: ids[2] ?? '' })).map(({ id }) => id),
    ids.slice(3, 6).toReversed(),
  );
  for (const id of ids) assert.equal((await store.message('5', id))?.id, id);
  assert.equal(rowsOf(dataDir, 'messages.db', 'SELECT * FROM channel_bucket').length, 4);
  await store.close();
});

test('a deleted channel’s rows are removed in slices, also by the next process', { timeout: 15_000 }, async () => {
  const dataDir = newDirectory();
  const count = PURGE_ROWS_MAX * 2 + 10;
  const rows = () =>
    Number((rowsOf(dataDir, 'messages.db', 'SELECT count(*) AS n FROM message')[0] as { n: number }).n);
  const first = openOffline(dataDir);
  await first.commit(Array.from({ length: count }, (_, index) => put(idOn(1, index))));
  await first.commit([{ op: 'deleteChannelMessages', channel_id: '5' }]);
  assert.deepEqual(await first.messages('5', { limit: 1 }), []);
  assert.equal(rows(), count);
  await first.close();
  const second = openOffline(dataDir);
  while (rows() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await second.highWaterId('5'), idOn(1, count - 1));
  await second.close();
});

test('many readers read while the writer writes', async () => {
  const dataDir = newDirectory();
  const writer = new EmbeddedWriter(dataDir);
  const readers = Array.from({ length: 8 }, () => openReader(dataDir));
  for (let index = 0; index < 20; index += 1) {
    await writer.commit(
      encodeBatch([{ op: 'put', table: 'setting', key: ['x'], doc: { index } }, put(idOn(1, index))]),
    );
    for (const reader of readers) {
      assert.deepEqual(await reader.get('setting', ['x']), { index });
      assert.equal((await reader.messages('5', { limit: 100 })).length, index + 1);
    }
  }
  await Promise.all(readers.map((reader) => reader.close()));
  writer.close();
});
