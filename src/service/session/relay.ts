// The relay of an I/O thread: the actor named RELAY. Topics tell it what happens; it knows which of its sessions hear it,
// appends the event to the replay log once, gives each session its next number and, at the end of the turn, hands each socket
// all its frames at once.
//
// The way of a delivery is direct calls from here to Session and its socket, without mailboxes: sessions and relay share a
// thread, so nothing can come between. It keeps true: an event reaches a session at most once and in the topic's order; a
// number once given is sent before the next; what cannot be sent is lost with a notice (op 9, or a resumable close), never
// silently.

import type { Runtime } from '../../actor/types.ts';
import { assert } from '../../base/assert.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { CLOSE } from '../../protocol/close-codes.ts';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { RELAY, type SessionKey, type TopicEvent } from '../topic.ts';
import type { TopicAudience } from './audience.ts';
import { Delivery, type FlushSchedule, OWN_EVENT_WEIGHT, scheduleFlush } from './delivery.ts';
import { IdentifyGate } from './identify-gate.ts';
import { REPLAY_LOG_LIMITS, ReplayLog, type ReplayLogLimits } from './log.ts';
import { Moves } from './move.ts';
import { LITE, PRIVATE } from './position.ts';
import { PrivateLog, type PrivateLogLimits } from './private-log.ts';
import { SessionRegistry } from './registry.ts';
import { RelayActor } from './relay-actor.ts';
import {
  ARRIVING,
  BLOCKED,
  DETACHED,
  ENDED,
  IDENTIFYING,
  LIVE,
  MOVING,
  type Outlet,
  Session,
  type SessionOwner,
  type SessionSpec,
  tokenTag,
} from './session.ts';
import { Topics } from './topics.ts';

export interface RelayOptions {
  readonly runtime: Runtime;
  /** How long a session without a socket is kept. */
  readonly resumeWindowMs: number;
  /** Bytes of live events that may wait for one slow socket, beside what the socket itself holds. */
  readonly queueBytesMax: number;
  /** Events kept for one session without a socket, or unacknowledged; further back it can't resume. */
  readonly replayEventsMax?: number;
  readonly log?: ReplayLogLimits;
  readonly privateLog?: PrivateLogLimits;
  /** When the flush runs; scheduleFlush unless a test says otherwise. */
  readonly schedule?: FlushSchedule;
  /** Told of errors that ended a session. */
  readonly onError?: (error: unknown) => void;
}

export interface RelayStats {
  readonly sessions: number;
  readonly live: number;
  readonly topics: number;
  readonly logBytes: number;
  readonly logEntries: number;
  readonly privateBytes: number;
  readonly events: number;
  readonly deliveries: number;
  readonly lossyShed: number;
  readonly slowCloses: number;
  readonly sessionsLost: number;
  readonly sessionsExpired: number;
  readonly resumes: number;
  readonly resumesRefused: number;
  readonly movesIn: number;
  readonly movesOut: number;
}

export const RESUME_WINDOW_MS = 300_000;
export const REPLAY_EVENTS_MAX = 10_000;
export const QUEUE_BYTES_MAX = 1024 * 1024;
/** Messages in the relay's mailbox: the rings before it are bounded in bytes; this must not be the first to overflow. */
const MAILBOX_MAX = 1_000_000;

export type ResumeOutcome = 'ok' | 'beyond' | 'invalid' | 'busy';

export class Relay {
  readonly runtime: Runtime;
  readonly sessions = new SessionRegistry();
  readonly log: ReplayLog;
  readonly privateLog: PrivateLog;
  readonly gate: IdentifyGate;
  readonly moves: Moves;
  readonly topics: Topics;
  readonly delivery: Delivery;
  readonly resumeWindowMs: number;
  readonly #replayEventsMax: number;
  readonly #onError: (error: unknown) => void;
  readonly #onExit = (session: Session): void => this.end(session);
  readonly counts = {
    events: 0,
    deliveries: 0,
    lossyShed: 0,
    slowCloses: 0,
    sessionsLost: 0,
    sessionsExpired: 0,
    resumes: 0,
    resumesRefused: 0,
    movesIn: 0,
    movesOut: 0,
  };

