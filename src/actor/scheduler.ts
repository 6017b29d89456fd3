// The run queue of one thread. A turn runs actors in the order in which they became ready, each for MESSAGES_PER_RUN
// messages at most, for TURN_MS in all; then the event loop gets its turn, so that I/O breathes.
//
// A turn starts in a microtask of whatever made the first actor ready: no trip through the event loop for a local call. But
// a chain of calls and awaits would so run for ever without I/O; therefore microtask turns have a credit of messages and of
// time, and when it is used up the next turn comes from setImmediate, which renews it.

/** Messages one actor handles before the next actor runs: enough to keep its code and data warm, little enough to be fair. */
export const MESSAGES_PER_RUN = 64;
/** A turn ends after about this long: a tenth of what a person notices, with 10 threads' worth of I/O waiting. */
export const TURN_MS = 4;
/** Messages handled in microtask turns between two trips through the event loop. */
export const MICROTASK_MESSAGES = 2_048;
/** The clock is read once in this many messages, and once in this many turns. */
const CLOCK_EVERY = 16;

export interface Runnable {
  /** Handles up to `budget` messages; answers how many. */
  run(budget: number): number;
  /** More to do right now? */
  isReady(): boolean;
  nextReady: Runnable | null;
  inQueue: boolean;
}

/** The event loop as the scheduler uses it; a test passes its own. */
export interface SchedulerHost {
  microtask(job: () => void): void;
  immediate(job: () => void): void;
  nowMs(): number;
}

const resolved = Promise.resolve();

export const eventLoopHost: SchedulerHost = {
  microtask: (job) => void resolved.then(job),
  immediate: (job) => void setImmediate(job),
  nowMs: () => performance.now(),
};

export class Scheduler {
  readonly #host: SchedulerHost;
  readonly #afterTurn: () => void;
  #head: Runnable | null = null;
  #tail: Runnable | null = null;
  #armed = false;
  #running = false;
  #credit = MICROTASK_MESSAGES;
  #turns = 0;
  #sampledAt = 0;
  messagesHandled = 0;

  /** `afterTurn` sends what the turn wrote on its way. */
  constructor(host: SchedulerHost, afterTurn: () => void) {
    this.#host = host;
    this.#afterTurn = afterTurn;
  }

  get isIdle(): boolean {
    return this.#head === null && !this.#running;
  }

  enqueue(runnable: Runnable): void {
    if (runnable.inQueue) return;
    runnable.inQueue = true;
    if (this.#tail === null) this.#head = runnable;
    else this.#tail.nextReady = runnable;
    this.#tail = runnable;
    if (!this.#armed && !this.#running) this.#arm();
  }

  /** One turn now, from the caller's own event-loop callback (a wake-up). */
  runNow(): void {
    if (this.#running) return;
    this.#credit = MICROTASK_MESSAGES;
    this.#turn();
  }

  #arm(): void {
    this.#armed = true;
    if (this.#credit > 0) this.#host.microtask(this.#onMicrotask);
    else this.#host.immediate(this.#onImmediate);
  }

  readonly #onMicrotask = (): void => {
    this.#armed = false;
    this.#turns += 1;
    if (this.#turns % CLOCK_EVERY === 0) {
      // Long handlers in a chain of microtasks: seen here. An idle time in between looks the same and costs one setImmediate.
      const now = this.#host.nowMs();
      if (now - this.#sampledAt > TURN_MS) this.#credit = 0;
      this.#sampledAt = now;
    }
    if (this.#credit > 0) this.#turn();
    else if (this.#head !== null) this.#arm();
  };

  readonly #onImmediate = (): void => {
    this.#armed = false;
    this.#credit = MICROTASK_MESSAGES;
    this.#turn();
  };

  #turn(): void {
    if (this.#head === null) return;
    this.#running = true;
    let startedAt = -1;
    let sinceClock = 0;
    let handled = 0;
    while (this.#head !== null) {
      const runnable: Runnable = this.#head;
      this.#head = runnable.nextReady;
      if (this.#head === null) this.#tail = null;
      runnable.nextReady = null;
      runnable.inQueue = false;
      const count = runnable.run(MESSAGES_PER_RUN);
      if (runnable.isReady()) this.enqueue(runnable);
      handled += count;
      sinceClock += count + 1;
      if (sinceClock >= CLOCK_EVERY) {
        sinceClock = 0;
        const now = this.#host.nowMs();
        if (startedAt < 0) startedAt = now;
        else if (now - startedAt > TURN_MS) {
          this.#credit = 0;
          break;
        }
      }
    }
    this.#running = false;
    this.messagesHandled += handled;
    this.#credit -= handled;
    this.#afterTurn();
    if (this.#head !== null && !this.#armed) this.#arm();
  }
}
