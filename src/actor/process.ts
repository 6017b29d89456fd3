// One actor: a GenServer with its mailbox, its life from init to terminate, and the context its behaviour sees. The object is
// the context itself, so that an idle actor is this object and its behaviour, nothing more.
//
//   waiting -> starting -> initialising -> running -> terminating -> dead
//   (behind a    (init not    (init's         (handles    (terminate's
//   predecessor)  yet run)     promise)        mail)       promise)
//
// Whatever the behaviour throws ends here.

import type { Clock } from '../base/clock.ts';
import { asError } from './errors.ts';
import { CALL, CAST, Envelope, INFO, Mailbox } from './mailbox.ts';
import type { MailKind } from './mailbox.ts';
import type { Runnable } from './scheduler.ts';
import type { ThreadRuntime } from './runtime.ts';
import { TimerNode } from './timers.ts';
import { CallError, NO_REPLY } from './types.ts';
import type { ActorContext, Address, Behaviour, ExitReason, From, GapNotice, Message, Pid, Timer } from './types.ts';

/** How long an asynchronous terminate may take before the actor is dead without it: below any operator's patience, above a commit. */
export const TERMINATE_MS = 5_000;

const WAITING = 0;
const STARTING = 1;
const INITIALISING = 2;
const RUNNING = 3;
const TERMINATING = 4;
const DEAD = 5;

export type Delivery = 'delivered' | 'noproc' | 'overloaded';

export class Process extends Mailbox implements ActorContext, Runnable {
  readonly pid: Pid;
  readonly name: string | undefined;
  readonly runtime: ThreadRuntime;
  readonly behaviour: Behaviour;
  readonly mailboxMax: number;
  nextReady: Runnable | null = null;
  inQueue = false;
  /** Waits for this one's end; only while terminating. */
  successor: Process | null = null;
  /** Why it ended. */
  reason: ExitReason | null = null;
  #state = STARTING;
  #inHandler = false;
  #stopReason: ExitReason | null = null;
  /** The call being handled, and whether it was answered from inside its handler. */
  #current: From | null = null;
  #currentAnswered = false;
  /** Deferred calls: answered later, or 'crashed' when the actor ends. */
  #openCalls: Set<From> | null = null;
  #timers: ActorTimer | null = null;
  /** Casts that met a full mailbox since it was last empty. */
  #dropped = 0;

  constructor(runtime: ThreadRuntime, pid: Pid, behaviour: Behaviour, name: string | undefined, mailboxMax: number) {
    super();
    this.runtime = runtime;
    this.pid = pid;
    this.behaviour = behaviour;
    this.name = name;
    this.mailboxMax = mailboxMax;
    if (behaviour.init === undefined) this.#state = RUNNING;
  }

  get clock(): Clock {
    return this.runtime.clock;
  }

  get isAlive(): boolean {
    return this.#state < TERMINATING;
  }

  /** Does not start before `predecessor` has ended. */
  waitFor(predecessor: Process): void {
    this.#state = WAITING;
    predecessor.successor = this;
  }

