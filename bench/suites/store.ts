// The embedded store: durable commits a second through a store thread of its own (group commit), and reads of a page of history.
// A commit here is what a created message costs: one row, acknowledged when it is on disk. The load comes from another thread, as
// it does from the actor threads; the store side is the writer itself, so that the figure is the store's and not the runtime's.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { EPOCH_MS, snowflakeAt } from '../../src/base/snowflake.ts';
import { encodeBatch, type EncodedBatch } from '../../src/state/store/batch.ts';
import type { StoreOp } from '../../src/state/store/port.ts';
import { openReader } from '../../src/state/store/reader.ts';
import { EmbeddedWriter } from '../../src/state/store/writer.ts';
import type { Row, SuiteOptions } from '../row.ts';

const PRODUCERS = [1, 16, 64, 256] as const;
/** Channels that the messages go to, in turn. */
const CHANNELS = 50;
const PAGE = 50;
const SEED = 20_260_101;

/** A 200-byte message as a client sends it. */
const CONTENT = 'Shall we meet at the town square tonight? '.repeat(4);

interface Commit {
  readonly number: number;
  readonly batch: EncodedBatch;
}

export async function run({ full }: SuiteOptions): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-store-'));
  try {
    const rows: Row[] = [];
    let next = 0;
    for (const producers of PRODUCERS) {
      const commits = full ? Math.min(100_000, 4_000 * producers) : 200 + producers * 2;
      const { perSecond, p99Ms } = await commitRate(dataDir, producers, commits, next);
      next += commits;
      rows.push(row(`durable commits, ${producers} producers`, 'commits/s', perSecond, commits));
      rows.push(row(`durable commit p99, ${producers} producers`, 'ms', p99Ms, commits));
    }
    rows.push(...(await reads(dataDir, next, full ? 20_000 : 500)));
    return rows;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function row(name: string, unit: string, value: number, n: number): Row {
  return { suite: 'store', case: name, subject: 'guildhall', unit, value, n };
}

/** The nth message of the run: channels in turn, a message a second. */
function messageId(number: number): string {
  return snowflakeAt(EPOCH_MS + 315_360_000_000 + number * 1_000);
}

function channelOf(number: number): string {
  return String(1_000_000_000_000_000_000n + BigInt(number % CHANNELS));
}

function createMessage(number: number): StoreOp {
  const id = messageId(number);
  return {
    op: 'putMessage',
    message: {
      id,
      channel_id: channelOf(number),
      author_id: '80351110224678912',
      nonce: id,
      doc: {
        type: 0,
        content: CONTENT,
        flags: 0,
        tts: false,
        mentions: [],
        mention_roles: [],
        attachments: [],
        embeds: [],
      },
    },
  };
}

/** `producers` callers, each waiting for its commit before the next. */
async function commitRate(
  dataDir: string,
  producers: number,
  commits: number,
  first: number,
): Promise<{ perSecond: number; p99Ms: number }> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { benchStore: dataDir } });
  const answers = new Map<number, () => void>();
  const failed = new Promise<never>((_, reject) => worker.on('error', reject));
  await Promise.race([new Promise((resolve) => worker.once('message', resolve)), failed]);
  worker.on('message', (numbers: readonly number[]) => {
    for (const number of numbers) {
      answers.get(number)?.();
      answers.delete(number);
    }
  });
  let turn: Commit[] = [];
  const commit = (number: number): Promise<void> => {
    if (turn.length === 0) {
      // What one turn of this thread asks for goes over in one message, as the rings do it.
      setImmediate(() => {
        worker.postMessage(turn);
        turn = [];
      });
    }
    turn.push({ number, batch: encodeBatch([createMessage(number)]) });
    return new Promise((resolve) => answers.set(number, resolve));
  };
  const latencies: number[] = [];
  let next = first;
  const produce = async (): Promise<void> => {
    while (next < first + commits) {
      const number = next;
      next += 1;
      const started = performance.now();
      await commit(number);
      latencies.push(performance.now() - started);
    }
  };
  try {
    const started = performance.now();
    await Promise.race([Promise.all(Array.from({ length: producers }, produce)), failed]);
    const seconds = (performance.now() - started) / 1_000;
    return { perSecond: commits / seconds, p99Ms: percentile(latencies, 0.99) };
  } finally {
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage(null);
    await exit;
  }
}

async function reads(dataDir: string, messages: number, count: number): Promise<Row[]> {
  const reader = openReader(dataDir);
  try {
    const random = generator(SEED);
    const measure = async (read: () => Promise<unknown>): Promise<number[]> => {
      const times: number[] = [];
      for (let index = 0; index < count; index += 1) {
        const started = performance.now();
        await read();
        times.push((performance.now() - started) * 1_000);
      }
      return times;
    };
    const anywhere = (): number => Math.floor(random() * messages);
    const newest = await measure(() => reader.messages(channelOf(anywhere()), { limit: PAGE }));
    const before = await measure(() => {
      const number = anywhere();
      return reader.messages(channelOf(number), { limit: PAGE, before: messageId(number) });
    });
    const one = await measure(() => {
      const number = anywhere();
      return reader.message(channelOf(number), messageId(number));
    });
    return [
      row(`newest page of ${PAGE}, p50`, 'us', percentile(newest, 0.5), count),
      row(`page of ${PAGE} before a message, p50`, 'us', percentile(before, 0.5), count),
      row('message by id, p50', 'us', percentile(one, 0.5), count),
    ];
  } finally {
    await reader.close();
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** mulberry32: the same messages are read in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The store's side: answers of one group go back in one message. */
function serveCommits(port: MessagePort, dataDir: string): void {
  const writer = new EmbeddedWriter(dataDir);
  let durable: number[] = [];
  port.postMessage(durable);
  port.on('message', (commits: readonly Commit[] | null) => {
    if (commits === null) {
      writer.close();
      port.close();
      return;
    }
    for (const { number, batch } of commits) {
      void writer.commit(batch).then(() => {
        if (durable.length === 0) {
          setImmediate(() => {
            port.postMessage(durable);
            durable = [];
          });
        }
        durable.push(number);
      });
    }
  });
}

const { benchStore } = (workerData ?? {}) as { benchStore?: string };
if (!isMainThread && parentPort !== null && benchStore !== undefined) serveCommits(parentPort, benchStore);
