// The first module of every worker thread: builds its runtime from the plan, loads the thread's own module, and sees to it that
// no way out leaves open what would abort the process: an uncaught error, an unhandled rejection, a stop, and the exit of main
// all go through the module's `stop` first.

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { Control, GENERATION_MAX, STOPPED } from './control.ts';
import { asError } from './errors.ts';
import type { FromWorker, Path, ThreadModule, ToWorker, WorkerPlan } from './plan.ts';
import { Poller, wakeIfAsleep } from './poller.ts';
import { RingReader, RingWriter } from './ring.ts';
import { ThreadRuntime } from './runtime.ts';
import { createThreadWaker } from './waker.ts';
import type { ThreadWaker } from './waker.ts';

const port = parentPort;
assert(port !== null, 'worker-entry runs in a worker');
const plan = workerData as WorkerPlan;
const control = new Control(plan.control);
let module: ThreadModule | undefined;
let waker: ThreadWaker | undefined;
let ended = false;

function tell(message: FromWorker): void {
  try {
    port?.postMessage(message);
  } catch (thrown) {
    // A log event that cannot be cloned: its name is better than nothing.
    if (message.t === 'log')
      port?.postMessage({ t: 'log', event: { event: message.event.event, error: String(thrown) } });
    else throw thrown;
  }
}

const runtime = new ThreadRuntime({
  thread: plan.thread,
  kind: plan.kind,
  topology: plan.topology,
  firstGeneration: plan.firstGeneration,
  onGeneration: (generation) => control.set(plan.thread, GENERATION_MAX, generation),
  log: (event) => tell({ t: 'log', event }),
  wake: (thread) => {
    if (waker !== undefined) wakeIfAsleep(control, waker, thread);
  },
});
const poller = new Poller(runtime, control, () => emergency('exit'));

/** The synchronous part of the module's stop, whatever state the thread is in. Once. */
function emergency(reason: string): void {
  if (ended) return;
  ended = true;
  try {
    const stopping = module?.stop?.(reason);
    if (stopping instanceof Promise) stopping.catch(() => undefined);
  } catch {
    // The thread ends anyway, and the first error is the one that counts.
  }
  control.set(plan.thread, STOPPED, 1);
  Atomics.notify(control.words, control.index(plan.thread, STOPPED));
  poller.close();
  runtime.close();
}

function crash(thrown: unknown): void {
  if (ended) return;
  tell({ t: 'crashed', error: plainCopy(asError(thrown)) });
  emergency('crash');
  process.exit(1);
}

/** Errors of any class and with any fields can be cloned as this. */
function plainCopy(error: Error): Error {
  const copy = new Error(error.message);
  copy.name = error.name;
  copy.stack = error.stack ?? `${error.name}: ${error.message}`;
  return copy;
}

process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);
process.on('exit', () => emergency('exit'));

function attach(path: Path): void {
  runtime.links.attach(path.thread, new RingWriter(path.out), new RingReader(path.in));
  waker?.connect(path.thread, path.port);
}

async function stop(reason: string): Promise<void> {
  if (ended) return;
  await module?.stop?.(reason);
  await runtime.shutdown();
  ended = true;
  control.set(plan.thread, STOPPED, 1);
  poller.close();
  waker?.close();
  process.exit(0);
}

waker = await createThreadWaker(plan.waker, plan.thread, control, poller.onWake);
for (const path of plan.paths) attach(path);
poller.poll();
// Not before: main's messages wait in the port until the thread can follow them.
port.on('message', (message: ToWorker) => {
  if (message.t === 'start') {
    Promise.resolve(module?.start(runtime, plan.options)).then(() => tell({ t: 'ready' }), crash);
  } else if (message.t === 'attach') {
    attach(message.path);
    // Somebody may have claimed a wake-up while this path was down: both ends look once without being asked.
    waker?.wake(message.path.thread);
    poller.poll();
  } else if (message.t === 'detach') {
    runtime.detach(message.thread);
    waker?.disconnect(message.thread);
    // The dead may have claimed this thread's wake-up and not lived to send it.
    poller.poll();
    runtime.threadChanged(message.thread, false);
  } else if (message.t === 'up') runtime.threadChanged(message.thread, true);
  else stop(message.reason).catch(crash);
});
module = (await import(plan.module)) as ThreadModule;
tell({ t: 'loaded', hasStop: module.stop !== undefined });
