// The relay of an I/O thread: the actor named RELAY. Topics tell it what happens; it knows which of its sessions hear it,
// appends the event to the replay log once, gives each session its next number and, at the end of the turn, hands each socket
// all its frames at once.
//
// The way of a delivery is direct calls from here to Session and its socket, without mailboxes: sessions and relay share a
// thread, so nothing can come between. It keeps true: an event reaches a session at most once and in the topic's order; a
// number once given is sent before the next; what cannot be sent is lost with a notice (op 9, or a resumable close), never
// silently.

import type { ActorContext, Address, Behaviour, ExitReason, From, GapNotice, Message, Runtime } from '../../actor/types.ts';
import { assert } from '../../base/assert.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { encodeDispatch, writeSequence } from '../../protocol/dispatch.ts';
import { CLOSE } from '../../protocol/close-codes.ts';
import { topicAddress } from '../shard/table.ts';
import {
  type Attach,
  type Attached,
  type Detach,
  RELAY,
  type Detached,
  type PresenceState,
  type SessionKey,
  type SessionPresence,
  type TopicEvent,
  type TopicName,
  type TopicUp,
  type Views,
} from '../topic.ts';
import { type Attachment, TopicAudience } from './audience.ts';
import { IdentifyGate } from './identify-gate.ts';
import { REPLAY_LOG_LIMITS, ReplayLog, type ReplayLogLimits } from './log.ts';
import { Moves } from './move.ts';
import { LITE, PRIVATE } from './position.ts';
import { PrivateLog, type PrivateLogLimits } from './private-log.ts';
import { SessionRegistry } from './registry.ts';
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
  /** Runs the flush at the end of the turn; setImmediate unless a test says otherwise. */
  readonly atTurnEnd?: (flush: () => void) => void;
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
/** What the socket may hold in user space before the relay waits for its drain: four sends of a full cork buffer. */
const SOCKET_BYTES_MAX = 64 * 1024;
/** Guild snapshots asked for and not answered, per session: each may be hundreds of KB, and they arrive at once. */
const ATTACHES_IN_FLIGHT = 8;
/** An attach without an answer is asked again: its topic may have died with it. */
const ATTACH_RETRY_MS = 10_000;
/** Events that wait for a session's READY or hand-over; beyond it the session is lost. Some seconds of a busy guild. */
const HELD_MAX = 16_384;
/** A member list of 10,000 comes as 5 MB at once, to a client that reads as fast as it can: 16 MiB of such may wait. */
const OWN_EVENT_WEIGHT = 16;
const SWEEP_MS = 1_000;
/** Messages in the relay's mailbox: the rings before it are bounded in bytes; this must not be the first to overflow. */
const MAILBOX_MAX = 1_000_000;

const INTENT_GUILDS = 1;

export type ResumeOutcome = 'ok' | 'beyond' | 'invalid' | 'busy';