  constructor(options: RelayOptions) {
    this.runtime = options.runtime;
    const { clock } = options.runtime;
    this.log = new ReplayLog(clock, options.log ?? REPLAY_LOG_LIMITS);
    this.privateLog = new PrivateLog(options.privateLog);
    this.gate = new IdentifyGate(clock);
    this.moves = new Moves(this);
    this.resumeWindowMs = options.resumeWindowMs;
    this.#replayEventsMax = options.replayEventsMax ?? REPLAY_EVENTS_MAX;
    this.topics = new Topics(this);
    this.delivery = new Delivery(this, options.queueBytesMax, options.schedule ?? scheduleFlush);
    this.#onError = options.onError ?? (() => {});
  }

  /** Registers the relay's actor; call once on its thread. */
  start(): void {
    this.runtime.supervise({
      id: RELAY,
      start: () => new RelayActor(this),
      restart: 'permanent',
      mailboxMax: MAILBOX_MAX,
    });
    this.runtime.onThreadChange((thread, up) => {
      if (thread.kind === 'actor' && up) this.topics.actorThreadUp(thread.index);
      if (thread.kind === 'io' && !up) this.moves.threadDown(thread.index);
    });
  }

  now(): number {
    return this.runtime.clock.monotonicMs();
  }

  /** A session could not be served: an error of ours. It ends, and its client starts anew. */
  failed(session: Session, error: unknown): void {
    this.#onError(error);
    try {
      this.lose(session);
    } catch (again) {
      // Its socket is beyond speaking to.
      this.#onError(again);
    }
  }

  // ---- sessions: beginning, resuming, ending

  /** A new session that waits for READY. */
  open(spec: Omit<SessionSpec, 'key'>): Session {
    const session = new Session({ ...spec, key: this.sessions.nextKey() }, this.#onExit);
    session.held = [];
    this.sessions.add(session);
    this.runtime.spawn(session);
    return session;
  }

  /** READY goes out as number 1, then what waited, then a snapshot per guild. */
  begin(session: Session, owner: SessionOwner, outlet: Outlet, ready: Uint8Array, guilds: readonly Snowflake[]): void {
    assert(session.status === IDENTIFYING, 'begin of a session that has begun');
    this.#bind(session, owner, outlet);
    this.tell(session, ready);
    this.delivery.releaseHeld(session);
    this.topics.begin(session, guilds);
  }

  /** RESUME of a session that may be here or on another thread. On 'ok' the replay and RESUMED are on their way. */
  async resume(
    id: string,
    userId: Snowflake,
    sequence: number,
    owner: SessionOwner,
    outlet: Outlet,
    isOpen: () => boolean,
  ): Promise<ResumeOutcome> {
    let session = this.sessions.byId(id);
    if (session === undefined) {
      const claimed = await this.moves.claim(id, userId);
      if (typeof claimed === 'string') return this.#refuse(claimed);
      session = claimed;
      this.counts.movesIn += 1;
    }
    if (session.userId !== userId || session.isEnded || session.status === IDENTIFYING) return this.#refuse('invalid');
    if (session.status === MOVING || session.status === ARRIVING) return this.#refuse('busy');
    if (!isOpen()) return this.#refuse('busy');
    const verdict = session.judgeResume(sequence);
    if (verdict === 'beyond') return this.#refuse('beyond');
    session.kept.dropFallen(this.log, this.privateLog);
    if (session.judgeResume(sequence) === 'lost') {
      this.end(session);
      return this.#refuse('invalid');
    }
    // A newer socket takes over from one that the client has given up.
    if (session.outlet !== null) this.closeSocket(session, CLOSE.UNKNOWN_ERROR);
    session.rewind(sequence, this.privateLog);
    session.replayedTo = session.sequence;
    this.#bind(session, owner, outlet);
    this.counts.resumes += 1;
    this.tell(session, encodeDispatch('RESUMED', {}));
    this.delivery.flushSession(session);
    this.topics.attachNext(session);
    return 'ok';
  }

  #refuse<T extends ResumeOutcome>(outcome: T): T {
    this.counts.resumesRefused += 1;
    return outcome;
  }

