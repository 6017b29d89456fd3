// The actor runtime: spawn, local messages, and messages between threads beside a bare MessagePort in the same run.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Bench } from 'tinybench';
import { bootRuntime } from '../../src/actor/boot.ts';
import { ThreadRuntime } from '../../src/actor/runtime.ts';
import type { Message, Pid, Runtime } from '../../src/actor/types.ts';
import type { Row, SuiteOptions } from '../row.ts';

const SUITE = 'actor';
const BATCH = 1_000;
const module = new URL('./actor-thread.ts', import.meta.url).href;

export async function run({ full }: SuiteOptions): Promise<Row[]> {
  return [...(await local(full)), idleActor(full ? 200_000 : 20_000), ...(await across(full))];
}

function row(name: string, subject: string, unit: string, value: number, n: number): Row {
  return { suite: SUITE, case: name, subject, unit, value, n };
}

async function local(full: boolean): Promise<Row[]> {
  const runtime = new ThreadRuntime({ thread: 0, kind: 'main' });
  const behaviour = { handleCast: () => undefined, handleCall: () => 1 };
  const pid = runtime.spawn(behaviour);
  const message: Message = { k: 'x' };
  const ring: Pid[] = [];
  let hops = 0;
  let arrived: () => void = () => undefined;
  for (let i = 0; i < 1_000; i += 1) {
    const next = (i + 1) % 1_000;
    ring.push(
      runtime.spawn({
        handleCast: (token) => {
          hops -= 1;
          if (hops > 0) runtime.cast(ring[next] as Pid, token);
          else arrived();
        },
      }),
    );
  }
  let victims = runtime;
  const bench = new Bench({ time: full ? 1_000 : 50, warmupTime: full ? 300 : 20 });
  bench
    .add(
      'spawn',
      () => {
        for (let i = 0; i < BATCH; i += 1) victims.spawn(behaviour);
      },
      {
        beforeEach: () => {
          victims = new ThreadRuntime({ thread: 0, kind: 'main' });
        },
      },
    )
    .add('local call, one at a time', async () => {
      for (let i = 0; i < BATCH; i += 1) await runtime.call(pid, message);
    })
    .add('local call, 1,000 at a time', async () => {
      const calls = [];
      for (let i = 0; i < BATCH; i += 1) calls.push(runtime.call(pid, message));
      await Promise.all(calls);
    })
    .add('local cast', async () => {
      for (let i = 0; i < BATCH; i += 1) runtime.cast(pid, message);
      await runtime.call(pid, message);
    })
    .add('ring of 1,000 actors, hop', async () => {
      hops = BATCH;
      await new Promise<void>((resolve) => {
        arrived = resolve;
        runtime.cast(ring[0] as Pid, message);
      });
    });
  await bench.run();
  await runtime.shutdown();
  return bench.tasks.map((task) => {
    const { result } = task;
    if (!('latency' in result)) throw new Error(`${task.name} did not complete`);
    return row(task.name, 'guildhall', 'ns', (result.latency.p50 * 1e6) / BATCH, result.latency.samplesCount * BATCH);
  });
}

/** Heap of an actor with a behaviour of one field, mailbox empty. */
function idleActor(count: number): Row {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  class Idle {
    value = 0;
    handleCast(): void {
      this.value += 1;
    }
  }
  const runtime = new ThreadRuntime({ thread: 0, kind: 'main' });
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i += 1) runtime.spawn(new Idle());
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  if (runtime.stats().actors !== count) throw new Error('actors went missing');
  return row('idle actor', 'guildhall', 'bytes', bytes, count);
}

async function across(full: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  const node = await bootRuntime({ threads: [{ kind: 'peer', module, options: {}, restart: 'never' }] });
  const channel = new MessageChannel();
  const worker = new Worker(new URL(module), { workerData: { peer: channel.port2 }, transferList: [channel.port2] });
  const port = channel.port1;
  const guildhall = ours(node.runtime);
  const peer = theirs(port);
  const messages = full ? 400_000 : 10_000;
  const calls = full ? 20_000 : 1_000;
  // Peers take turns, so that a slow moment of the machine meets both.
  const rounds = full ? 5 : 1;
  const shapes: [string, Message][] = [
    ['64 B bytes', { bytes: new Uint8Array(64).fill(1) }],
    ['1 KB bytes', { bytes: new Uint8Array(1_024).fill(1) }],
    ['1 KB bytes with 5 fields', { ...FIELDS, bytes: new Uint8Array(1_024).fill(1) }],
  ];
  for (const [name, message] of shapes) {
    const samples: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      samples[0].push(await rate(guildhall, message, messages));
      samples[1].push(await rate(peer, message, messages));
    }
    rows.push(row(`cross-thread cast, ${name}`, 'guildhall', 'messages/s', median(samples[0]), messages * rounds));
    rows.push(row(`cross-thread cast, ${name}`, 'MessagePort', 'messages/s', median(samples[1]), messages * rounds));
  }
  for (const [subject, side] of [
    ['guildhall', guildhall],
    ['MessagePort', peer],
  ] as const) {
    const times = await roundTrips(side, calls);
    rows.push(row('cross-thread call round trip p50', subject, 'us', percentile(times, 0.5), calls));
    rows.push(row('cross-thread call round trip p99', subject, 'us', percentile(times, 0.99), calls));
  }
  worker.postMessage('end');
  port.close();
  await node.stop();
  return rows;
}

const FIELDS = {
  k: 'event',
  topic: 'guild:1098765432109876543',
  intents: 512,
  channel: '1098765432109876544',
  split: 900,
};

/** One way of reaching the other thread. */
interface Side {
  send(message: Message): void;
  /** Messages received since the last count, once all sent are. */
  count(): Promise<number>;
  echo(): Promise<unknown>;
  /** Far behind: a sender that goes on would only fill memory (and ours would begin to drop). */
  isBehind(): boolean;
}

const BEHIND_BYTES = 1024 * 1024;

function ours(runtime: Runtime): Side {
  const to = { thread: 1, name: 'counter' };
  return {
    send: (message) => runtime.cast(to, message),
    count: () => runtime.call<number>(to, { k: 'count' }),
    echo: () => runtime.call(to, { k: 'echo' }),
    isBehind: () => runtime.stats().ringBytesQueued > BEHIND_BYTES,
  };
}

function theirs(port: MessageChannel['port1']): Side {
  let answer: (value: unknown) => void = () => undefined;
  port.on('message', (value: unknown) => answer(value));
  const ask = (k: string): Promise<unknown> =>
    new Promise((resolve) => {
      answer = resolve;
      port.postMessage({ k });
    });
  return {
    send: (message) => port.postMessage(message),
    count: () => ask('count') as Promise<number>,
    echo: () => ask('echo'),
    isBehind: () => false,
  };
}

/** Received messages per second: all that were sent are counted at the other side before the clock stops. */
async function rate(side: Side, message: Message, count: number): Promise<number> {
  const from = performance.now();
  for (let sent = 0; sent < count; sent += 1) {
    side.send(message);
    if (sent % BATCH !== BATCH - 1) continue;
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (side.isBehind());
  }
  const received = await side.count();
  if (received !== count) throw new Error(`${received} of ${count} messages arrived`);
  return count / ((performance.now() - from) / 1_000);
}

async function roundTrips(side: Side, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count + count / 10; i += 1) {
    const from = performance.now();
    await side.echo();
    if (i >= count / 10) times.push((performance.now() - from) * 1_000);
  }
  return times.sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