export class Relay {
  readonly runtime: Runtime;
  readonly sessions = new SessionRegistry();
  readonly log: ReplayLog;
  readonly privateLog: PrivateLog;
  readonly gate: IdentifyGate;
  readonly moves: Moves;
  readonly resumeWindowMs: number;
  readonly #queueBytesMax: number;
  readonly #replayEventsMax: number;
  readonly #atTurnEnd: (flush: () => void) => void;
  /** Sessions with topics asked or still to ask. */
  readonly #joiningSessions = new Set<Session>();
  readonly #topics = new Map<TopicName, TopicAudience>();
  /** Identifying sessions that wait for their user topic. */
  readonly #waiting = new Map<SessionKey, (attached: boolean) => void>();
  #dirty: Session[] = [];
  #flushScheduled = false;
  readonly #flushBound = (): void => this.flush();
  /** The session whose socket is being corked: one callback for all, no closure each. */
  #corked: Session | null = null;
  readonly #sendCorked = (): void => {
    if (this.#corked !== null) this.#send(this.#corked);
  };
  readonly #scratch: number[] = [];
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
    this.#queueBytesMax = options.queueBytesMax;
    this.#replayEventsMax = options.replayEventsMax ?? REPLAY_EVENTS_MAX;
    this.#atTurnEnd = options.atTurnEnd ?? ((flush) => void setImmediate(flush));
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
      if (thread.kind === 'actor' && up) this.#actorThreadUp(thread.index);
      if (thread.kind === 'io' && !up) this.moves.threadDown(thread.index);
    });
  }

  now(): number {
    return this.runtime.clock.monotonicMs();
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

  /** Attaches the session to its user's own topic; resolves when the topic has answered. False: the session ended meanwhile. */
  attachUser(session: Session): Promise<boolean> {
    return new Promise((resolve) => {
      if (session.isEnded) return resolve(false);
      this.#waiting.set(session.key, resolve);
      this.ask(session, `user:${session.userId}`, 'identify');
    });
  }

  /** READY goes out as number 1, then what waited, then a snapshot per guild. */
  begin(session: Session, owner: SessionOwner, outlet: Outlet, ready: Uint8Array, guilds: readonly Snowflake[]): void {
    assert(session.status === IDENTIFYING, 'begin of a session that has begun');
    this.#bind(session, owner, outlet);
    this.tell(session, ready);
    this.#releaseHeld(session);
    const joining = this.#joining(session);
    // Guilds joined since the list was read wait in the queue already.
    const queue = new Set([...joining.queue, ...guilds.toReversed()]);
    joining.queue.length = 0;
    for (const guild of queue) joining.queue.push(guild);
    this.attachNext(session);
  }

  /** RESUME of a session that may be here or on another thread. On 'ok' the replay and RESUMED are on their way. */
  async resume(id: string, userId: Snowflake, sequence: number, owner: SessionOwner, outlet: Outlet, isOpen: () => boolean): Promise<ResumeOutcome> {
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
    this.#bind(session, owner, outlet);
    this.counts.resumes += 1;
    this.tell(session, encodeDispatch('RESUMED', {}));
    this.#flushSession(session);
    this.attachNext(session);
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
    this.attachNext(session);
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
    for (const { topic } of session.topics) this.#castDetach(session, topic.name);
    for (const topic of session.joining?.asked.keys() ?? []) this.#castDetach(session, topic);
    this.drop(session);
  }

  /** The same without telling the topics (it moved, or they are told otherwise). */
  drop(session: Session): void {
    while (session.topics.length > 0) this.leave(session.topics[session.topics.length - 1] as Attachment);
    session.kept.dropFirst(session.kept.count, this.privateLog);
    for (const position of session.held ?? []) if ((position & PRIVATE) !== 0) this.privateLog.release(position);
    session.status = ENDED;
    this.moves.sessionEnded(session);
    session.held = null;
    this.#joined(session);
    session.outlet = null;
    session.owner = null;
    this.sessions.remove(session);
    const waiting = this.#waiting.get(session.key);
    this.#waiting.delete(session.key);
    waiting?.(false);
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
    const sessions = this.sessions.ofUser(userId).filter(({ tokenTag: tag }) => tags === undefined || tags.includes(tag));
    for (const session of sessions) {
      const { owner } = session;
      this.end(session);
      owner?.sessionEnded('revoked');
    }
    return sessions.length;
  }

  // ---- topics: attaching and leaving

  topic(name: TopicName): TopicAudience | undefined {
    return this.#topics.get(name);
  }

  isAttached(session: Session, name: TopicName): boolean {
    return this.#topics.get(name)?.find(session) !== undefined;
  }

  cast(topic: TopicName, message: Message): void {
    this.runtime.cast(topicAddress(this.runtime, topic), message);
  }

  #joining(session: Session): NonNullable<Session['joining']> {
    if (session.joining === null) {
      session.joining = { queue: [], asked: new Map() };
      this.#joiningSessions.add(session);
    }
    return session.joining;
  }

  #joined(session: Session): void {
    session.joining = null;
    this.#joiningSessions.delete(session);
  }

  /** Asks a topic to attach the session. */
  ask(session: Session, topic: TopicName, mode: Attach['mode']): void {
    this.#joining(session).asked.set(topic, { mode, atMs: this.now() });
    const message: Attach = {
      k: 'attach',
      thread: this.runtime.thread,
      session: session.key,
      session_id: session.id,
      user_id: session.userId,
      bot: session.bot,
      intents: session.intents,
      large_threshold: session.largeThreshold,
      mode,
      presence: topic.startsWith('guild:') ? session.presence : null,
    };
    this.cast(topic, message);
  }

  /** Remembers topics that are known to be on their way (a session that moved here). */
  expect(session: Session, topic: TopicName): void {
    this.#joining(session).asked.set(topic, { mode: 'move', atMs: this.now() });
  }

  /** Guilds to attach as soon as the session can. */
  enqueue(session: Session, guilds: readonly Snowflake[]): void {
    if (guilds.length > 0) this.#joining(session).queue.unshift(...guilds);
  }

  /** Asks for further guilds: some at a time, and none while the socket takes nothing. */
  attachNext(session: Session): void {
    const { joining } = session;
    if (joining === null || (session.status !== LIVE && session.status !== DETACHED)) return;
    while (joining.asked.size < ATTACHES_IN_FLIGHT) {
      const guild = joining.queue.pop();
      if (guild === undefined) break;
      this.ask(session, `guild:${guild}`, 'identify');
    }
    if (joining.asked.size === 0) this.#joined(session);
  }

  leave(attachment: Attachment): void {
    const { topic } = attachment;
    topic.detach(attachment);
    if (topic.empty) this.#topics.delete(topic.name);
  }

  #castDetach(session: Session, topic: TopicName): void {
    this.#castDetachKey(session.key, session.id, session.userId, topic);
  }

  #castDetachKey(key: SessionKey, id: string, userId: Snowflake, topic: TopicName): void {
    const message: Detach = { k: 'detach', thread: this.runtime.thread, session: key, session_id: id, user_id: userId };
    this.cast(topic, message);
  }

  attached(message: Attached): void {
    const session = this.sessions.get(message.session);
    if (session === undefined || session.id !== message.session_id) {
      // It ended while the topic answered. The user is not known any more; the topic goes by thread and key.
      if (message.view !== null) this.#castDetachKey(message.session, message.session_id, '', message.topic);
      return;
    }
    session.joining?.asked.delete(message.topic);
    const { view, mode } = message;
    const before = this.#topics.get(message.topic)?.find(session);
    if (view === null) {
      if (mode === 'move') {
        // The topic may have been started anew on the way, knowing nobody: what it says to a new attach is the truth.
        this.ask(session, message.topic, 'reattach');
      } else {
        if (before !== undefined) this.leave(before);
        if (mode === 'identify') this.#gone(session, message.topic);
      }
    } else {
      if (before !== undefined) before.topic.setView(before, view);
      else this.audienceOf(message.topic).attach(session, view);
      const isNew = before === undefined && (mode === 'identify' || mode === 'join');
      if (isNew && message.bytes !== undefined && (session.intents & INTENT_GUILDS) !== 0) {
        this.tell(session, message.bytes);
      }
    }
    const waiting = this.#waiting.get(session.key);
    if (waiting !== undefined && message.topic.startsWith('user:')) {
      this.#waiting.delete(session.key);
      waiting(true);
    }
    this.attachNext(session);
  }

  audienceOf(name: TopicName): TopicAudience {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new TopicAudience(name);
      this.#topics.set(name, topic);
    }
    return topic;
  }

  /** A guild that READY named is gone: clients wait for an answer about each. */
  #gone(session: Session, topic: TopicName): void {
    if (!topic.startsWith('guild:') || (session.intents & INTENT_GUILDS) === 0) return;
    this.tell(session, encodeDispatch('GUILD_DELETE', { id: topic.slice('guild:'.length) }));
  }

  views(message: Views): void {
    const topic = this.#topics.get(message.topic);
    if (topic === undefined) return;
    for (const [user, view] of message.users) {
      for (const session of this.sessions.ofUser(user)) {
        const attachment = topic.find(session);
        if (attachment === undefined) continue;
        if (view === null) this.leave(attachment);
        else topic.setView(attachment, view);
      }
    }
  }

  /** The topic's actor is new and knows nobody. It may be new because we asked it: what was asked it will answer. */
  topicUp({ topic: name }: TopicUp): void {
    for (const { session } of [...(this.#topics.get(name)?.attachments ?? [])]) {
      if (session.status === MOVING) this.moves.topicUp(session, name);
      else this.ask(session, name, 'reattach');
    }
    const joining = name.startsWith('user:') ? this.sessions.ofUser(name.slice('user:'.length)) : [...this.#joiningSessions];
    for (const session of joining) {
      const asked = session.joining?.asked.get(name);
      if (asked === undefined) continue;
      if (session.status === MOVING) this.moves.topicUp(session, name);
      else if (asked.mode === 'move') this.ask(session, name, 'reattach');
    }
  }

  /** An actor thread is back with nothing in it. */
  #actorThreadUp(thread: number): void {
    const isThere = (topic: TopicName): boolean => topicAddress(this.runtime, topic).thread === thread;
    for (const topic of [...this.#topics.values()]) if (isThere(topic.name)) this.topicUp({ k: 'up', topic: topic.name });
    for (const session of [...this.#joiningSessions]) {
      for (const [topic, { mode }] of [...(session.joining?.asked ?? [])]) {
        if (isThere(topic) && session.status !== MOVING) this.ask(session, topic, mode === 'move' ? 'reattach' : mode);
      }
    }
  }

  /** What the client says of itself, to all of its guilds. */
  setPresence(session: Session, presence: PresenceState): void {
    session.presence = presence;
    for (const { topic } of session.topics) {
      if (!topic.name.startsWith('guild:')) continue;
      const message: SessionPresence = {
        k: 'presence',
        thread: this.runtime.thread,
        session: session.key,
        user_id: session.userId,
        presence,
      };
      this.cast(topic.name, message);
    }
  }

  // ---- events

  /** One event of a topic: the hot path. */
  event(event: TopicEvent): void {
    const topic = this.#topics.get(event.topic);
    if (topic === undefined) return;
    if (event.join !== undefined) this.#join(topic, event.join);
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
        this.#give(session, position, bytes.length, lossy);
      }
      for (let i = 0; i < lite.length; i += 1) {
        const session = lite[i] as Session;
        if (except !== undefined && except.includes(session.userId)) continue;
        const seesContent = contentFor !== undefined && contentFor.includes(session.userId);
        this.#give(session, seesContent ? position : position | LITE, bytes.length, lossy);
      }
    }
    if (event.always !== undefined) this.#eventAlways(topic, event, event.always, position);
  }

  /** Users that hear it whatever their intents: those sessions that the lists left out. */
  #eventAlways(topic: TopicAudience, event: TopicEvent, users: readonly Snowflake[], position: number): void {
    for (const user of users) {
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
    for (const user of users) {
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
    this.#give(session, seesContent ? position : position | LITE, event.bytes.length, event.lossy === true);
  }

  /** The user joined a guild: its sessions whose shard the guild is on attach to it. */
  #join(userTopic: TopicAudience, guild: Snowflake): void {
    for (const { session } of userTopic.attachments) {
      if (!isOnShard(guild, session.shardId, session.shardCount)) continue;
      const { status } = session;
      const waits = status === IDENTIFYING || status === ARRIVING || status === MOVING;
      if (waits || (session.joining?.asked.size ?? 0) >= ATTACHES_IN_FLIGHT) this.enqueue(session, [guild]);
      else this.ask(session, `guild:${guild}`, 'join');
    }
  }

  /** Gives one session an event of its own; the frame is the relay's from here. What it asked for may be large, so it weighs less in its queue. */
  tell(session: Session, frame: Uint8Array): void {
    if (session.isEnded) return;
    this.#give(session, this.privateLog.append(frame), Math.ceil(frame.length / OWN_EVENT_WEIGHT), false);
  }

  #give(session: Session, position: number, bytes: number, lossy: boolean): void {
    if (session.status !== LIVE) return this.#giveWaiting(session, position, bytes, lossy);
    session.give(position);
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.push(session);
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      this.#atTurnEnd(this.#flushBound);
    }
  }

  #giveWaiting(session: Session, position: number, bytes: number, lossy: boolean): void {
    switch (session.status) {
      case BLOCKED:
        if (lossy) {
          this.counts.lossyShed += 1;
          return;
        }
        session.give(position);
        session.queuedBytes += bytes;
        if (session.queuedBytes > this.#queueBytesMax) {
          this.counts.slowCloses += 1;
          this.closeSocket(session, CLOSE.SLOW_CONSUMER);
        }
        return;
      case DETACHED:
      case MOVING:
        session.give(position);
        return;
      case IDENTIFYING:
      case ARRIVING:
        if (session.held === null || session.held.length >= HELD_MAX) this.lose(session);
        else session.held.push(position);
        return;
      default:
    }
  }

  #releaseHeld(session: Session): void {
    const { held } = session;
    session.held = null;
    if (held === null) return;
    for (const position of held) this.#give(session, position, 0, false);
  }

  /** A session that arrived has its number: what waited follows. */
  settle(session: Session): void {
    session.status = DETACHED;
    session.expiresAtMs = this.now() + this.resumeWindowMs;
    this.#releaseHeld(session);
    this.attachNext(session);
  }

  // ---- sending

  /** Sends what was given in this turn: each socket gets all of its frames in one write. */
  flush(): void {
    this.#flushScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (let i = 0; i < dirty.length; i += 1) this.#flushSession(dirty[i] as Session);
    this.log.forgetViews();
    // The array's memory is used again by the next turn.
    if (this.#dirty.length === 0) {
      dirty.length = 0;
      this.#dirty = dirty;
    }
  }

  #flushSession(session: Session): void {
    session.dirty = false;
    if (session.status !== LIVE) return;
    const pending = session.sequence - session.sent;
    if (pending === 1) this.#send(session);
    else if (pending > 1) {
      this.#corked = session;
      (session.outlet as Outlet).cork(this.#sendCorked);
      this.#corked = null;
    }
  }

  #send(session: Session): void {
    const { kept } = session;
    const pending = session.sequence - session.sent;
    if (pending > kept.count) return this.lose(session);
    if (pending <= kept.tailEnd - kept.tailStart) {
      let position = kept.tailEnd - pending;
      while (position < kept.tailEnd) {
        if (!this.#sendOne(session, position)) return;
        position += 1;
      }
      return;
    }
    const positions = this.#scratch;
    positions.length = 0;
    kept.collectLast(pending, positions);
    for (let i = 0; i < positions.length; i += 1) if (!this.#sendOne(session, positions[i] as number)) return;
  }

  /** False: the socket takes no more, or the session has ended. */
  #sendOne(session: Session, position: number): boolean {
    const frame = (position & PRIVATE) !== 0 ? this.privateLog.frame(position) : this.log.frame(position);
    if (frame === undefined) {
      this.lose(session);
      return false;
    }
    const outlet = session.outlet as Outlet;
    writeSequence(frame, session.sent + 1);
    const result = outlet.send(frame, false);
    if (result === 2) {
      // Dropped by the transport: it goes again after RESUME.
      this.counts.slowCloses += 1;
      this.closeSocket(session, CLOSE.SLOW_CONSUMER);
      return false;
    }
    session.sent += 1;
    this.counts.deliveries += 1;
    if (session.queuedBytes > 0) session.queuedBytes = Math.max(0, session.queuedBytes - frame.length);
    if (result === 1) return true;
    // The socket may have been closed under the send.
    if (session.outlet !== outlet) return false;
    if (outlet.getBufferedAmount() <= SOCKET_BYTES_MAX) return true;
    session.status = BLOCKED;
    return false;
  }

  /** The socket has room again. */
  drained(session: Session, outlet: Outlet): void {
    if (session.outlet !== outlet || session.status !== BLOCKED) return;
    if (outlet.getBufferedAmount() > SOCKET_BYTES_MAX / 2) return;
    session.status = LIVE;
    this.#flushSession(session);
    if (session.status !== LIVE) return;
    session.queuedBytes = 0;
    this.attachNext(session);
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
    for (const session of this.#joiningSessions) {
      if (session.status === MOVING) continue;
      for (const [topic, { mode, atMs }] of session.joining?.asked ?? []) {
        if (now - atMs >= ATTACH_RETRY_MS) this.ask(session, topic, mode === 'move' ? 'reattach' : mode);
      }
    }
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

  /** Casts of a thread's actors to us were dropped: sessions that hear a topic of it may have missed something. */
  gap(thread: number): void {
    const hit = new Set<Session>();
    for (const topic of this.#topics.values()) {
      if (topicAddress(this.runtime, topic.name).thread !== thread) continue;
      for (const { session } of topic.attachments) hit.add(session);
    }
    for (const session of this.#joiningSessions) {
      for (const topic of session.joining?.asked.keys() ?? []) {
        if (topicAddress(this.runtime, topic).thread === thread) hit.add(session);
      }
    }
    for (const session of hit) this.lose(session);
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
      topics: this.#topics.size,
      logBytes: this.log.bytes,
      logEntries: this.log.entries,
      privateBytes: this.privateLog.bytes,
      ...this.counts,
    };
  }
}

