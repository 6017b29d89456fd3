// The store as the server runs it: a thread of its own under the real runtime.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRuntime, type NodeRuntime } from '../../actor/boot.ts';
import { connectStore } from './client.ts';
import { openOffline } from './offline.ts';
import { type Store, StoreConflict, StoreError, type StoreOp } from './port.ts';
import { STORE } from './store-thread.ts';
import type { WriterStats } from './writer.ts';

const MODULE = new URL('store-thread.ts', import.meta.url).href;

async function withNode(body: (node: NodeRuntime, store: Store, dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-store-thread-'));
  const node = await bootRuntime({
    threads: [{ kind: 'store', module: MODULE, options: { dataDir }, restart: 'permanent' }],
    log: () => undefined,
  });
  const store = connectStore(node.runtime, dataDir);
  try {
    await body(node, store, dataDir);
  } finally {
    await store.close();
    await node.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function setting(name: string, doc: Record<string, unknown> = {}): StoreOp {
  return { op: 'put', table: 'setting', key: [name], doc };
}

test('commits of one turn share few transactions, and conflicts arrive as what they are', async () => {
  await withNode(async ({ runtime }, store) => {
    await store.commit([{ op: 'insert', table: 'username', key: ['ada'], doc: { user_id: '1' } }]);
    const commits = Array.from({ length: 200 }, (_, index) => store.commit([setting(`s${index}`, { index })]));
    const conflict = store.commit([setting('half'), { op: 'insert', table: 'username', key: ['ada'], doc: {} }]);
    await assert.rejects(
      conflict,
      (error: Error) => error instanceof StoreConflict && error.table === 'username' && error.key[0] === 'ada',
    );
    await Promise.all(commits);
    assert.equal(await store.get('setting', ['half']), null);
    assert.equal(await store.count('setting', []), 200);
    const thread = runtime.threads('store')[0]?.index ?? -1;
    const stats = await runtime.call<WriterStats>({ thread, name: STORE }, { k: 'stats' });
    assert.equal(stats.batches, 202);
    assert.ok(stats.commits < 100, `${stats.commits} transactions`);
  });
});

test('documents larger than a ring, and any string, cross unharmed', async () => {
  await withNode(async (_node, store) => {
    const doc = { text: '\ud800\u0000"\\€👍'.repeat(200_000) };
    await store.commit([setting('large', doc)]);
    assert.deepEqual(await store.get('setting', ['large']), doc);
  });
});

test('when the store’s thread dies, commits under way fail, what was acknowledged stays, and the next thread goes on', async () => {
  await withNode(async (node, store) => {
    await store.commit([setting('before')]);
    const thread = node.runtime.threads('store')[0]?.index ?? -1;
    const up = new Promise<void>((resolve) => node.runtime.onThreadChange((_thread, isUp) => isUp && resolve()));
    const under = store.commit([setting('under way')]).catch((error: unknown) => error);
    await node.terminate(thread);
    const outcome = await under;
    assert.ok(outcome === undefined || outcome instanceof StoreError, String(outcome));
    await up;
    await store.commit([setting('after')]);
    assert.notEqual(await store.get('setting', ['before']), null);
    assert.notEqual(await store.get('setting', ['after']), null);
    if (outcome === undefined) assert.notEqual(await store.get('setting', ['under way']), null);
  });
});

test('a clean stop commits what was submitted before it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-store-stop-'));
  try {
    const node = await bootRuntime({
      threads: [{ kind: 'store', module: MODULE, options: { dataDir }, restart: 'permanent' }],
      log: () => undefined,
    });
    const store = connectStore(node.runtime, dataDir);
    const commits = Array.from({ length: 50 }, (_, index) => store.commit([setting(`s${index}`)]));
    const settled = Promise.allSettled(commits);
    await node.stop();
    const acknowledged = (await settled).filter(({ status }) => status === 'fulfilled').length;
    await store.close();
    const offline = openOffline(dataDir);
    const count = await offline.count('setting', []);
    await offline.close();
    assert.ok(count >= acknowledged, `${count} of ${acknowledged}`);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a directory that cannot be opened fails the boot and says why', async () => {
  const node = bootRuntime({
    threads: [{ kind: 'store', module: MODULE, options: { dataDir: '/dev/null/data' }, restart: 'permanent' }],
    log: () => undefined,
  });
  await assert.rejects(node, /\/dev\/null\/data/);
});
