// What was acknowledged is there after the process was killed, or the disk refused; and no batch is there by half.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { batchOf } from './fixtures/acknowledged-writer.ts';
import { openOffline } from './offline.ts';
import type { Store, StoreOp } from './port.ts';

const FIXTURE = fileURLToPath(new URL('fixtures/acknowledged-writer.ts', import.meta.url));

interface Run {
  /** Greatest acknowledged batch number by producer. */
  readonly acknowledged: Map<number, number>;
  readonly failures: string[];
  readonly signal: string | null;
}

/** Runs the writer; kills it -9 when `killAfter` batches were acknowledged. `fileBlocks` limits its files (of 512 bytes). */
async function runWriter(
  dataDir: string,
  round: number,
  limit: { killAfter?: number; fileBlocks?: number },
): Promise<Run> {
  const shell = limit.fileBlocks === undefined ? 'exec "$@"' : `ulimit -f ${limit.fileBlocks}; exec "$@"`;
  const child = spawn('sh', ['-c', shell, 'sh', process.execPath, FIXTURE, dataDir, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = new Promise<string | null>((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
  const acknowledged = new Map<number, number>();
  const failures: string[] = [];
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [producer = '', number = ''] = line.split(' ');
    if (producer === 'failed') {
      failures.push(number);
      continue;
    }
    acknowledged.set(Number(producer), Number(number));
    count += 1;
    if (count === limit.killAfter) child.kill('SIGKILL');
  }
  return { acknowledged, failures, signal: await exit };
}

async function isThere(store: Store, op: StoreOp | undefined): Promise<boolean> {
  if (op?.op === 'putMessage') return (await store.message(op.message.channel_id, op.message.id)) !== null;
  assert.ok(op?.op === 'put' || op?.op === 'insert');
  return (await store.get(op.table, op.key)) !== null;
}

async function checkRound(store: Store, round: number, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  for (const [producer, last] of acknowledged) {
    // One beyond the last acknowledged may have been committed, never more: each producer waits for its answer.
    for (let number = 0; number <= last + 2; number += 1) {
      const there = await Promise.all(batchOf(round, producer, number).map((op) => isThere(store, op)));
      const where = `batch ${round}:${producer}:${number}`;
      assert.equal(there[0], there[1], `${where} is half in meta.db`);
      assert.equal(there[2], there[3], `${where} is half in messages.db`);
      if (number <= last) assert.ok(there[0] && there[2], `${where} was acknowledged and is lost`);
      if (number === last + 2) assert.ok(!there[0] && !there[2], `${where} was never submitted`);
    }
  }
}

test('kill -9 loses no acknowledged batch and leaves none by half, time after time', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-kill-'));
  try {
    const rounds: Map<number, number>[] = [];
    for (const [round, killAfter] of [1, 150, 700].entries()) {
      const run = await runWriter(dataDir, round, { killAfter });
      assert.equal(run.signal, 'SIGKILL');
      rounds.push(run.acknowledged);
      const store = openOffline(dataDir);
      try {
        for (const [past, acknowledged] of rounds.entries()) await checkRound(store, past, acknowledged);
      } finally {
        await store.close();
      }
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a disk that takes no more rejects with StoreError, and keeps what was acknowledged', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-full-'));
  try {
    const run = await runWriter(dataDir, 0, { fileBlocks: 4_000 });
    assert.equal(run.signal, null);
    assert.ok(run.failures.length > 0);
    assert.deepEqual(new Set(run.failures), new Set(['StoreError']));
    const store = openOffline(dataDir);
    try {
      await checkRound(store, 0, run.acknowledged);
      await store.commit([{ op: 'put', table: 'setting', key: ['after'], doc: {} }]);
    } finally {
      await store.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