  deliver(kind: MailKind, message: Message, from: From | null, named: boolean): Delivery {
    if (this.#state >= TERMINATING) return 'noproc';
    if (this.queued >= this.mailboxMax) {
      if (kind !== CALL) this.#dropped += 1;
      return 'overloaded';
    }
    this.push(new Envelope(kind, message, from, named));
    if (!this.inQueue && this.#state === RUNNING) this.runtime.scheduler.enqueue(this);
    return 'delivered';
  }

  /** The runtime's own notice: before everything else, whatever the mailbox holds. */
  deliverSystem(message: Message): void {
    if (this.#state >= TERMINATING) return;
    this.pushSystem(new Envelope(INFO, message, null, false));
    if (this.isReady()) this.runtime.scheduler.enqueue(this);
  }

  isReady(): boolean {
    return this.#state === STARTING || (this.#state === RUNNING && this.hasMail());
  }

  run(budget: number): number {
    let handled = 0;
    if (this.#state === STARTING) {
      this.#begin();
      handled = 1;
    }
    if (this.#state !== RUNNING) return handled;
    this.#inHandler = true;
    try {
      while (handled < budget && this.#stopReason === null) {
        const envelope = this.shift();
        if (envelope === null) break;
        handled += 1;
        this.#handle(envelope);
      }
    } catch (thrown) {
      this.#stopReason = asError(thrown);
      if (this.#current !== null && !this.#currentAnswered) this.runtime.replyError(this.#current, this.#crash());
    }
    this.#current = null;
    this.#inHandler = false;
    if (this.#stopReason !== null) this.#end(this.#stopReason);
    else if (this.#dropped > 0 && this.queued === 0) this.#tellGap();
    return handled;
  }

  #begin(): void {
    const { behaviour } = this;
    let result: unknown;
    this.#inHandler = true;
    try {
      result = behaviour.init?.(this);
    } catch (thrown) {
      this.#stopReason = asError(thrown);
    }
    this.#inHandler = false;
    if (this.#stopReason !== null) {
      this.#end(this.#stopReason);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#state = RUNNING;
      return;
    }
    this.#state = INITIALISING;
    result.then(
      () => {
        if (this.#state !== INITIALISING) return;
        this.#state = RUNNING;
        if (this.hasMail()) this.runtime.scheduler.enqueue(this);
      },
      (thrown: unknown) => this.exit(asError(thrown)),
    );
  }

  #handle(envelope: Envelope): void {
    const { behaviour } = this;
    if (envelope.kind === CAST) {
      if (behaviour.handleCast === undefined) this.runtime.deadLetter('cast', this.name ?? this.pid, envelope.message);
      else this.#watch(behaviour.handleCast(envelope.message));
    } else if (envelope.kind === CALL) this.#handleCall(envelope.message, envelope.from as From);
    else if (behaviour.handleInfo !== undefined) this.#watch(behaviour.handleInfo(envelope.message));
  }

  #handleCall(message: Message, from: From): void {
    const { behaviour, runtime } = this;
    if (behaviour.handleCall === undefined) {
      runtime.replyError(from, new CallError('noproc', `${this.#label()} answers no calls`));
      return;
    }
    if (this.#openCalls !== null && this.#openCalls.size >= this.mailboxMax) {
      runtime.replyError(from, new CallError('overloaded', `${this.#label()} has too many calls open`));
      return;
    }
    this.#current = from;
    this.#currentAnswered = false;
    const result = behaviour.handleCall(message, from);
    this.#current = null;
    if (result === NO_REPLY) {
      if (!this.#currentAnswered) this.#defer(from);
    } else if (result instanceof Promise) {
      if (!this.#currentAnswered) this.#defer(from);
      result.then(
        (value: unknown) => {
          if (value !== NO_REPLY) this.reply(from, value);
        },
        (thrown: unknown) => this.replyError(from, asError(thrown)),
      );
    } else if (!this.#currentAnswered) runtime.reply(from, result);
  }

  #defer(from: From): void {
    this.#openCalls ??= new Set();
    this.#openCalls.add(from);
  }

  /** Only one answer leaves, and none after the actor's end (the end itself was the answer). */
  #take(from: From): boolean {
    if (from === this.#current) {
      if (this.#currentAnswered) return false;
      this.#currentAnswered = true;
      return true;
    }
    return this.#openCalls?.delete(from) === true;
  }

  #watch(result: void | Promise<void>): void {
    if (result instanceof Promise) result.then(undefined, (thrown: unknown) => this.exit(asError(thrown)));
  }

  #tellGap(): void {
    const notice: GapNotice = { k: '$gap', fromThread: this.runtime.thread, dropped: this.#dropped };
    this.#dropped = 0;
    this.deliverSystem(notice);
  }

  // ---- the context ----

  call<T = unknown>(to: Address, message: Message, timeoutMs?: number): Promise<T> {
    return this.runtime.callAs<T>(this.pid, to, message, timeoutMs);
  }

  cast(to: Address, message: Message): void {
    this.runtime.cast(to, message);
  }

  reply(from: From, value: unknown): void {
    if (this.#take(from)) this.runtime.reply(from, value);
  }

  replyError(from: From, error: Error): void {
    if (this.#take(from)) this.runtime.replyError(from, error);
  }

  sendAfter(ms: number, message: Message): Timer {
    const timer = new ActorTimer(this, message);
    if (this.#state >= TERMINATING) return timer;
    this.runtime.timers.schedule(timer, ms);
    timer.nextOwned = this.#timers;
    if (this.#timers !== null) this.#timers.prevOwned = timer;
    this.#timers = timer;
    return timer;
  }

  stop(reason: ExitReason = 'normal'): void {
    this.exit(reason);
  }

  // ---- the end ----

  /** Ends the actor: after the handler that runs now, if one does. The first reason counts. */
  exit(reason: ExitReason): void {
    if (this.#state >= TERMINATING) return;
    if (this.#inHandler) this.#stopReason ??= reason;
    else this.#end(reason);
  }

  #end(reason: ExitReason): void {
    const initialised = this.#state === RUNNING;
    this.#state = TERMINATING;
    this.reason = reason;
    for (let timer = this.#timers; timer !== null; timer = timer.nextOwned) this.runtime.timers.cancel(timer);
    this.#timers = null;
    this.runtime.processEnding(this, reason);
    this.#emptyMailbox(reason);
    let ending: unknown;
    if (initialised && reason !== 'kill') {
      try {
        ending = this.behaviour.terminate?.(reason);
      } catch (thrown) {
        this.runtime.report('terminate failed', this, asError(thrown));
      }
    }
    if (!(ending instanceof Promise)) {
      this.#finish();
      return;
    }
    const deadline = new TerminateDeadline(this);
    this.runtime.timers.schedule(deadline, TERMINATE_MS);
    const done = (): void => {
      this.runtime.timers.cancel(deadline);
      this.#finish();
    };
    ending.then(done, (thrown: unknown) => {
      this.runtime.report('terminate failed', this, asError(thrown));
      done();
    });
  }

  /** What nobody will handle: mail to a name goes to the name's next actor unless this one failed; the rest is refused. */
  #emptyMailbox(reason: ExitReason): void {
    for (let envelope = this.shift(); envelope !== null; envelope = this.shift()) {
      const { kind, message, from } = envelope;
      if (envelope.named && this.name !== undefined && !(reason instanceof Error)) {
        this.runtime.deliverToName(this.name, kind, message, from);
      } else if (from !== null) this.runtime.replyError(from, this.#crash());
      else if (kind === CAST) this.runtime.deadLetter('cast', this.name ?? this.pid, message);
    }
  }

  /** The terminate deadline passed. */
  abandon(): void {
    this.runtime.report('terminate took too long', this, null);
    this.#finish();
  }

  #finish(): void {
    if (this.#state === DEAD) return;
    this.#state = DEAD;
    if (this.#openCalls !== null) {
      const error = this.#crash();
      for (const from of this.#openCalls) this.runtime.replyError(from, error);
      this.#openCalls = null;
    }
    this.runtime.processEnded(this);
    const { successor } = this;
    this.successor = null;
    successor?.proceed();
  }

  /** The predecessor is gone. */
  proceed(): void {
    if (this.#state !== WAITING) return;
    this.#state = this.behaviour.init === undefined ? RUNNING : STARTING;
    if (this.isReady()) this.runtime.scheduler.enqueue(this);
  }

  #crash(): CallError {
    const reason = this.reason ?? this.#stopReason;
    if (reason instanceof Error) {
      return new CallError('crashed', `${this.#label()} crashed: ${reason.message}`, { cause: reason });
    }
    return new CallError('noproc', `${this.#label()} has ended`);
  }

  #label(): string {
    return this.name ?? `actor ${this.pid}`;
  }

  forgetTimer(timer: ActorTimer): void {
    if (timer.prevOwned !== null) timer.prevOwned.nextOwned = timer.nextOwned;
    else if (this.#timers === timer) this.#timers = timer.nextOwned;
    if (timer.nextOwned !== null) timer.nextOwned.prevOwned = timer.prevOwned;
    timer.prevOwned = null;
    timer.nextOwned = null;
  }
}

/** sendAfter's timer: in the thread's wheel, and in a list of its actor, so that it goes when the actor goes. */
export class ActorTimer extends TimerNode implements Timer {
  readonly #process: Process;
  readonly #message: Message;
  prevOwned: ActorTimer | null = null;
  nextOwned: ActorTimer | null = null;

  constructor(process: Process, message: Message) {
    super();
    this.#process = process;
    this.#message = message;
  }

  override fire(): void {
    this.#process.forgetTimer(this);
    if (this.#process.deliver(INFO, this.#message, null, false) === 'overloaded') {
      this.#process.runtime.deadLetter('timer', this.#process.name ?? this.#process.pid, this.#message);
    }
  }

  cancel(): void {
    if (this.at < 0) return;
    this.#process.runtime.timers.cancel(this);
    this.#process.forgetTimer(this);
  }
}

class TerminateDeadline extends TimerNode {
  readonly #process: Process;

  constructor(process: Process) {
    super();
    this.#process = process;
  }

  override fire(): void {
    this.#process.abandon();
  }
}
