// The node's threads as main sees them: boots them in order, joins each pair by two rings, replaces the ones that die, tells
// the others, and stops them. Main is thread 0 and has a runtime like every other.
//
// All workers are spawned at once and load their modules side by side; `start` of a kind runs when the kinds before it are
// ready. A thread that dies keeps its index; its successor has new rings and higher pids, so that nothing meant for the dead
// reaches the living.

import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { Control, createControl, GENERATION_MAX } from './control.ts';
import { asError } from './errors.ts';
import { GENERATIONS, THREADS_MAX } from './pid.ts';
import type { Path } from './plan.ts';
import { Poller, wakeIfAsleep } from './poller.ts';
import { createRing, RingReader, RingWriter } from './ring.ts';
import { ThreadRuntime } from './runtime.ts';
import type { LogEvent } from './runtime.ts';
import type { Runtime, ThreadInfo } from './types.ts';
import { chooseWaker, createThreadWaker } from './waker.ts';
import type { ThreadWaker, WakerKind } from './waker.ts';
import { EMERGENCY_MS, WorkerThread } from './worker-thread.ts';
import type { ThreadExit, ThreadSpec } from './worker-thread.ts';

export type { ThreadExit, ThreadSpec } from './worker-thread.ts';

/** One direction of one pair of threads: 256 KiB are some milliseconds of a busy path; 8 threads cost 14 MB of address space. */
export const RING_BYTES_DEFAULT = 256 * 1024;
/** A thread that dies more often than this within the window will not be cured by another start. */
export const THREAD_RESTARTS_MAX = 5;
export const THREAD_RESTART_WINDOW_MS = 60_000;
export const THREAD_BACKOFF_MS_MIN = 50;
export const THREAD_BACKOFF_MS_MAX = 5_000;

export interface BootOptions {
  /** Main's clock; workers have the system's. */
  readonly clock?: Clock;
  readonly threads: readonly ThreadSpec[];
  readonly ringBytes?: number;
  readonly log?: (event: LogEvent) => void;
  /** How threads are woken; default: by the binding where it is there. */
  readonly waker?: WakerKind;
  /** A permanent thread died too often and stays down. */
  readonly onFatal?: (thread: ThreadInfo, error: Error | undefined) => void;
}

export interface NodeRuntime {
  readonly runtime: Runtime;
  /** Orderly: kind by kind in this order, then what is not named, later kinds first; main's actors last. */
  stop(kindOrder?: readonly string[]): Promise<void>;
  /** Ends one thread the hard way; a permanent one is restarted. */
  terminate(thread: number): Promise<void>;
  onThreadExit(listener: (thread: ThreadInfo, exit: ThreadExit) => void): void;
}

export async function bootRuntime(options: BootOptions): Promise<NodeRuntime> {
  const node = new Node(options);
  await node.boot();
  return node;
}

class Node implements NodeRuntime {
  readonly #options: BootOptions;
  readonly #log: (event: LogEvent) => void;
  readonly #controlMemory = createControl();
  readonly #control = new Control(this.#controlMemory);
  readonly #topology: ThreadInfo[] = [{ index: 0, kind: 'main' }];
  readonly #threads: WorkerThread[] = [];
  readonly #exitListeners: ((thread: ThreadInfo, exit: ThreadExit) => void)[] = [];
  readonly #restartTimers = new Set<NodeJS.Timeout>();
  readonly #main: ThreadRuntime;
  readonly #poller: Poller;
  #waker: ThreadWaker | undefined;
  #booted = false;
  #stopping: Promise<void> | undefined;

