// The hand-over of a session between two I/O threads. RESUME came to thread B, the session lives at A:
//
//   B                      A                         each topic of the session
//   |-- locate (call) ---->| (and every other I/O thread): intents, shard
//   |-- claim (call) ----->|
//   |                      |-- move(from A, to B) ------->|
//   |                      |<------- ...events, detached -|   nothing follows for it on A
//   |<---------------------------- attached(move) --------|   events follow on B
//   |   (B holds events)   |
//   |                      |   all detached
//   |<-- session, events --|
//   |   numbers go on, what B held follows
//
// Each direction is first in first out, so every event of a topic comes either to A before `detached` or to B after
// `attached`: exactly once. Where this can't be kept (a thread or topic dies, a bound is hit, time runs out), the client gets
// op 9 and the session ends on both sides.

import { CallError, NO_REPLY, type Message } from '../../actor/types.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { CLOSE } from '../../protocol/close-codes.ts';
import type { Detached, Move, PresenceState, TopicName } from '../topic.ts';
import { relayAddress } from './address.ts';
import { PRIVATE } from './position.ts';
import type { Relay } from './relay.ts';
import { ARRIVING, IDENTIFYING, MOVING, type Session, type SessionSpec } from './session.ts';

/** A topic answers in well under a millisecond; one that takes longer than this is down. */
const DETACH_TIMEOUT_MS = 5_000;
const CLAIM_TIMEOUT_MS = 8_000;
/** Unacknowledged events that travel: as much as a whole replay log is never needed by one client. */
const HANDOVER_BYTES_MAX = 16 * 1024 * 1024;

interface Leaving {
  readonly session: Session;
  readonly to: { readonly thread: number; readonly session: number };
  readonly waiting: Set<TopicName>;
  readonly topics: TopicName[];
  /** Topics that started anew meanwhile: B attaches to them itself. */
  readonly anew: TopicName[];
  readonly reply: (reply: ClaimReply) => void;
  readonly startedMs: number;
}

/** What never changes in a session's life. */
export type MovingSpec = Pick<
  SessionSpec,
  'bot' | 'intents' | 'large_threshold' | 'shard_id' | 'shard_count' | 'presence' | 'token_tag'
>;

/** The rest of a session but its events' bytes. */
export interface SessionState {
  readonly presence: PresenceState | null;
  readonly sequence: number;
  readonly topics: readonly TopicName[];
  readonly anew: readonly TopicName[];
  readonly queue: readonly Snowflake[];
  /** Lengths of the unacknowledged frames, oldest first. */
  readonly lengths: readonly number[];
}

interface ClaimReply extends Message {
  readonly found: 'yes' | 'no' | 'busy' | 'lost';
  readonly state?: SessionState;
}

export class Moves {
  readonly #relay: Relay;
  readonly #leaving = new Map<Session, Leaving>();

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  // ---- at B

  /** Fetches the session from wherever it is. Resolves with the session, detached and whole, or why there is none. */
  async claim(id: string, userId: Snowflake): Promise<Session | 'invalid' | 'busy'> {
    const relay = this.#relay;
    // Twice: a session on its way between two other threads can be missed by one look.
    const located = (await this.#locate(id, userId)) ?? (await this.#locate(id, userId));
    if (relay.sessions.byId(id) !== undefined) return 'busy';
    if (located === undefined) return 'invalid';
    // Its intents must be known before the first event comes for it.
    const session = relay.open({ ...located.spec, id, user_id: userId });
    session.status = ARRIVING;
    const to = { thread: relay.runtime.thread, session: session.key };
    const message = { k: 'claim', session_id: id, user_id: userId, to };
    const reply = await relay.runtime
      .call<ClaimReply>(relayAddress(located.thread), message, CLAIM_TIMEOUT_MS)
      .catch(asNotFound);
    if (reply.state !== undefined && !session.isEnded) {
      return this.#install(session, reply.state, reply.bytes ?? EMPTY) ? session : 'invalid';
    }
    relay.end(session);
    // It was there a moment ago: it moved on, and the client finds it when it comes again.
    return reply.found === 'lost' ? 'invalid' : 'busy';
  }

  async #locate(id: string, userId: Snowflake): Promise<{ thread: number; spec: MovingSpec } | undefined> {
    const { runtime } = this.#relay;
    const message = { k: 'locate', session_id: id, user_id: userId };
    const others = runtime.threads('io').filter((thread) => thread.index !== runtime.thread);
    const replies = await Promise.all(
      others.map((thread) =>
        runtime
          .call<MovingSpec | null>(relayAddress(thread.index), message, CLAIM_TIMEOUT_MS)
          .catch((error: unknown) => {
            if (error instanceof CallError) return null;
            throw error;
          }),
      ),
    );
    const at = replies.findIndex((spec) => spec !== null);
    const spec = replies[at];
    const thread = others[at];
    return spec && thread ? { thread: thread.index, spec } : undefined;
  }

