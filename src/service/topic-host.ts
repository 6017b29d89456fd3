// The shell of a topic's actor (guild, private channel, a user's own events): it turns requests into operation runs, makes
// their writes durable, and speaks to the relays and to the callers in order. The topic's own state and rules are elsewhere.
//
// What it keeps true: nothing is answered or dispatched before it is durable, and nothing that was not committed; dispatches
// go out in the order of the operations; an event is encoded once. A failed commit or a bug ends the actor with its cause
// logged, and supervision starts it anew from the store.

import type { ActorContext, Message } from '../actor/types.ts';
import type { Log } from '../base/log.ts';
import type { Snowflake, SnowflakeGenerator } from '../base/snowflake.ts';
import { encodeDispatch } from '../protocol/dispatch.ts';
import { ApiError, apiError } from '../protocol/errors.ts';
import type { Store } from '../state/store/port.ts';
import { Audience, type AttachedSession } from './audience.ts';
import { Outbox, type Place } from './outbox.ts';
import {
  type DispatchSpec,
  type Operation,
  type OperationContext,
  type TopicReply,
  type TopicRequest,
  WithStatus,
} from './request.ts';
import {
  type Attach,
  type Attached,
  type Detach,
  type Emit,
  type Move,
  RELAY,
  type TopicEvent,
  type TopicName,
} from './topic.ts';

/** What every topic actor of a thread works with. Built by actor-thread.ts. */
export interface TopicDeps {
  readonly store: Store;
  readonly ids: SnowflakeGenerator;
  readonly dataDir: string;
  readonly log: Log;
  /** Tells when an I/O thread goes down, until the returned function is called. */
  readonly watchThreads: (listener: (thread: number, up: boolean) => void) => () => void;
}

/**
 * Requests whose answer is still to come. Each holds its arguments and answer (some KB): at 4,096 about 20 MB. Beyond it callers get 503,
 * which client libraries retry.
 */
const REQUESTS_MAX = 4_096;
/** How long a topic without sessions and requests stays in memory. Loading it again costs milliseconds. */
const IDLE_MS = 300_000;
const IDLE_CHECK_MS = 60_000;

/** What a topic says about a session that wants in. */
export interface Admission {
  /** null: not admitted. */
  readonly view: readonly Snowflake[] | 'all' | null;
  /** The snapshot dispatch, for modes identify and join. */
  readonly bytes?: Uint8Array;
}

/** The topic's own part of the sessions' coming and going. All run within the actor, in order of the records. */
export interface TopicHooks {
  admit(message: Attach): Admission;
  /** What a session that moved to another thread may view. */
  view(userId: Snowflake): readonly Snowflake[] | 'all' | null;
  attached?(session: AttachedSession): void;
  /** Also when its thread went down. Not for a session that moved. */
  detached?(session: AttachedSession): void;
  /** Runs when an operation has ended, at its place in the order: what follows from the change of state (views). */
  settled?(place: Place): void;
}

export interface TopicHostOptions<Host> {
  readonly context: ActorContext;
  readonly deps: TopicDeps;
  readonly host: Host;
  /** Each has arguments of its own, validated at the edge. */
  readonly operations: Readonly<Record<string, Operation<Host>>>;
  readonly hooks: TopicHooks;
}

const encoder = new TextEncoder();

export class TopicHost<Host extends { readonly topic: TopicName }> {
  readonly audience = new Audience();
  readonly outbox: Outbox;
  readonly host: Host;
  readonly #context: ActorContext;
  readonly #deps: TopicDeps;
  readonly #operations: TopicHostOptions<Host>['operations'];
  readonly #hooks: TopicHooks;
  readonly #unwatch: () => void;
  #requests = 0;
  #failure: Error | undefined;
  #lastActiveMs: number;

  constructor(options: TopicHostOptions<Host>) {
    this.host = options.host;
    this.#context = options.context;
    this.#deps = options.deps;
    this.#operations = options.operations;
    this.#hooks = options.hooks;
    this.outbox = new Outbox(options.deps.store, (error) => this.#end(error));
    this.#lastActiveMs = this.#context.clock.monotonicMs();
    const { pid } = this.#context;
    this.#unwatch = options.deps.watchThreads((thread, up) => {
      this.#context.cast(pid, { k: '$thread', thread, up });
    });
    this.#context.sendAfter(IDLE_CHECK_MS, { k: '$idle' });
    for (const thread of this.#context.runtime.threads('io')) this.#announce(thread.index);
  }