  constructor(options: BootOptions) {
    this.#options = options;
    this.#log = options.log ?? (() => undefined);
    for (const spec of options.threads) {
      for (let i = 0; i < (spec.count ?? 1); i += 1) {
        const index = this.#topology.length;
        this.#topology.push({ index, kind: spec.kind });
        this.#threads.push(
          new WorkerThread(
            index,
            spec,
            this.#control,
            (thread) => this.#waker?.wake(thread),
            this.#log,
            (thread, exit) => this.#onExit(thread, exit),
          ),
        );
      }
    }
    assert(this.#topology.length <= THREADS_MAX, `more than ${THREADS_MAX} threads`);
    this.#main = new ThreadRuntime({
      thread: 0,
      kind: 'main',
      topology: this.#topology,
      log: this.#log,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      wake: (thread) => {
        if (this.#waker !== undefined) wakeIfAsleep(this.#control, this.#waker, thread);
      },
    });
    this.#poller = new Poller(this.#main, this.#control, () => undefined);
  }

  get runtime(): Runtime {
    return this.#main;
  }

  async boot(): Promise<void> {
    const kind = this.#options.waker ?? (await chooseWaker());
    this.#waker = await createThreadWaker(kind, 0, this.#control, this.#poller.onWake);
    process.on('exit', this.#onProcessExit);
    // Each pair's path is laid by the later of the two, so one pass lays them all.
    for (const thread of this.#threads) this.#spawn(thread);
    this.#poller.poll();
    try {
      for (const spec of this.#options.threads) {
        await Promise.all(this.#threads.filter((thread) => thread.spec === spec).map((thread) => thread.start()));
      }
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#booted = true;
  }

  onThreadExit(listener: (thread: ThreadInfo, exit: ThreadExit) => void): void {
    this.#exitListeners.push(listener);
  }

  async terminate(thread: number): Promise<void> {
    const worker = this.#threads.find(({ index }) => index === thread);
    assert(worker !== undefined, `no worker thread ${thread}`);
    await worker.kill();
  }

  stop(kindOrder: readonly string[] = []): Promise<void> {
    this.#stopping ??= this.#stop(kindOrder);
    return this.#stopping;
  }

  async #stop(kindOrder: readonly string[]): Promise<void> {
    for (const timer of this.#restartTimers) clearTimeout(timer);
    this.#restartTimers.clear();
    const kinds = this.#options.threads.map(({ kind }) => kind).reverse();
    for (const kind of new Set([...kindOrder, ...kinds])) {
      await Promise.all(
        this.#threads.filter((thread) => thread.spec.kind === kind).map((thread) => thread.stop('shutdown')),
      );
    }
    await this.#main.shutdown();
    this.#poller.close();
    this.#waker?.close();
    process.off('exit', this.#onProcessExit);
  }

  #info(thread: number): ThreadInfo {
    return this.#topology[thread] as ThreadInfo;
  }

  /** Starts a worker and lays its paths to main and to every thread that is up. */
  #spawn(thread: WorkerThread): void {
    const paths: Path[] = [];
    for (const other of [undefined, ...this.#threads]) {
      if (other === thread || other?.isUp === false) continue;
      const [near, far] = this.#layPath(other?.index ?? 0, thread.index);
      paths.push(far);
      if (other === undefined) this.#attachMain(near);
      else other.post({ t: 'attach', path: near }, near.port === undefined ? [] : [near.port]);
    }
    thread.spawn({
      thread: thread.index,
      kind: thread.spec.kind,
      module: thread.spec.module,
      options: thread.spec.options,
      topology: this.#topology,
      control: this.#controlMemory,
      waker: this.#waker?.kind ?? 'port',
      firstGeneration: (this.#control.get(thread.index, GENERATION_MAX) + 1) % GENERATIONS,
      paths,
    });
  }

  #layPath(a: number, b: number): [Path, Path] {
    const bytes = this.#options.ringBytes ?? RING_BYTES_DEFAULT;
    const ab = createRing(bytes);
    const ba = createRing(bytes);
    let ports: [MessagePort | undefined, MessagePort | undefined] = [undefined, undefined];
    if (this.#waker?.kind === 'port') {
      const channel = new MessageChannel();
      ports = [channel.port1, channel.port2];
    }
    return [
      { thread: b, out: ab, in: ba, port: ports[0] },
      { thread: a, out: ba, in: ab, port: ports[1] },
    ];
  }

  #attachMain(path: Path): void {
    this.#main.links.attach(path.thread, new RingWriter(path.out), new RingReader(path.in));
    this.#waker?.connect(path.thread, path.port);
  }

  #onExit(thread: WorkerThread, exit: ThreadExit): void {
    const info = this.#info(thread.index);
    for (const other of this.#threads) other.post({ t: 'detach', thread: thread.index });
    this.#main.detach(thread.index);
    this.#waker?.disconnect(thread.index);
    // The dead may have claimed main's wake-up and not lived to send it.
    this.#poller.poll();
    this.#main.threadChanged(thread.index, false);
    const expected = thread.stopping || this.#stopping !== undefined;
    if (!expected) {
      this.#log({
        event: 'thread died',
        thread: thread.index,
        kind: info.kind,
        code: exit.code,
        ...(exit.error === undefined ? {} : { error: exit.error.stack ?? exit.error.message }),
      });
    }
    for (const listener of this.#exitListeners) {
      try {
        listener(info, exit);
      } catch (thrown) {
        this.#log({ event: 'listener failed', thread: 0, error: asError(thrown).stack });
      }
    }
    // A thread that dies before the node is up fails the boot; afterwards it is replaced.
    if (expected || !this.#booted || thread.spec.restart === 'never') return;
    this.#scheduleRestart(thread, exit);
  }

  #scheduleRestart(thread: WorkerThread, exit: ThreadExit): void {
    const now = performance.now();
    thread.restarts = thread.restarts.filter((at) => now - at < THREAD_RESTART_WINDOW_MS);
    const info = this.#info(thread.index);
    if (thread.restarts.length >= THREAD_RESTARTS_MAX) {
      this.#log({ event: 'thread given up', thread: info.index, kind: info.kind, restarts: thread.restarts.length });
      this.#options.onFatal?.(info, exit.error);
      return;
    }
    const most = Math.min(THREAD_BACKOFF_MS_MIN * 2 ** thread.restarts.length, THREAD_BACKOFF_MS_MAX);
    thread.restarts.push(now);
    const timer = setTimeout(
      () => {
        this.#restartTimers.delete(timer);
        this.#restart(thread);
      },
      most / 2 + (Math.random() * most) / 2,
    );
    this.#restartTimers.add(timer);
  }

  #restart(thread: WorkerThread): void {
    if (this.#stopping !== undefined) return;
    this.#spawn(thread);
    thread.start().then(
      () => {
        this.#log({ event: 'thread restarted', thread: thread.index, kind: thread.spec.kind });
        for (const other of this.#threads) if (other !== thread) other.post({ t: 'up', thread: thread.index });
        this.#main.threadChanged(thread.index, true);
      },
      // Its exit is handled where all exits are.
      () => undefined,
    );
  }

  /** Main exits, by whatever way: Apps must be closed before the threads are torn down, or the process aborts. */
  readonly #onProcessExit = (): void => {
    const deadline = performance.now() + EMERGENCY_MS;
    for (const thread of this.#threads) thread.requestEmergency();
    for (const thread of this.#threads) {
      if (thread.awaitEmergency(Math.max(1, deadline - performance.now()))) continue;
      this.#log({ event: 'thread did not close before exit', thread: thread.index, kind: thread.spec.kind });
    }
  };
}