  #install(session: Session, state: SessionState, bytes: Uint8Array): boolean {
    const relay = this.#relay;
    session.adopt(state);
    let at = 0;
    for (const length of state.lengths) {
      // A copy each: the one buffer would live as long as its last frame.
      session.kept.push(relay.privateLog.append(bytes.slice(at, at + length)));
      at += length;
    }
    for (const topic of state.topics) if (!relay.topics.isAttached(session, topic)) relay.topics.expect(session, topic);
    for (const topic of state.anew) relay.topics.ask(session, topic, 'reattach');
    relay.topics.enqueue(session, state.queue);
    relay.settle(session);
    return !session.isEnded;
  }

  // ---- at A

  locate(message: Message): MovingSpec | null {
    const session = this.#find(message);
    return session === undefined ? null : movingSpec(session);
  }

  #find(message: Message): Session | undefined {
    const session = this.#relay.sessions.byId(message['session_id'] as string);
    if (session === undefined || session.userId !== message['user_id'] || session.status === IDENTIFYING)
      return undefined;
    return session;
  }

  /** Handles a claim: NO_REPLY when the answer comes later. */
  give(message: Message, reply: (reply: ClaimReply) => void): ClaimReply | typeof NO_REPLY {
    const relay = this.#relay;
    const session = this.#find(message);
    if (session === undefined) return { found: 'no' };
    if (session.status === MOVING || session.status === ARRIVING) return { found: 'busy' };
    const to = message['to'] as { thread: number; session: number };
    relay.closeSocket(session, CLOSE.UNKNOWN_ERROR);
    session.status = MOVING;
    const leaving: Leaving = {
      session,
      to,
      waiting: new Set(),
      topics: [],
      anew: [],
      reply,
      startedMs: relay.now(),
    };
    this.#leaving.set(session, leaving);
    const names = new Set(session.topics.map(({ topic }) => topic.name));
    for (const topic of session.joining?.asked.keys() ?? []) names.add(topic);
    for (const topic of names) {
      leaving.waiting.add(topic);
      const move: Move = {
        k: 'move',
        from: { thread: relay.runtime.thread, session: session.key },
        to,
        session_id: session.id,
        user_id: session.userId,
      };
      relay.topics.cast(topic, move);
    }
    if (leaving.waiting.size === 0) this.#finish(leaving);
    return NO_REPLY;
  }

  /** Nothing of this topic follows for the session here. */
  detached(message: Detached): void {
    const session = this.#relay.sessions.get(message.session);
    if (session === undefined || session.id !== message.session_id) return;
    const leaving = this.#leaving.get(session);
    if (leaving === undefined || !leaving.waiting.delete(message.topic)) return;
    session.joining?.asked.delete(message.topic);
    const attachment = this.#relay.topics.get(message.topic)?.find(session);
    if (attachment !== undefined) this.#relay.topics.leave(attachment);
    leaving.topics.push(message.topic);
    if (leaving.waiting.size === 0) this.#finish(leaving);
  }

  /** A topic started anew while the session was leaving: it knows nothing of it, and nothing of before follows. */
  topicUp(session: Session, topic: TopicName): void {
    const leaving = this.#leaving.get(session);
    if (leaving === undefined || !leaving.waiting.delete(topic)) return;
    leaving.anew.push(topic);
    if (leaving.waiting.size === 0) this.#finish(leaving);
  }

  #finish(leaving: Leaving): void {
    const relay = this.#relay;
    const { session } = leaving;
    this.#leaving.delete(session);
    const frames = collectFrames(relay, session);
    if (frames === undefined) {
      leaving.reply({ found: 'lost' });
      relay.end(session);
      return;
    }
    const state: SessionState = {
      presence: session.presence,
      sequence: session.sequence,
      topics: leaving.topics,
      anew: leaving.anew,
      queue: session.joining?.queue ?? [],
      lengths: frames.map((frame) => frame.length),
    };
    leaving.reply({ found: 'yes', state, bytes: Buffer.concat(frames) });
    relay.counts.movesOut += 1;
    relay.drop(session);
  }

  /** The session ended here while it was leaving. */
  sessionEnded(session: Session): void {
    const leaving = this.#leaving.get(session);
    if (leaving === undefined) return;
    this.#leaving.delete(session);
    leaving.reply({ found: 'lost' });
  }

  // ---- when it can't be done

  sweep(now: number): void {
    for (const leaving of [...this.#leaving.values()]) {
      if (now - leaving.startedMs >= DETACH_TIMEOUT_MS) this.#abandon(leaving);
    }
  }

  /** The thread that wanted the session is gone. */
  threadDown(thread: number): void {
    for (const leaving of [...this.#leaving.values()]) if (leaving.to.thread === thread) this.#abandon(leaving);
  }

  #abandon(leaving: Leaving): void {
    this.#relay.end(leaving.session);
  }
}

export function movingSpec(session: Session): MovingSpec {
  return {
    bot: session.bot,
    intents: session.intents,
    large_threshold: session.largeThreshold,
    shard_id: session.shardId,
    shard_count: session.shardCount,
    presence: session.presence,
    token_tag: session.tokenTag,
  };
}

function asNotFound(error: unknown): ClaimReply {
  if (error instanceof CallError) return { found: 'lost' };
  throw error;
}

const EMPTY = new Uint8Array(0);

/** The frames of all unacknowledged events, oldest first; undefined when one fell out of its log or they are too much. */
export function collectFrames(relay: Relay, session: Session): Uint8Array[] | undefined {
  session.kept.dropFallen(relay.log, relay.privateLog);
  const positions: number[] = [];
  session.kept.collectLast(session.kept.count, positions);
  const frames: Uint8Array[] = [];
  let bytes = 0;
  for (const position of positions) {
    const frame = (position & PRIVATE) !== 0 ? relay.privateLog.frame(position) : relay.log.frame(position);
    if (frame === undefined) return undefined;
    bytes += frame.length;
    if (bytes > HANDOVER_BYTES_MAX) return undefined;
    frames.push(frame);
  }
  return frames;
}
