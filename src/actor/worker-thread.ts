// Main's hold on one place in the node's list of threads: the worker that fills it now, and how often it had to be replaced.

import { Worker } from 'node:worker_threads';
import type { MessagePort, ResourceLimits } from 'node:worker_threads';
import { REQUEST, REQUEST_EMERGENCY, REQUEST_NONE, RUNNING, STATE, STOPPED } from './control.ts';
import type { Control } from './control.ts';
import type { LogEvent } from './runtime.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './plan.ts';

/** Kept in step with its use: an orderly stop may wait for clients and for the last commits. */
export const STOP_MS = 15_000;
/** How long a thread may take to close its App before it is terminated regardless, and before main's exit goes on. */
export const EMERGENCY_MS = 2_000;

export interface ThreadSpec {
  readonly kind: string;
  /** File URL of a module that exports `start(runtime, options)` and may export `stop(reason)`. */
  readonly module: string;
  /** Structured-cloneable; also passed again at each restart. */
  readonly options: unknown;
  readonly count?: number;
  readonly restart: 'permanent' | 'never';
  readonly resourceLimits?: ResourceLimits;
}

export interface ThreadExit {
  readonly code: number;
  /** What was uncaught, or why the worker was ended by Node (out of memory). */
  readonly error: Error | undefined;
}

export class WorkerThread {
  readonly index: number;
  readonly spec: ThreadSpec;
  readonly #control: Control;
  readonly #wake: (thread: number) => void;
  readonly #log: (event: LogEvent) => void;
  readonly #onExit: (thread: WorkerThread, exit: ThreadExit) => void;
  #worker: Worker | null = null;
  #hasStop = false;
  #error: Error | undefined;
  #loaded: PromiseWithResolvers<void> = Promise.withResolvers();
  #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  #exited: PromiseWithResolvers<void> = Promise.withResolvers();
  /** It was told to stop: its exit is not a failure. */
  stopping = false;
  /** Monotonic times of its latest restarts. */
  restarts: number[] = [];

  constructor(
    index: number,
    spec: ThreadSpec,
    control: Control,
    wake: (thread: number) => void,
    log: (event: LogEvent) => void,
    onExit: (thread: WorkerThread, exit: ThreadExit) => void,
  ) {
    this.index = index;
    this.spec = spec;
    this.#control = control;
    this.#wake = wake;
    this.#log = log;
    this.#onExit = onExit;
  }

  /** A worker exists, ready or not: it has rings and hears what is sent. */
  get isUp(): boolean {
    return this.#worker !== null;
  }

  spawn(plan: WorkerPlan): void {
    this.#hasStop = false;
    this.#error = undefined;
    this.#loaded = Promise.withResolvers();
    this.#ready = Promise.withResolvers();
    this.#exited = Promise.withResolvers();
    // Somebody may wait for these or not; a failure is told by the exit as well.
    this.#loaded.promise.catch(() => undefined);
    this.#ready.promise.catch(() => undefined);
    this.#control.set(this.index, STATE, RUNNING);
    this.#control.set(this.index, REQUEST, REQUEST_NONE);
    this.#control.set(this.index, STOPPED, 0);
    const ports = plan.paths.map(({ port }) => port).filter((port): port is MessagePort => port !== undefined);
    const worker = new Worker(new URL('./worker-entry.ts', import.meta.url), {
      name: `${plan.kind}-${plan.thread}`,
      workerData: plan,
      transferList: ports,
      ...(this.spec.resourceLimits === undefined ? {} : { resourceLimits: this.spec.resourceLimits }),
    });
    this.#worker = worker;
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error: unknown) => {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', (code) => this.#exit(code));
  }

  /** Starts the thread's module once it is loaded; resolves when it is ready. */
  async start(): Promise<void> {
    await this.#loaded.promise;
    this.post({ t: 'start' });
    await this.#ready.promise;
  }

  post(message: ToWorker, transfer: MessagePort[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  /** Orderly: the module's stop, then the actors'; after STOP_MS the thread is terminated. */
  async stop(reason: string): Promise<void> {
    if (this.#worker === null) return;
    this.stopping = true;
    this.post({ t: 'stop', reason });
    if (await within(this.#exited.promise, STOP_MS)) return;
    this.#log({ event: 'thread did not stop', thread: this.index, kind: this.spec.kind, afterMs: STOP_MS });
    await this.kill();
  }

  /** Ends the thread; lets it close what would abort the process first, if it still answers. */
  async kill(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    if (this.#hasStop) {
      this.requestEmergency();
      const waiting = Atomics.waitAsync(this.#control.words, this.#control.index(this.index, STOPPED), 0, EMERGENCY_MS);
      if (waiting.async) {
        // waitAsync alone does not hold the event loop.
        const hold = setTimeout(() => undefined, EMERGENCY_MS);
        await Promise.race([waiting.value, this.#exited.promise]);
        clearTimeout(hold);
      }
    }
    await worker.terminate();
    await this.#exited.promise;
  }

  /** Asks the thread to run the synchronous part of its module's stop. Main's exit handler uses it: nothing here may be async. */
  requestEmergency(): void {
    if (this.#worker === null || !this.#hasStop) return;
    this.#control.set(this.index, REQUEST, REQUEST_EMERGENCY);
    this.#wake(this.index);
  }

  /** Blocks until the thread has closed, for the time that is left of the deadline. */
  awaitEmergency(ms: number): boolean {
    if (this.#worker === null || !this.#hasStop) return true;
    Atomics.wait(this.#control.words, this.#control.index(this.index, STOPPED), 0, ms);
    return this.#control.get(this.index, STOPPED) === 1;
  }

  #hear(message: FromWorker): void {
    if (message.t === 'log') this.#log(message.event);
    else if (message.t === 'loaded') {
      this.#hasStop = message.hasStop;
      this.#loaded.resolve();
    } else if (message.t === 'ready') this.#ready.resolve();
    else this.#error ??= message.error;
  }

  #exit(code: number): void {
    this.#worker = null;
    const error = this.#error;
    const text = `thread ${this.index} (${this.spec.kind}) ended with code ${code}`;
    const failure = new Error(error === undefined ? text : `${text}: ${error.message}`, { cause: error });
    this.#loaded.reject(failure);
    this.#ready.reject(failure);
    this.#exited.resolve();
    this.#onExit(this, { code, error });
  }
}

async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const result = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return result;
}
