// Every engine passes the same suite: in memory, in this process on disk, and over the store's thread as the servers use it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { connectStore } from './client.ts';
import { storeConformance } from './conformance.ts';
import { MemoryStore } from './memory.ts';
import { openOffline } from './offline.ts';
import { start } from './store-thread.ts';
import { singleThread } from './test-runtime.ts';

const root = mkdtempSync(join(tmpdir(), 'guildhall-store-'));
let made = 0;
after(() => rmSync(root, { recursive: true, force: true }));

function newDirectory(): string {
  made += 1;
  return join(root, String(made));
}

storeConformance('memory', async () => new MemoryStore());

storeConformance('embedded, offline', async () => openOffline(newDirectory()));

storeConformance('embedded, store thread', async () => {
  const dataDir = newDirectory();
  const { runtime, end } = singleThread('store');
  start(runtime, { dataDir });
  const store = connectStore(runtime, dataDir);
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await end();
  };
  return store;
});