  #bind(session: Session, owner: SessionOwner, outlet: Outlet): void {
    session.owner = owner;
    session.outlet = outlet;
    session.status = LIVE;
    session.queuedBytes = 0;
    owner.sessionBound(session);
  }

  /** The socket is gone. `forGood`: the client said so; otherwise the session waits for RESUME. */
  socketLost(session: Session, outlet: Outlet, forGood: boolean): void {
    if (session.outlet !== outlet && session.status !== IDENTIFYING) return;
    if (forGood || session.status === IDENTIFYING) this.end(session);
    else this.#detachSocket(session);
  }

  #detachSocket(session: Session): void {
    session.outlet = null;
    session.owner = null;
    session.status = DETACHED;
    session.queuedBytes = 0;
    session.expiresAtMs = this.now() + this.resumeWindowMs;
    this.topics.attachNext(session);
  }

  /** Closes a live session's socket from our side; the session waits for RESUME. */
  closeSocket(session: Session, close: { readonly code: number; readonly text: string }): void {
    const { outlet } = session;
    if (outlet === null) return;
    this.#detachSocket(session);
    outlet.end(close.code, close.text);
  }

  /** The session is over: its topics forget it. */
  end(session: Session): void {
    if (session.isEnded) return;
    this.#finish(session, true);
  }

  /** The same without telling the topics: it moved, and they know. */
  drop(session: Session): void {
    this.#finish(session, false);
  }

  #finish(session: Session, tell: boolean): void {
    this.topics.ended(session, tell);
    session.kept.dropFirst(session.kept.count, this.privateLog);
    for (const position of session.held ?? []) if ((position & PRIVATE) !== 0) this.privateLog.release(position);
    session.status = ENDED;
    session.held = null;
    session.outlet = null;
    session.owner = null;
    this.sessions.remove(session);
    this.moves.sessionEnded(session);
    session.stopActor();
  }

  /** The session can't go on without a gap: op 9, and the client starts anew. */
  lose(session: Session): void {
    this.counts.sessionsLost += 1;
    const { owner } = session;
    this.end(session);
    owner?.sessionEnded('invalid');
  }

  /** Tokens of the user are gone (all of them without `hashes`): sessions that began with one end. */
  revoke(userId: Snowflake, hashes?: readonly string[]): number {
    const tags = hashes?.map(tokenTag);
    const sessions = this.sessions
      .ofUser(userId)
      .filter(({ tokenTag: tag }) => tags === undefined || tags.includes(tag));
    for (const session of sessions) {
      const { owner } = session;
      this.end(session);
      owner?.sessionEnded('revoked');
    }
    return sessions.length;
  }

  // ---- events

  /** One event of a topic: the hot path. */
  event(event: TopicEvent): void {
    const topic = this.topics.get(event.topic);
    if (topic === undefined) return;
    if (event.join !== undefined) this.topics.join(topic, event.join);
    const { bytes } = event;
    if (bytes.length === 0) return;
    this.counts.events += 1;
    if (event.session !== undefined) return this.#eventForOne(topic, event, event.session);
    if (event.only !== undefined) return this.#eventForUsers(topic, event, event.only);
    const { full, lite } = topic.listeners(event.channel, event.intents);
    let position = -1;
    const lossy = event.lossy === true;
    if (full.length + lite.length > 0) {
      position = this.log.append(bytes, event.split ?? bytes.length);
      const { except, content_for: contentFor } = event;
      for (let i = 0; i < full.length; i += 1) {
        const session = full[i] as Session;
        if (except !== undefined && except.includes(session.userId)) continue;
        this.delivery.give(session, position, bytes.length, lossy);
      }
      for (let i = 0; i < lite.length; i += 1) {
        const session = lite[i] as Session;
        if (except !== undefined && except.includes(session.userId)) continue;
        const seesContent = contentFor !== undefined && contentFor.includes(session.userId);
        this.delivery.give(session, seesContent ? position : position | LITE, bytes.length, lossy);
      }
    }
    if (event.always !== undefined) this.#eventAlways(topic, event, event.always, position);
  }

  /** Users that hear it whatever their intents: those sessions that the lists left out. */
  #eventAlways(topic: TopicAudience, event: TopicEvent, users: readonly Snowflake[], position: number): void {
    for (const user of new Set(users)) {
      for (const session of this.sessions.ofUser(user)) {
        if (event.intents === 0 || (session.intents & event.intents) !== 0) continue;
        const attachment = topic.find(session);
        if (attachment === undefined || !topic.admits(attachment, event.channel)) continue;
        if (position < 0) position = this.log.append(event.bytes, event.split ?? event.bytes.length);
        this.#giveVariant(session, position, event);
      }
    }
  }

  #eventForUsers(topic: TopicAudience, event: TopicEvent, users: readonly Snowflake[]): void {
    let position = -1;
    for (const user of new Set(users)) {
      if (event.except?.includes(user)) continue;
      const always = event.always?.includes(user) === true;
      for (const session of this.sessions.ofUser(user)) {
        if (!always && event.intents !== 0 && (session.intents & event.intents) === 0) continue;
        const attachment = topic.find(session);
        if (attachment === undefined || !topic.admits(attachment, event.channel)) continue;
        if (position < 0) position = this.log.append(event.bytes, event.split ?? event.bytes.length);
        this.#giveVariant(session, position, event);
      }
    }
  }

  #eventForOne(topic: TopicAudience, event: TopicEvent, key: SessionKey): void {
    const session = this.sessions.get(key);
    if (session === undefined || topic.find(session) === undefined) return;
    this.tell(session, event.bytes);
  }

  #giveVariant(session: Session, position: number, event: TopicEvent): void {
    const seesContent = session.wantsFull || event.content_for?.includes(session.userId) === true;
    this.delivery.give(session, seesContent ? position : position | LITE, event.bytes.length, event.lossy === true);
  }

  /** Gives one session an event of its own; the frame is the relay's from here. What it asked for may be large, so it weighs less in its queue. */
  tell(session: Session, frame: Uint8Array): void {
    if (session.isEnded) return;
    this.delivery.give(session, this.privateLog.append(frame), Math.ceil(frame.length / OWN_EVENT_WEIGHT), false);
  }

  /** A session that arrived has its number: what waited follows. */
  settle(session: Session): void {
    session.status = DETACHED;
    session.expiresAtMs = this.now() + this.resumeWindowMs;
    this.delivery.releaseHeld(session);
    this.topics.attachNext(session);
  }

  acknowledge(session: Session, sequence: number): void {
    session.acknowledge(sequence, this.privateLog);
  }

  // ---- upkeep

  /** Once a second: what has expired, what the log has let go, what was not answered. */
  sweep(): void {
    const now = this.now();
    this.log.expire();
    for (const session of this.sessions.all()) {
      this.#trim(session);
      if (session.status === DETACHED && now >= session.expiresAtMs) {
        this.counts.sessionsExpired += 1;
        this.end(session);
      }
    }
    this.topics.askAgain(now);
    this.moves.sweep(now);
  }

  /** Forgets what the logs have let go and what is beyond the replay's bound; never what was not sent yet. */
  #trim(session: Session): void {
    const { kept } = session;
    if (kept.count === 0) return;
    kept.dropFallen(this.log, this.privateLog);
    const isSending = session.status === LIVE || session.status === BLOCKED;
    const sent = isSending ? Math.max(0, session.sent - session.floor) : kept.count;
    const excess = Math.min(kept.count - this.#replayEventsMax, sent);
    if (excess > 0) kept.dropFirst(excess, this.privateLog);
  }

  /** The relay's actor failed: nothing that was in its hands can be trusted to be whole. */
  loseAll(): void {
    for (const session of [...this.sessions.all()]) this.lose(session);
  }

  stats(): RelayStats {
    let live = 0;
    for (const { status } of this.sessions.all()) if (status === LIVE || status === BLOCKED) live += 1;
    return {
      sessions: this.sessions.size,
      live,
      topics: this.topics.size,
      logBytes: this.log.bytes,
      logEntries: this.log.entries,
      privateBytes: this.privateLog.bytes,
      ...this.counts,
    };
  }
}
