// Calls that wait for their answer. A local call is its own ticket: the receiver answers the object itself. A call to another
// thread is found again by its ref, and only if the pid fits, so that an answer meant for this thread's predecessor is nobody's.

import type { TimerWheel } from './timers.ts';
import { TimerNode } from './timers.ts';
import { CallError } from './types.ts';
import type { Address, From, Pid } from './types.ts';
import { pidText } from './pid.ts';

/** Calls to other threads that wait at once. Each holds a timer, a promise and its closure: about 30 MB in all. */
export const PENDING_CALLS_MAX = 100_000;

export class PendingCall extends TimerNode implements From {
  readonly pid: Pid;
  readonly ref: number;
  readonly to: Address;
  /** Thread that owes the answer; the thread's own index for a local call. */
  readonly thread: number;
  readonly #table: CallTable;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;
  #open = true;

  constructor(
    table: CallTable,
    pid: Pid,
    ref: number,
    to: Address,
    thread: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    super();
    this.#table = table;
    this.pid = pid;
    this.ref = ref;
    this.to = to;
    this.thread = thread;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Late answers find it closed and are dropped. */
  answer(value: unknown): void {
    if (this.#close()) this.#resolve(value);
  }

  fail(error: Error): void {
    if (this.#close()) this.#reject(error);
  }

  override fire(): void {
    this.fail(new CallError('timeout', `no answer from ${addressText(this.to)} in time`));
  }

  #close(): boolean {
    if (!this.#open) {
      this.#table.late += 1;
      return false;
    }
    this.#open = false;
    this.#table.closed(this);
    return true;
  }
}

export function addressText(address: Address): string {
  return typeof address === 'number' ? pidText(address) : `${address.name}@${address.thread}`;
}

export class CallTable {
  readonly #timers: TimerWheel;
  readonly #thread: number;
  readonly #remote = new Map<number, PendingCall>();
  #ref = 0;
  /** Answers that came after their call had ended. */
  late = 0;

  constructor(thread: number, timers: TimerWheel) {
    this.#thread = thread;
    this.#timers = timers;
  }

  get pending(): number {
    return this.#remote.size;
  }

  get isFull(): boolean {
    return this.#remote.size >= PENDING_CALLS_MAX;
  }

  open(
    pid: Pid,
    to: Address,
    thread: number,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): PendingCall {
    do this.#ref = (this.#ref + 1) & 0x7fff_ffff;
    while (this.#remote.has(this.#ref));
    const call = new PendingCall(this, pid, this.#ref, to, thread, resolve, reject);
    if (thread !== this.#thread) this.#remote.set(call.ref, call);
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#timers.schedule(call, timeoutMs);
    return call;
  }

  closed(call: PendingCall): void {
    this.#timers.cancel(call);
    if (call.thread !== this.#thread) this.#remote.delete(call.ref);
  }

  /** The call that an answer from another thread is for. */
  find(pid: Pid, ref: number): PendingCall | undefined {
    const call = this.#remote.get(ref);
    if (call !== undefined && call.pid === pid) return call;
    this.late += 1;
    return undefined;
  }

  /** Ends every call to a thread that is gone. */
  failThread(thread: number, error: (call: PendingCall) => Error): void {
    for (const call of [...this.#remote.values()]) if (call.thread === thread) call.fail(error(call));
  }

  failAll(error: (call: PendingCall) => Error): void {
    for (const call of [...this.#remote.values()]) call.fail(error(call));
  }
}