  /** From the behaviour's terminate. */
  close(): void {
    this.#unwatch();
  }

  /** The topic is over: the actor ends when those who wait have their answer. */
  end(): void {
    this.#context.sendAfter(0, { k: '$end' });
  }

  /** A call: the only kind is a TopicRequest. */
  handleCall(message: Message): Promise<TopicReply> {
    this.#lastActiveMs = this.#context.clock.monotonicMs();
    return this.#request(message as TopicRequest);
  }

  /** A cast of the kinds that every topic has. Returns false for one of the topic's own. */
  handleCast(message: Message): boolean {
    this.#lastActiveMs = this.#context.clock.monotonicMs();
    switch (message['k']) {
      case 'attach':
        this.#attach(message as Attach);
        return true;
      case 'detach':
        this.#detach(message as Detach);
        return true;
      case 'move':
        this.#move(message as Move);
        return true;
      case 'emit': {
        const { event, bytes } = message as Emit;
        this.#say({ k: 'event', topic: this.host.topic, ...event, bytes });
        return true;
      }
      case '$thread':
        this.#threadChanged(message['thread'] as number, message['up'] as boolean);
        return true;
      default:
        return false;
    }
  }

  /** Timers and notices. Returns false for one of the topic's own. */
  handleInfo(message: Message): boolean {
    if (message['k'] === '$idle') {
      const idleMs = this.#context.clock.monotonicMs() - this.#lastActiveMs;
      if (idleMs >= IDLE_MS && this.audience.empty && this.#requests === 0 && this.outbox.length === 0)
        this.#context.stop('normal');
      else this.#context.sendAfter(IDLE_CHECK_MS, { k: '$idle' });
      return true;
    }
    if (message['k'] === '$gap') {
      // Attaches or detaches were lost: forget the sessions and let them attach again. Losses of this thread itself are of a full
      // mailbox, into which any thread speaks.
      const from = message['fromThread'] as number;
      for (const { index } of this.#context.runtime.threads('io')) {
        if (from !== index && from !== this.#context.runtime.thread) continue;
        this.#dropThread(index);
        this.#announce(index);
      }
      return true;
    }
    if (message['k'] === '$end') {
      this.#context.stop(this.#failure ?? 'normal');
      return true;
    }
    return false;
  }

  /** Dispatches outside of an operation, in order with those of operations. */
  dispatch(...specs: DispatchSpec[]): void {
    for (const spec of specs) {
      const send = this.prepare(spec);
      if (send !== undefined) this.outbox.inOrder(send);
    }
  }

  /**
   * Encodes an event for those attached now, and gives what sends it; undefined when nobody can want it. A session that
   * attaches later has the event's effect in its snapshot.
   */
  prepare(spec: DispatchSpec, threads?: readonly number[]): (() => void) | undefined {
    const targets = threads ?? this.audience.targets(spec);
    if (targets.length === 0) return undefined;
    const { t, d, lite, ...address } = spec;
    const record: Message = { k: 'event', topic: this.host.topic, ...address, ...this.#encode(t, d, lite, targets) };
    return () => this.#sendTo(targets, record);
  }

  /** To the relays of these threads, in order with the dispatches. */
  tell(threads: readonly number[], record: Message): void {
    if (threads.length > 0) this.outbox.inOrder(() => this.#sendTo(threads, record));
  }

  /** Sends now: only from within an effect of the outbox. */
  sendNow(threads: readonly number[], record: Message): void {
    this.#sendTo(threads, record);
  }

  #say(record: TopicEvent): void {
    const targets = this.audience.targets(record);
    if (targets.length > 0) this.outbox.inOrder(() => this.#sendTo(targets, record));
  }

  #sendTo(threads: readonly number[], record: Message): void {
    for (const thread of threads) this.#context.cast({ thread, name: RELAY }, record);
  }

  #encode(t: string, d: unknown, lite: unknown, targets: readonly number[]): { bytes: Uint8Array; split?: number } {
    const full = encodeDispatch(t, d);
    if (lite === undefined || !this.audience.needsLite(targets)) return { bytes: full };
    const without = encodeDispatch(t, lite);
    const bytes = new Uint8Array(full.length + without.length);
    bytes.set(full);
    bytes.set(without, full.length);
    return { bytes, split: full.length };
  }

  // ---- requests

  async #request(message: TopicRequest): Promise<TopicReply> {
    if (this.#requests >= REQUESTS_MAX) return errorReply(apiError('UNAVAILABLE'));
    this.#requests += 1;
    try {
      return await this.#run(message);
    } finally {
      this.#requests -= 1;
    }
  }

  async #run(message: TopicRequest): Promise<TopicReply> {
    const operation = this.#operations[message.op];
    if (operation === undefined) {
      this.#deps.log({ event: 'operation_unknown', level: 'error', topic: this.host.topic, op: message.op });
      return errorReply(apiError('INTERNAL'));
    }
    let place: Place | undefined;
    const taken = (): Place => (place ??= this.outbox.open());
    const context: OperationContext<Host> = {
      host: this.host,
      requester: message.requester,
      reason: message.reason,
      store: this.#deps.store,
      ids: this.#deps.ids,
      nowMs: this.#context.clock.nowMs(),
      write: (...ops) => taken().write(ops),
      dispatch: (...specs) => {
        const at = taken();
        for (const spec of specs) {
          const send = this.prepare(spec);
          if (send !== undefined) at.say(send);
        }
      },
      afterwards: (effect) => taken().sayLast(effect),
    };
    let body: unknown;
    try {
      body = await operation(context, message.args as never);
    } catch (error) {
      return this.#refuse(error, message, place);
    }
    const at = taken();
    return new Promise<TopicReply>((resolve) => {
      at.onFail = () => resolve(errorReply(apiError('INTERNAL')));
      try {
        this.#hooks.settled?.(at);
        const reply = okReply(body);
        at.sayLast(() => resolve(reply));
      } catch (error) {
        this.outbox.fail(error as Error);
      }
      this.outbox.seal(at);
    });
  }

  #refuse(error: unknown, message: TopicRequest, place: Place | undefined): TopicReply {
    // An operation refuses before it changes anything. One that has changed state and then threw leaves memory unlike the store.
    if (error instanceof ApiError && place === undefined) return errorReply(error);
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#deps.log({ event: 'operation_failed', level: 'error', topic: this.host.topic, op: message.op, error: cause });
    this.outbox.fail(cause);
    return errorReply(apiError('INTERNAL'));
  }

