// The runtime of one thread: actors, names, calls, timers and supervision on this side; the links to the other threads on that.
// Local messages go by reference into a mailbox; messages to another thread become a record on its link. Both look the same to
// the caller, and neither throws for what the receiver does or is.

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { addressText, CallTable, PendingCall } from './calls.ts';
import { K_CALL, K_CAST, K_ERROR, K_GAP, K_REPLY } from './codec.ts';
import { readFrom, readName, readRef, readTo, readValue } from './codec.ts';
import { asError, decodeError, encodeError } from './errors.ts';
import type { ErrorFields } from './errors.ts';
import { Links } from './links.ts';
import { CALL, CAST, INFO, MAILBOX_MAX_DEFAULT } from './mailbox.ts';
import type { MailKind } from './mailbox.ts';
import { pidNode, pidPlace, pidThread, placeOf } from './pid.ts';
import type { Delivery } from './process.ts';
import { Process } from './process.ts';
import { NameTable, SlotTable } from './registry.ts';
import type { RecordMemory } from './ring.ts';
import { eventLoopHost, Scheduler } from './scheduler.ts';
import type { SchedulerHost } from './scheduler.ts';
import { Supervisor } from './supervisor.ts';
import { TimerWheel } from './timers.ts';
import { CALL_TIMEOUT_MS, CallError } from './types.ts';
import type { Address, Behaviour, ChildSpec, ExitReason, From, GapNotice, Message, Name, Pid } from './types.ts';
import type { Runtime, RuntimeStats, SpawnOptions, ThreadInfo } from './types.ts';

export type LogEvent = { readonly event: string; readonly [field: string]: unknown };

/** One dead letter in this many is logged, the first always: a flood of them must not become a flood of log lines. */
const DEAD_LETTER_SAMPLE = 1_000;
/** Records taken from one link before the actors run. */
const RECORDS_PER_POLL = 1_024;
/** The same while actors still have mail: a backlog stays in the ring, where it holds the sender back, and not in mailboxes. */
const RECORDS_PER_BUSY_POLL = 64;

export interface RuntimeOptions {
  readonly thread: number;
  readonly kind: string;
  readonly node?: number;
  readonly clock?: Clock;
  /** Timers by the host's setTimeout; default: with the system's clock. Otherwise `advanceTimers` fires them. */
  readonly realTimers?: boolean;
  readonly scheduler?: SchedulerHost;
  readonly topology?: readonly ThreadInfo[];
  readonly log?: (event: LogEvent) => void;
  /** First generation of pids here; above all that a predecessor of this thread gave out. */
  readonly firstGeneration?: number;
  readonly onGeneration?: (generation: number) => void;
  /** Wakes another thread if it sleeps. */
  readonly wake?: (thread: number) => void;
}

interface Starter {
  readonly prefix: string;
  readonly start: (name: string) => ChildSpec;
}

export class ThreadRuntime implements Runtime {
  readonly thread: number;
  readonly kind: string;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly timers: TimerWheel;
  readonly links: Links;
  readonly #node: number;
  readonly #place: number;
  readonly #topology: readonly ThreadInfo[];
  readonly #byKind = new Map<string, readonly ThreadInfo[]>();
  readonly #log: (event: LogEvent) => void;
  readonly #slots: SlotTable;
  readonly #names = new NameTable();
  readonly #calls: CallTable;
  readonly #supervisor: Supervisor;
  readonly #starters: Starter[] = [];
  readonly #listeners: ((thread: ThreadInfo, up: boolean) => void)[] = [];
  readonly #threadPid: Pid;
  #closed = false;
  #deadLetters = 0;
  #overflowDropped = 0;
  #onEmpty: (() => void) | null = null;

