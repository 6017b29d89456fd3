// Who listens to a topic: the attached sessions by I/O thread, and of each thread what its sessions can want, so that a thread
// gets no record that none of them would be sent. Called by the topic's shell only; pure bookkeeping.

import type { Snowflake } from '../base/snowflake.ts';
import type { Attach, EventAddress, PresenceState, SessionKey } from './topic.ts';

/** Bits of a gateway intents mask that are counted; bits above are ignored by the gateway. */
const INTENT_BITS = 26;
const MESSAGE_CONTENT = 1 << 15;

export interface AttachedSession {
  readonly thread: number;
  readonly session: SessionKey;
  readonly session_id: string;
  readonly user_id: Snowflake;
  readonly bot: boolean;
  readonly intents: number;
  readonly large_threshold: number;
  presence: PresenceState | null;
}

/** The sessions of one I/O thread. */
class ThreadAudience {
  readonly sessions = new Map<SessionKey, AttachedSession>();
  /** Sessions of each user on this thread. */
  readonly users = new Map<Snowflake, number>();
  /** Sessions that have each intent. */
  readonly #byIntent = new Uint32Array(INTENT_BITS);
  /** Union of their intents. */
  intents = 0;
  /** Bot sessions without MESSAGE_CONTENT. */
  lite = 0;

  count(entry: AttachedSession, by: 1 | -1): void {
    for (let bit = 0; bit < INTENT_BITS; bit += 1) {
      if ((entry.intents & (1 << bit)) === 0) continue;
      const left = (this.#byIntent[bit] ?? 0) + by;
      this.#byIntent[bit] = left;
      this.intents = left === 0 ? this.intents & ~(1 << bit) : this.intents | (1 << bit);
    }
    if (entry.bot && (entry.intents & MESSAGE_CONTENT) === 0) this.lite += by;
    const left = (this.users.get(entry.user_id) ?? 0) + by;
    if (left === 0) this.users.delete(entry.user_id);
    else this.users.set(entry.user_id, left);
  }

  wants(event: EventAddress): boolean {
    if (event.only !== undefined && !event.only.some((user) => this.users.has(user))) return false;
    if (event.intents === 0 || (event.intents & this.intents) !== 0) return true;
    return event.always?.some((user) => this.users.has(user)) ?? false;
  }
}

export class Audience {
  readonly #threads = new Map<number, ThreadAudience>();
  /** Sessions of each user on all threads. */
  readonly #users = new Map<Snowflake, Set<AttachedSession>>();

  get size(): number {
    let sessions = 0;
    for (const thread of this.#threads.values()) sessions += thread.sessions.size;
    return sessions;
  }

  get empty(): boolean {
    return this.#threads.size === 0;
  }

  /** Users with at least one attached session. */
  users(): IterableIterator<Snowflake> {
    return this.#users.keys();
  }

  hasUser(userId: Snowflake): boolean {
    return this.#users.has(userId);
  }

  sessionsOf(userId: Snowflake): ReadonlySet<AttachedSession> {
    return this.#users.get(userId) ?? NONE;
  }

  session(thread: number, session: SessionKey): AttachedSession | undefined {
    return this.#threads.get(thread)?.sessions.get(session);
  }

  /** Adds a session; one that was there under the same key is replaced (a repeated attach). */
  add(message: Attach): AttachedSession {
    this.remove(message.thread, message.session);
    const entry: AttachedSession = {
      thread: message.thread,
      session: message.session,
      session_id: message.session_id,
      user_id: message.user_id,
      bot: message.bot,
      intents: message.intents,
      large_threshold: message.large_threshold,
      presence: message.presence,
    };
    this.#insert(entry);
    return entry;
  }

  remove(thread: number, session: SessionKey): AttachedSession | undefined {
    const audience = this.#threads.get(thread);
    const entry = audience?.sessions.get(session);
    if (audience === undefined || entry === undefined) return undefined;
    audience.sessions.delete(session);
    audience.count(entry, -1);
    if (audience.sessions.size === 0) this.#threads.delete(thread);
    const ofUser = this.#users.get(entry.user_id);
    ofUser?.delete(entry);
    if (ofUser?.size === 0) this.#users.delete(entry.user_id);
    return entry;
  }

  /** The same session under another thread's key. */
  move(
    from: { thread: number; session: SessionKey },
    to: { thread: number; session: SessionKey },
  ): AttachedSession | undefined {
    const before = this.remove(from.thread, from.session);
    if (before === undefined) return undefined;
    this.remove(to.thread, to.session);
    const entry: AttachedSession = { ...before, thread: to.thread, session: to.session };
    this.#insert(entry);
    return entry;
  }

  /** Keeps the session's presence; a user's sessions stand in the order in which theirs were last set. */
  setPresence(entry: AttachedSession, presence: PresenceState | null): void {
    entry.presence = presence;
    const ofUser = this.#users.get(entry.user_id);
    if (ofUser?.delete(entry) === true) ofUser.add(entry);
  }

  /** Every session of a user (it left the guild). */
  removeUser(userId: Snowflake): AttachedSession[] {
    const entries = [...this.sessionsOf(userId)];
    for (const entry of entries) this.remove(entry.thread, entry.session);
    return entries;
  }

  /** Every session of a thread (it went down). */
  removeThread(thread: number): AttachedSession[] {
    const entries = [...(this.#threads.get(thread)?.sessions.values() ?? [])];
    for (const entry of entries) this.remove(entry.thread, entry.session);
    return entries;
  }

  /** Threads with at least one session of these users. */
  threadsOf(users: Iterable<Snowflake>): number[] {
    const wanted = [...users];
    const threads: number[] = [];
    for (const [index, thread] of this.#threads) if (wanted.some((user) => thread.users.has(user))) threads.push(index);
    return threads;
  }

  hasUserOn(thread: number, userId: Snowflake): boolean {
    return this.#threads.get(thread)?.users.has(userId) ?? false;
  }

  /** Threads on which a session can want the event. */
  targets(event: EventAddress): number[] {
    const targets: number[] = [];
    for (const [index, thread] of this.#threads) if (thread.wants(event)) targets.push(index);
    return targets;
  }

  /** Must an event with message content carry its variant without? */
  needsLite(threads: readonly number[]): boolean {
    return threads.some((index) => (this.#threads.get(index)?.lite ?? 0) > 0);
  }

  #insert(entry: AttachedSession): void {
    let thread = this.#threads.get(entry.thread);
    if (thread === undefined) {
      thread = new ThreadAudience();
      this.#threads.set(entry.thread, thread);
    }
    thread.sessions.set(entry.session, entry);
    thread.count(entry, 1);
    const ofUser = this.#users.get(entry.user_id);
    if (ofUser === undefined) this.#users.set(entry.user_id, new Set([entry]));
    else ofUser.add(entry);
  }
}

const NONE: ReadonlySet<AttachedSession> = new Set();
