// The actor runtime as its users see it: addresses, behaviours, the context of an actor, and the runtime of a thread.

import type { Clock } from '../base/clock.ts';

/** node : thread : slot : generation packed into a safe integer (see pid.ts). Never reused while anything can hold it. */
export type Pid = number & { readonly __pid: unique symbol };

/** A name registered on one thread; resolved there, and started there on demand when a starter knows its prefix. */
export interface Name {
  readonly thread: number;
  readonly name: string;
}

export type Address = Pid | Name;

/**
 * What actors say to each other: plain JSON values. A top-level `bytes` (Uint8Array) travels outside the JSON, copied once
 * into the ring and once out of it. Within a thread a message is passed by reference: the sender must not touch it again.
 */
export type Message = { readonly bytes?: Uint8Array; readonly [key: string]: unknown };

/** Whom to answer. Opaque; may be kept and used later with `reply`. */
export interface From {
  readonly pid: Pid;
  readonly ref: number;
}

export const NO_REPLY: unique symbol = Symbol('NO_REPLY');

export type ExitReason = 'normal' | 'shutdown' | 'kill' | 'noconnection' | Error;

/** A GenServer's callbacks. Throwing ends the actor with that error; its supervisor decides what follows. */
export interface Behaviour {
  /** Runs before any message is handled; messages that come meanwhile wait in the mailbox. */
  init?(context: ActorContext): void | Promise<void>;
  /** The value returned (or resolved) is the reply; a rejected promise answers the caller with that error, and does not end the actor. NO_REPLY: `context.reply` comes later. */
  handleCall?(message: Message, from: From): unknown;
  /** A cast. A promise is not awaited before the next message; its rejection ends the actor. */
  handleCast?(message: Message): void | Promise<void>;
  /** Timers, plain sends and the runtime's own notices. */
  handleInfo?(message: Message): void | Promise<void>;
  terminate?(reason: ExitReason): void | Promise<void>;
}

export interface Timer {
  cancel(): void;
}

export interface Caller {
  /** Resolves with the reply; rejects with CallError. Default timeout CALL_TIMEOUT_MS. */
  call<T = unknown>(to: Address, message: Message, timeoutMs?: number): Promise<T>;
  /** Fire and forget; in order with everything else this thread sends to that thread. */
  cast(to: Address, message: Message): void;
}

export interface ActorContext extends Caller {
  readonly pid: Pid;
  readonly name: string | undefined;
  readonly runtime: Runtime;
  readonly clock: Clock;
  reply(from: From, value: unknown): void;
  /** Answers a deferred call with an error. */
  replyError(from: From, error: Error): void;
  /** Delivered to this actor as info after `ms`; dropped when the actor ends. */
  sendAfter(ms: number, message: Message): Timer;
  stop(reason?: ExitReason): void;
}

export const CALL_TIMEOUT_MS = 15_000;

export type CallErrorCode = 'timeout' | 'noproc' | 'overloaded' | 'crashed' | 'noconnection';

export class CallError extends Error {
  override name = 'CallError';
  readonly code: CallErrorCode;
  constructor(code: CallErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface SpawnOptions {
  readonly name?: string;
  /** Messages the mailbox holds; beyond it calls are answered 'overloaded' and casts become dead letters. */
  readonly mailboxMax?: number;
}

export interface ChildSpec {
  readonly id: string;
  readonly start: () => Behaviour;
  readonly restart: 'permanent' | 'transient' | 'temporary';
  readonly mailboxMax?: number;
}

export interface ThreadInfo {
  readonly index: number;
  readonly kind: string;
}

/** The runtime of one thread. */
export interface Runtime extends Caller {
  readonly thread: number;
  readonly clock: Clock;
  /** All threads of the node by kind ('main', 'store', 'io', 'actor'), in index order. */
  threads(kind: string): readonly ThreadInfo[];
  spawn(behaviour: Behaviour, options?: SpawnOptions): Pid;
  /** Starts a supervised child, one_for_one; the child's id is its registered name. Answers the running one's pid when it is there already. */
  supervise(child: ChildSpec): Pid;
  /** Ends a supervised child for good. */
  dismiss(name: string, reason?: ExitReason): void;
  whereis(name: string): Pid | undefined;
  /** When a message comes for an unregistered name with this prefix, the starter makes the child (under supervision). */
  startOnDemand(prefix: string, starter: (name: string) => ChildSpec): void;
  /** Told when another thread of the node goes down or is up again (after a restart). */
  onThreadChange(listener: (thread: ThreadInfo, up: boolean) => void): void;
  stats(): RuntimeStats;
}

export interface RuntimeStats {
  readonly actors: number;
  readonly messagesHandled: number;
  readonly deadLetters: number;
  readonly restarts: number;
  readonly ringBytesQueued: number;
  readonly overflowDropped: number;
}

/** Notice (info) to an address whose casts were dropped because the path to its thread was full: state built from them is incomplete. */
export interface GapNotice extends Message {
  readonly k: '$gap';
  readonly fromThread: number;
  readonly dropped: number;
}