  constructor(options: RuntimeOptions) {
    this.thread = options.thread;
    this.kind = options.kind;
    this.#node = options.node ?? 0;
    this.#place = placeOf(this.#node, this.thread);
    this.clock = options.clock ?? systemClock;
    this.#topology = options.topology ?? [{ index: options.thread, kind: options.kind }];
    this.#log = options.log ?? (() => undefined);
    this.links = new Links(options.wake ?? (() => undefined), this.#receive);
    this.scheduler = new Scheduler(options.scheduler ?? eventLoopHost, this.#afterTurn);
    const real = options.realTimers ?? this.clock === systemClock;
    this.timers = new TimerWheel(this.clock, real, (thrown) =>
      this.#log({ event: 'timer failed', thread: this.thread, error: asError(thrown).stack }),
    );
    this.#slots = new SlotTable(
      this.#node,
      this.thread,
      options.firstGeneration ?? 1,
      options.onGeneration ?? (() => undefined),
    );
    this.#threadPid = this.#slots.threadPid;
    this.#calls = new CallTable(this.thread, this.timers);
    this.#supervisor = new Supervisor({
      clock: this.clock,
      startChild: (spec) => this.#spawn(spec.start(), spec.id, spec.mailboxMax),
      gaveUp: (spec, reason, shutForMs) =>
        this.#log({
          event: 'child given up',
          thread: this.thread,
          name: spec.id,
          reason: reasonText(reason),
          shutForMs,
        }),
    });
  }

  // ---- actors ----

  threads(kind: string): readonly ThreadInfo[] {
    let threads = this.#byKind.get(kind);
    if (threads === undefined) {
      threads = this.#topology.filter((thread) => thread.kind === kind);
      this.#byKind.set(kind, threads);
    }
    return threads;
  }

  spawn(behaviour: Behaviour, options?: SpawnOptions): Pid {
    return this.#spawn(behaviour, options?.name, options?.mailboxMax).pid;
  }

  supervise(child: ChildSpec): Pid {
    return this.#supervisor.supervise(child).pid;
  }

  dismiss(name: string, reason: ExitReason = 'shutdown'): void {
    this.#supervisor.dismiss(name, reason);
  }

  whereis(name: string): Pid | undefined {
    return this.#names.get(name)?.pid;
  }

  startOnDemand(prefix: string, starter: (name: string) => ChildSpec): void {
    this.#starters.push({ prefix, start: starter });
    // The longest prefix decides.
    this.#starters.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  onThreadChange(listener: (thread: ThreadInfo, up: boolean) => void): void {
    this.#listeners.push(listener);
  }

  stats(): RuntimeStats {
    return {
      actors: this.#slots.size,
      messagesHandled: this.scheduler.messagesHandled,
      deadLetters: this.#deadLetters,
      restarts: this.#supervisor.restarts,
      ringBytesQueued: this.links.queuedBytes,
      overflowDropped: this.#overflowDropped,
    };
  }

  #spawn(behaviour: Behaviour, name: string | undefined, mailboxMax = MAILBOX_MAX_DEFAULT): Process {
    assert(!this.#closed, 'the runtime is closed');
    const process = this.#slots.add((pid) => new Process(this, pid, behaviour, name, mailboxMax));
    if (name !== undefined) {
      this.#names.add(name, process);
      const leaving = this.#names.leaving(name);
      if (leaving !== undefined) process.waitFor(leaving);
    }
    if (process.isReady()) this.scheduler.enqueue(process);
    return process;
  }

  /** From Process: it takes no more messages. */
  processEnding(process: Process, reason: ExitReason): void {
    const { name } = process;
    if (reason instanceof Error) this.report('actor crashed', process, reason);
    if (name === undefined) return;
    this.#names.leave(name, process);
    this.#supervisor.childEnding(process, reason);
  }

  /** From Process: terminate is done. */
  processEnded(process: Process): void {
    this.#slots.remove(process);
    if (process.name !== undefined) this.#names.gone(process.name, process);
    if (this.#slots.size === 0) this.#onEmpty?.();
  }

  report(event: string, process: Process, error: Error | null): void {
    this.#log({
      event,
      thread: this.thread,
      actor: addressText(process.pid),
      ...(process.name === undefined ? {} : { name: process.name }),
      ...(error === null ? {} : { error: error.stack ?? error.message }),
    });
  }

  deadLetter(kind: string, to: Address | string, message: Message): void {
    this.#deadLetters += 1;
    if (this.#deadLetters % DEAD_LETTER_SAMPLE !== 1) return;
    this.#log({
      event: 'dead letter',
      thread: this.thread,
      kind,
      to: typeof to === 'string' ? to : addressText(to),
      message: String(message['k'] ?? '').slice(0, 64),
      total: this.#deadLetters,
    });
  }

  // ---- messages ----

  call<T = unknown>(to: Address, message: Message, timeoutMs?: number): Promise<T> {
    return this.callAs<T>(this.#threadPid, to, message, timeoutMs);
  }

  callAs<T>(pid: Pid, to: Address, message: Message, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const thread = this.#threadOf(to);
      if (thread < 0) {
        reject(new CallError('noproc', `${addressText(to)} is on another node`));
        return;
      }
      const answer = resolve as (value: unknown) => void;
      if (thread !== this.thread) {
        this.#callRemote(pid, to, thread, message, timeoutMs, answer, reject);
        return;
      }
      const call = this.#calls.open(pid, to, thread, timeoutMs, answer, reject);
      const delivery =
        typeof to === 'number'
          ? this.#deliverToPid(to, CALL, message, call)
          : this.#deliverNamed(to.name, CALL, message, call);
      if (delivery !== 'delivered') call.fail(refusal(delivery, to));
    });
  }

  cast(to: Address, message: Message): void {
    if (typeof to === 'number') {
      if (pidPlace(to) === this.#place) {
        if (this.#deliverToPid(to, CAST, message, null) !== 'delivered') this.deadLetter('cast', to, message);
        return;
      }
    } else if (to.thread === this.thread) {
      if (this.#deliverNamed(to.name, CAST, message, null) !== 'delivered') this.deadLetter('cast', to, message);
      return;
    }
    const thread = this.#threadOf(to);
    const link = thread < 0 ? undefined : this.links.to(thread);
    if (link === undefined || this.#closed) {
      this.deadLetter('cast', to, message);
      return;
    }
    if (this.links.send(link, K_CAST, to, 0, 0, message, false)) return;
    link.noteGap(to);
    this.#overflowDropped += 1;
    if (link.dropped % DEAD_LETTER_SAMPLE === 1) {
      this.#log({ event: 'path full', thread: this.thread, toThread: thread, dropped: link.dropped });
    }
  }

  reply(from: From, value: unknown): void {
    if (from instanceof PendingCall) from.answer(value);
    else this.#answerRemote(from, K_REPLY, value);
  }

  replyError(from: From, error: Error): void {
    if (from instanceof PendingCall) from.fail(error);
    else this.#answerRemote(from, K_ERROR, encodeError(error));
  }

  /** From Process: mail that its end left over. */
  deliverToName(name: string, kind: MailKind, message: Message, from: From | null): void {
    const delivery = this.#deliverNamed(name, kind, message, from);
    if (delivery === 'delivered') return;
    const to: Name = { thread: this.thread, name };
    if (from !== null) this.replyError(from, refusal(delivery, to));
    else this.deadLetter('cast', to, message);
  }

  #threadOf(to: Address): number {
    if (typeof to !== 'number') return to.thread;
    return pidNode(to) === this.#node ? pidThread(to) : -1;
  }

  #deliverToPid(to: Pid, kind: MailKind, message: Message, from: From | null): Delivery {
    const process = this.#slots.get(to);
    return process === null ? 'noproc' : process.deliver(kind, message, from, false);
  }

  #deliverNamed(name: string, kind: MailKind, message: Message, from: From | null): Delivery {
    const process = this.#names.get(name) ?? this.#startNamed(name);
    return process === undefined ? 'noproc' : process.deliver(kind, message, from, true);
  }

  #startNamed(name: string): Process | undefined {
    if (this.#closed) return undefined;
    const starter = this.#starters.find(({ prefix }) => name.startsWith(prefix));
    if (starter === undefined || this.#supervisor.shutForMs(name) > 0) return undefined;
    try {
      const spec = starter.start(name);
      assert(spec.id === name, `starter of ${starter.prefix} made ${spec.id} for ${name}`);
      return this.#supervisor.supervise(spec);
    } catch (thrown) {
      this.#log({ event: 'start on demand failed', thread: this.thread, name, error: asError(thrown).stack });
      return undefined;
    }
  }

  // ---- other threads ----

  #callRemote(
    pid: Pid,
    to: Address,
    thread: number,
    message: Message,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const link = this.links.to(thread);
    if (link === undefined || this.#closed) {
      reject(new CallError('noconnection', `thread ${thread} of ${addressText(to)} is down`));
      return;
    }
    if (this.#calls.isFull) {
      reject(new CallError('overloaded', 'too many calls wait for answers'));
      return;
    }
    const call = this.#calls.open(pid, to, thread, timeoutMs, resolve, reject);
    let sent: boolean;
    try {
      sent = this.links.send(link, K_CALL, to, pid, call.ref, message, false);
    } catch (thrown) {
      call.fail(asError(thrown));
      return;
    }
    if (!sent) call.fail(new CallError('overloaded', `the path to ${addressText(to)} is full`));
  }

  #answerRemote(from: From, kind: number, value: unknown): void {
    const link = this.links.to(pidThread(from.pid));
    if (link === undefined || this.#closed) return;
    try {
      if (this.links.send(link, kind, from.pid, 0, from.ref, value, kind === K_ERROR)) return;
      this.#overflowDropped += 1;
      const full = encodeError(new CallError('overloaded', 'the path back is full'));
      this.links.send(link, K_ERROR, from.pid, 0, from.ref, full, true);
    } catch (thrown) {
      // A reply that JSON cannot hold: the caller learns it, the actor goes on.
      const error = asError(thrown);
      this.#log({ event: 'reply not sendable', thread: this.thread, error: error.stack });
      this.links.send(link, K_ERROR, from.pid, 0, from.ref, encodeError(error), true);
    }
  }

  readonly #afterTurn = (): void => {
    this.links.flush();
    this.timers.settle();
  };

  /** Drains every link once, moves what waits, and runs the actors. False: there was nothing to do. */
  poll(): boolean {
    const records = this.links.drain(this.scheduler.isIdle ? RECORDS_PER_POLL : RECORDS_PER_BUSY_POLL);
    const moved = this.links.pump();
    this.scheduler.runNow();
    return records > 0 || moved;
  }

  /** The thread is gone: what it said before is still heard, then its calls fail. */
  detach(thread: number): void {
    this.links.detach(thread);
    this.#calls.failThread(
      thread,
      (call) => new CallError('noconnection', `thread ${thread} went down while ${addressText(call.to)} was called`),
    );
  }

  threadChanged(thread: number, up: boolean): void {
    const info = this.#topology.find(({ index }) => index === thread);
    assert(info !== undefined, `no thread ${thread}`);
    for (const listener of this.#listeners) {
      try {
        listener(info, up);
      } catch (thrown) {
        this.#log({ event: 'listener failed', thread: this.thread, error: asError(thrown).stack });
      }
    }
  }

  readonly #receive = (source: number, kind: number, memory: RecordMemory, position: number): void => {
    try {
      this.#accept(source, kind, memory, position);
    } catch (thrown) {
      this.#log({
        event: 'record failed',
        thread: this.thread,
        fromThread: source,
        kind,
        error: asError(thrown).stack,
      });
    }
  };

  #accept(source: number, kind: number, memory: RecordMemory, position: number): void {
    const to = readTo(memory, position);
    if (kind === K_REPLY || kind === K_ERROR) {
      const call = this.#calls.find(to, readRef(memory, position));
      if (call === undefined) return;
      const value = readValue(memory, position);
      if (kind === K_REPLY) call.answer(value);
      else call.fail(decodeError(value as ErrorFields));
      return;
    }
    const name = to === 0 ? readName(memory, position) : '';
    if (kind === K_GAP) {
      this.#acceptGap(source, to, name, readRef(memory, position));
      return;
    }
    const message = readValue(memory, position) as Message;
    const from = kind === K_CALL ? { pid: readFrom(memory, position), ref: readRef(memory, position) } : null;
    const mail = kind === K_CALL ? CALL : CAST;
    const delivery =
      to === 0 ? this.#deliverNamed(name, mail, message, from) : this.#deliverToPid(to, mail, message, from);
    if (delivery === 'delivered') return;
    const address: Address = to === 0 ? { thread: this.thread, name } : to;
    if (from !== null) this.replyError(from, refusal(delivery, address));
    else this.deadLetter('cast', address, message);
  }

  #acceptGap(source: number, to: Pid, name: string, dropped: number): void {
    const notice: GapNotice = { k: '$gap', fromThread: source, dropped };
    if (to !== 0) this.#deliverToPid(to, INFO, notice, null);
    else if (name !== '') this.#names.get(name)?.deliver(INFO, notice, null, false);
    else for (const process of this.#slots) process.deliver(INFO, notice, null, false);
  }

  // ---- the end ----

  /** Fires due timers; for a manual clock. */
  advanceTimers(): number {
    return this.timers.advance();
  }

  /** Ends all actors, supervised children first and the latest of them first, and waits for their terminate. */
  async shutdown(): Promise<void> {
    if (this.#closed) return;
    this.#starters.length = 0;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      if (this.#slots.size === 0) resolve();
    });
    this.#supervisor.close('shutdown');
    for (const process of [...this.#slots]) process.exit('shutdown');
    await empty;
    this.close();
  }

  /** Nothing runs or leaves after this. */
  close(): void {
    if (this.#closed) return;
    this.links.flush();
    this.#closed = true;
    this.#calls.failAll(
      (call) => new CallError('noproc', `the thread stopped while ${addressText(call.to)} was called`),
    );
    this.timers.close();
  }
}

function refusal(delivery: Delivery, to: Address): CallError {
  return delivery === 'overloaded'
    ? new CallError('overloaded', `the mailbox of ${addressText(to)} is full`)
    : new CallError('noproc', `${addressText(to)} does not exist`);
}

function reasonText(reason: ExitReason): string {
  return reason instanceof Error ? `${reason.name}: ${reason.message}` : reason;
}
