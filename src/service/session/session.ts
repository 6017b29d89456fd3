// A session: what lives on when its socket goes. Its sequence rises by one for ever; it keeps the positions of what was sent
// and not acknowledged; it knows its topics. The relay of its thread owns it and calls it directly on the way of a delivery;
// whoever else wants something of it sends its actor a message.
//
//   IDENTIFYING -> LIVE <-> BLOCKED
//                   |^        |
//                   v|        v
//                  DETACHED <-+      ARRIVING (from another thread) -> LIVE or DETACHED
//                   |
//                   v
//                  MOVING (to another thread) -> ENDED; every state -> ENDED

import type { ActorContext, Behaviour, ExitReason, From, Message } from '../../actor/types.ts';
import { assert } from '../../base/assert.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { Attachment } from './audience.ts';
import { Positions } from './positions.ts';
import type { PrivateLog } from './private-log.ts';
import type { PresenceState, SessionKey, TopicName } from '../topic.ts';

export const LIVE = 0;
/** Live, but its socket takes no more for now. */
export const BLOCKED = 1;
export const DETACHED = 2;
/** Authenticated, READY not sent yet: events wait. */
export const IDENTIFYING = 3;
/** Coming from another thread: events wait for the sequence number. */
export const ARRIVING = 4;
/** Going to another thread: no socket, events are kept until each topic's Detached. */
export const MOVING = 5;
export const ENDED = 6;
export type SessionStatus = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** The socket as deliveries see it; uWebSockets.js' own methods, or a compressing stand-in. */
export interface Outlet {
  send(message: Uint8Array, isBinary?: boolean): number;
  cork(callback: () => void): unknown;
  getBufferedAmount(): number;
  end(code?: number, reason?: string): void;
}

/** The connection of a session, told when it has one and when the session ends under it. */
export interface SessionOwner {
  /** Before the first event is sent. */
  sessionBound(session: Session): void;
  /** invalid: op 9, the client must identify anew. revoked: its token is gone. */
  sessionEnded(reason: 'invalid' | 'revoked'): void;
}

/** Guilds that the session still has to join: bounded by the guilds of an account. */
export interface Joining {
  /** Guild ids to attach next, last first. */
  readonly queue: Snowflake[];
  /** Topics asked, and when (monotonic milliseconds). */
  readonly asked: Map<TopicName, { readonly mode: 'identify' | 'join' | 'reattach' | 'move'; readonly atMs: number }>;
}

export interface SessionSpec {
  readonly key: SessionKey;
  readonly id: string;
  readonly user_id: Snowflake;
  readonly bot: boolean;
  readonly intents: number;
  readonly large_threshold: number;
  /** [0, 1] when the client named none. */
  readonly shard_id: number;
  readonly shard_count: number;
  readonly presence: PresenceState | null;
  /** Of the token that identified (tokenTag). */
  readonly token_tag: number;
}

export type ResumeVerdict = 'ok' | 'beyond' | 'lost';

export class Session implements Behaviour {
  readonly key: SessionKey;
  readonly id: string;
  readonly userId: Snowflake;
  readonly bot: boolean;
  intents: number;
  largeThreshold: number;
  shardId: number;
  shardCount: number;
  /** As the client set it last; null: online without activities. */
  presence: PresenceState | null;
  tokenTag: number;
  status: SessionStatus = IDENTIFYING;
  /** In the relay's list of sessions with something to send this turn. */
  dirty = false;
  outlet: Outlet | null = null;
  owner: SessionOwner | null = null;
  /** The last number given. */
  sequence = 0;
  /** The last number handed to the socket. */
  sent = 0;
  /** Bytes that wait because the socket is blocked. */
  queuedBytes = 0;
  /** Numbers up to this were replayed after the last RESUME. */
  replayedTo = 0;
  readonly kept = new Positions();
  topics: Attachment[] = [];
  joining: Joining | null = null;
  /** Positions that wait for their numbers (IDENTIFYING, ARRIVING). */
  held: number[] | null = null;
  /** When a detached session is given up, monotonic milliseconds. */
  expiresAtMs = 0;
  #context: ActorContext | null = null;
  /** What to do when the actor ends on its own: the relay drops the session. Shared by all sessions of a relay. */
  readonly #onExit: (session: Session) => void;

  constructor(spec: SessionSpec, onExit: (session: Session) => void) {
    this.key = spec.key;
    this.id = spec.id;
    this.userId = spec.user_id;
    this.bot = spec.bot;
    this.intents = spec.intents;
    this.largeThreshold = spec.large_threshold;
    this.shardId = spec.shard_id;
    this.shardCount = spec.shard_count;
    this.presence = spec.presence;
    this.tokenTag = spec.token_tag;
    this.#onExit = onExit;
  }

  // ---- the state machine, without a world

  /** Hot: gives the next number to the event at `position`. */
  give(position: number): void {
    this.sequence += 1;
    this.kept.push(position);
  }

  /** The last number that is acknowledged or forgotten: a RESUME from before it is impossible. */
  get floor(): number {
    return this.sequence - this.kept.count;
  }

  /** The client has everything up to `sequence`. Numbers never sent are no acknowledgement. */
  acknowledge(sequence: number, privateLog: PrivateLog): void {
    const upTo = Math.min(sequence, this.sent);
    if (upTo > this.floor) this.kept.dropFirst(upTo - this.floor, privateLog);
  }

  judgeResume(sequence: number): ResumeVerdict {
    if (sequence > this.sequence) return 'beyond';
    return sequence < this.floor ? 'lost' : 'ok';
  }

  /** Goes on from `sequence`, which judgeResume found ok. */
  rewind(sequence: number, privateLog: PrivateLog): void {
    assert(sequence >= this.floor && sequence <= this.sequence, 'rewind outside the replay');
    this.sent = sequence;
    this.acknowledge(sequence, privateLog);
  }

  /** Takes over what came with it from another thread. */
  adopt(state: { readonly presence: PresenceState | null; readonly sequence: number }): void {
    this.presence = state.presence;
    this.sequence = state.sequence;
    this.sent = state.sequence;
  }

  get wantsFull(): boolean {
    return !this.bot || (this.intents & MESSAGE_CONTENT) !== 0;
  }

  get isEnded(): boolean {
    return this.status === ENDED;
  }

  // ---- the actor

  init(context: ActorContext): void {
    if (this.isEnded) context.stop('normal');
    else this.#context = context;
  }

  handleCall(message: Message, _from: From): unknown {
    if (message['k'] !== 'inspect') throw new Error('a session answers inspect only');
    return {
      session_id: this.id,
      user_id: this.userId,
      status: this.status,
      sequence: this.sequence,
      sent: this.sent,
      unacknowledged: this.kept.count,
      topics: this.topics.length,
      queued_bytes: this.queuedBytes,
    };
  }

  handleCast(message: Message): void {
    if (message['k'] === 'end') this.#onExit(this);
  }

  /** Gap notices come to every actor of the thread; the relay acts on them for its sessions. */
  handleInfo(): void {}

  terminate(_reason: ExitReason): void {
    this.#context = null;
    if (!this.isEnded) this.#onExit(this);
  }

  /** Ends the actor with the session. */
  stopActor(): void {
    const context = this.#context;
    this.#context = null;
    context?.stop('normal');
  }
}

const MESSAGE_CONTENT = 1 << 15;

/** 28 bits of a token's hash: enough to tell an account's few tokens apart, in a small integer. */
export function tokenTag(hash: string): number {
  return Number.parseInt(hash.slice(0, 7), 16);
}