/** Guilds spread over an account's shards by Discord's formula; shard_count 1 has them all. */
export function isOnShard(guild: Snowflake, shardId: number, shardCount: number): boolean {
  return shardCount <= 1 || Number((BigInt(guild) >> 22n) % BigInt(shardCount)) === shardId;
}

/** The actor: it only sorts messages. */
class RelayActor implements Behaviour {
  readonly #relay: Relay;
  #context!: ActorContext;

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  init(context: ActorContext): void {
    this.#context = context;
    context.sendAfter(SWEEP_MS, { k: 'sweep' });
  }

  handleCast(message: Message): void {
    const relay = this.#relay;
    switch (message['k']) {
      case 'event':
        return relay.event(message as unknown as TopicEvent);
      case 'attached':
        return relay.attached(message as Attached);
      case 'detached':
        return relay.moves.detached(message as Detached);
      case 'views':
        return relay.views(message as Views);
      case 'up':
        return relay.topicUp(message as TopicUp);
      case 'revoked':
        relay.revoke(message['user_id'] as Snowflake, message['hashes'] as readonly string[] | undefined);
        return;
      default:
    }
  }

  handleCall(message: Message, from: From): unknown {
    const relay = this.#relay;
    switch (message['k']) {
      case 'locate':
        return relay.moves.locate(message);
      case 'claim':
        return relay.moves.give(message, (reply) => this.#context.reply(from, reply));
      case 'revoked':
        return relay.revoke(message['user_id'] as Snowflake, message['hashes'] as readonly string[] | undefined);
      case 'gate':
        return relay.gate.admit(message['user_id'] as Snowflake, message['key'] as number);
      case 'stats':
        return relay.stats();
      default:
        throw new Error(`the relay knows no call '${String(message['k'])}'`);
    }
  }

  handleInfo(message: Message): void {
    if (message['k'] === '$gap') this.#relay.gap((message as GapNotice).fromThread);
    if (message['k'] === 'sweep') {
      this.#relay.sweep();
      this.#context.sendAfter(SWEEP_MS, { k: 'sweep' });
    }
  }

  terminate(reason: ExitReason): void {
    if (reason instanceof Error) this.#relay.loseAll();
  }
}

/** Address of the relay on an I/O thread. */
export function relayAddress(thread: number): Address {
  return { thread, name: RELAY };
}