  #end(error: Error): void {
    this.#deps.log({ event: 'topic_failed', level: 'error', topic: this.host.topic, error });
    this.#failure = error;
    // Those who wait get their 500 first; the end would answer them that the actor is gone.
    this.#context.sendAfter(0, { k: '$end' });
  }

  // ---- sessions

  #attach(message: Attach): void {
    const topic = this.host.topic;
    const { view, bytes } = this.#hooks.admit(message);
    if (view !== null) {
      this.#hooks.attached?.(this.audience.add(message));
    }
    const answer: Attached = {
      k: 'attached',
      topic,
      session: message.session,
      session_id: message.session_id,
      mode: message.mode,
      view,
      ...(bytes === undefined ? {} : { bytes }),
    };
    this.tell([message.thread], answer);
  }

  #detach(message: Detach): void {
    const entry = this.audience.session(message.thread, message.session);
    if (entry === undefined || entry.session_id !== message.session_id) return;
    this.audience.remove(message.thread, message.session);
    this.#hooks.detached?.(entry);
  }

  #move(message: Move): void {
    const { from, to, session_id } = message;
    const topic = this.host.topic;
    const entry = this.audience.move(from, to);
    const view = entry === undefined ? null : this.#hooks.view(entry.user_id);
    this.tell([from.thread], { k: 'detached', topic, session: from.session, session_id });
    this.tell([to.thread], { k: 'attached', topic, session: to.session, session_id, mode: 'move', view });
  }

  #threadChanged(thread: number, up: boolean): void {
    if (!up) this.#dropThread(thread);
  }

  #dropThread(thread: number): void {
    for (const entry of this.audience.removeThread(thread)) this.#hooks.detached?.(entry);
  }

  #announce(thread: number): void {
    this.#context.cast({ thread, name: RELAY }, { k: 'up', topic: this.host.topic });
  }
}

function okReply(body: unknown): TopicReply {
  if (body instanceof WithStatus) return reply(body.status, body.body);
  return body === undefined ? { status: 204 } : reply(200, body);
}

function reply(status: number, body: unknown): TopicReply {
  if (body === undefined) return { status };
  return { status, bytes: body instanceof Uint8Array ? body : encoder.encode(JSON.stringify(body)) };
}

function errorReply(error: ApiError): TopicReply {
  const bytes = encoder.encode(JSON.stringify(error));
  return error.retryAfter === undefined
    ? { status: error.status, bytes }
    : { status: error.status, bytes, retry_after: error.retryAfter };
}
