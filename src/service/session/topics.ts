// The sessions' side of their topics: which audiences there are on this thread, who was asked to attach whom, and what topics
// say of attaching, viewing and themselves. It keeps true: a topic that attached a session of ours is told when the session
// ends; what is not answered is asked again.

import type { Message } from '../../actor/types.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { topicAddress } from '../shard/table.ts';
import type {
  Attach,
  Attached,
  Detach,
  PresenceState,
  SessionKey,
  SessionPresence,
  TopicName,
  TopicUp,
  Views,
} from '../topic.ts';
import { type Attachment, TopicAudience } from './audience.ts';
import type { Relay } from './relay.ts';
import { ARRIVING, DETACHED, IDENTIFYING, LIVE, MOVING, type Session } from './session.ts';

/** Guild snapshots asked for and not answered, per session: each may be hundreds of KB, and they arrive at once. */
const ATTACHES_IN_FLIGHT = 8;
/** An attach without an answer is asked again: its topic may have died with it. */
const ATTACH_RETRY_MS = 10_000;
const INTENT_GUILDS = 1;

export class Topics {
  readonly #relay: Relay;
  readonly #byName = new Map<TopicName, TopicAudience>();
  /** Sessions with topics asked or still to ask. */
  readonly #joiningSessions = new Set<Session>();
  /** Identifying sessions that wait for their user topic. */
  readonly #waiting = new Map<SessionKey, (attached: boolean) => void>();

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: TopicName): TopicAudience | undefined {
    return this.#byName.get(name);
  }

  isAttached(session: Session, name: TopicName): boolean {
    return this.#byName.get(name)?.find(session) !== undefined;
  }

  cast(topic: TopicName, message: Message): void {
    this.#relay.runtime.cast(topicAddress(this.#relay.runtime, topic), message);
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

  /** Attaches the session to its user's own topic; resolves when the topic has answered. False: the session ended meanwhile. */
  attachUser(session: Session): Promise<boolean> {
    return new Promise((resolve) => {
      if (session.isEnded) return resolve(false);
      this.#waiting.set(session.key, resolve);
      this.ask(session, `user:${session.userId}`, 'identify');
    });
  }

  #tellWaiting(session: Session, attached: boolean): void {
    const waiting = this.#waiting.get(session.key);
    if (waiting === undefined) return;
    this.#waiting.delete(session.key);
    waiting(attached);
  }

  /** The session is over; `tell`: its topics don't know yet. */
  ended(session: Session, tell: boolean): void {
    if (tell) {
      for (const { topic } of session.topics) this.#detach(session, topic.name);
      for (const topic of session.joining?.asked.keys() ?? []) this.#detach(session, topic);
    }
    while (session.topics.length > 0) this.leave(session.topics[session.topics.length - 1] as Attachment);
    this.#joined(session);
    this.#tellWaiting(session, false);
  }

  /** Guilds of a new session, in this order; those it joined while the list was read wait already. */
  begin(session: Session, guilds: readonly Snowflake[]): void {
    const joining = this.#joining(session);
    const queue = new Set([...joining.queue, ...guilds.toReversed()]);
    joining.queue.length = 0;
    for (const guild of queue) joining.queue.push(guild);
    this.attachNext(session);
  }

  /** Asks a topic to attach the session. */
  ask(session: Session, topic: TopicName, mode: Attach['mode']): void {
    this.#joining(session).asked.set(topic, { mode, atMs: this.#relay.now() });
    const message: Attach = {
      k: 'attach',
      thread: this.#relay.runtime.thread,
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
    this.#joining(session).asked.set(topic, { mode: 'move', atMs: this.#relay.now() });
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
    if (topic.empty) this.#byName.delete(topic.name);
  }

  #detach(session: Session, topic: TopicName): void {
    this.#castDetach(session.key, session.id, session.userId, topic);
  }

  #castDetach(key: SessionKey, id: string, userId: Snowflake, topic: TopicName): void {
    const message: Detach = {
      k: 'detach',
      thread: this.#relay.runtime.thread,
      session: key,
      session_id: id,
      user_id: userId,
    };
    this.cast(topic, message);
  }

  attached(message: Attached): void {
    const session = this.#relay.sessions.get(message.session);
    if (session === undefined || session.id !== message.session_id) {
      // It ended while the topic answered. The user is not known any more; the topic goes by thread and key.
      if (message.view !== null) this.#castDetach(message.session, message.session_id, '', message.topic);
      return;
    }
    session.joining?.asked.delete(message.topic);
    const { view, mode } = message;
    const before = this.#byName.get(message.topic)?.find(session);
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
        this.#relay.tell(session, message.bytes);
      }
    }
    if (message.topic.startsWith('user:')) this.#tellWaiting(session, true);
    this.attachNext(session);
  }

  audienceOf(name: TopicName): TopicAudience {
    let topic = this.#byName.get(name);
    if (topic === undefined) {
      topic = new TopicAudience(name);
      this.#byName.set(name, topic);
    }
    return topic;
  }

  /** From the sweep: what was not answered is asked again. */
  askAgain(now: number): void {
    for (const session of this.#joiningSessions) {
      if (session.status === MOVING) continue;
      for (const [topic, { mode, atMs }] of session.joining?.asked ?? []) {
        if (now - atMs >= ATTACH_RETRY_MS) this.ask(session, topic, mode === 'move' ? 'reattach' : mode);
      }
    }
  }

  /** A guild that READY named is gone: clients wait for an answer about each. */
  #gone(session: Session, topic: TopicName): void {
    if (!topic.startsWith('guild:') || (session.intents & INTENT_GUILDS) === 0) return;
    this.#relay.tell(session, encodeDispatch('GUILD_DELETE', { id: topic.slice('guild:'.length) }));
  }

  views(message: Views): void {
    const topic = this.#byName.get(message.topic);
    if (topic === undefined) return;
    for (const [user, view] of message.users) {
      for (const session of this.#relay.sessions.ofUser(user)) {
        const attachment = topic.find(session);
        if (attachment === undefined) continue;
        if (view === null) this.leave(attachment);
        else topic.setView(attachment, view);
      }
    }
  }

  /** The topic's actor is new and knows nobody. It may be new because we asked it: what was asked it will answer. */
  up({ topic: name }: TopicUp): void {
    for (const { session } of [...(this.#byName.get(name)?.attachments ?? [])]) {
      if (session.status === MOVING) this.#relay.moves.topicUp(session, name);
      else this.ask(session, name, 'reattach');
    }
    const joining = name.startsWith('user:')
      ? this.#relay.sessions.ofUser(name.slice('user:'.length))
      : [...this.#joiningSessions];
    for (const session of joining) {
      const asked = session.joining?.asked.get(name);
      if (asked === undefined) continue;
      if (session.status === MOVING) this.#relay.moves.topicUp(session, name);
      else if (asked.mode === 'move') this.ask(session, name, 'reattach');
    }
  }

  /** An actor thread is back with nothing in it. */
  actorThreadUp(thread: number): void {
    const isThere = (topic: TopicName): boolean => topicAddress(this.#relay.runtime, topic).thread === thread;
    for (const topic of [...this.#byName.values()]) if (isThere(topic.name)) this.up({ k: 'up', topic: topic.name });
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
        thread: this.#relay.runtime.thread,
        session: session.key,
        user_id: session.userId,
        presence,
      };
      this.cast(topic.name, message);
    }
  }

  /** The user joined a guild: its sessions whose shard the guild is on attach to it. */
  join(userTopic: TopicAudience, guild: Snowflake): void {
    for (const { session } of userTopic.attachments) {
      if (!isOnShard(guild, session.shardId, session.shardCount)) continue;
      const { status } = session;
      const waits = status === IDENTIFYING || status === ARRIVING || status === MOVING;
      if (waits || (session.joining?.asked.size ?? 0) >= ATTACHES_IN_FLIGHT) this.enqueue(session, [guild]);
      else this.ask(session, `guild:${guild}`, 'join');
    }
  }

  /** Casts of a thread's actors to us were dropped: sessions that hear a topic of it may have missed something. */
  gap(thread: number): void {
    const hit = new Set<Session>();
    for (const topic of this.#byName.values()) {
      if (topicAddress(this.#relay.runtime, topic.name).thread !== thread) continue;
      for (const { session } of topic.attachments) hit.add(session);
    }
    for (const session of this.#joiningSessions) {
      for (const topic of session.joining?.asked.keys() ?? []) {
        if (topicAddress(this.#relay.runtime, topic).thread === thread) hit.add(session);
      }
    }
    for (const session of hit) this.#relay.lose(session);
  }
}

/** Guilds spread over an account's shards by Discord's formula; shard_count 1 has them all. */
export function isOnShard(guild: Snowflake, shardId: number, shardCount: number): boolean {
  return shardCount <= 1 || Number((BigInt(guild) >> 22n) % BigInt(shardCount)) === shardId;
}
