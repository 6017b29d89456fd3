// From an event's position to the socket: gives sessions their numbers, and at the end of the turn hands each socket all of
// its frames in one write. Its callers are the relay and the gateway, on the same thread; nothing here waits.
//
// A slow consumer: what the socket holds in user space is bounded, then events wait as positions; lossy ones are shed first, and
// beyond the queue's bytes the connection is closed resumably. The session lives on, so nothing is lost by it.

import { assert } from '../../base/assert.ts';
import { writeSequence } from '../../protocol/dispatch.ts';
import { CLOSE } from '../../protocol/close-codes.ts';
import { PRIVATE } from './position.ts';
import type { Relay } from './relay.ts';
import { ARRIVING, BLOCKED, DETACHED, IDENTIFYING, LIVE, MOVING, type Outlet, type Session } from './session.ts';

/** What the socket may hold in user space before its session waits for the drain: four sends of a full cork buffer. */
const SOCKET_BYTES_MAX = 64 * 1024;
/** Events that wait for a session's READY or hand-over; beyond it the session is lost. Some seconds of a busy guild. */
const HELD_MAX = 16_384;
/** A member list of 10,000 comes as 5 MB at once, to a client that reads as fast as it can: 16 MiB of such may wait. */
export const OWN_EVENT_WEIGHT = 16;

/**
 * After a flush the next one waits as long as that one took, at most this: under load the events of several turns then share a
 * write (a write of eight frames costs an eighth each), and half of the time is left for all else. An idle thread sends at once.
 */
const PAUSE_MAX_MS = 5;
/** Pauses shorter than this are not worth a timer. */
const PAUSE_MIN_MS = 0.5;

/** Runs the flush at the end of this turn, or after `pauseMs` when that is positive. */
export type FlushSchedule = (flush: () => void, pauseMs: number) => void;

export const scheduleFlush: FlushSchedule = (flush, pauseMs) => {
  if (pauseMs < PAUSE_MIN_MS) setImmediate(flush);
  else setTimeout(flush, pauseMs);
};

export class Delivery {
  readonly #relay: Relay;
  readonly #queueBytesMax: number;
  readonly #schedule: FlushSchedule;
  /** No flush before this: see PAUSE_MAX_MS. */
  #notBeforeMs = 0;
  #dirty: Session[] = [];
  #flushScheduled = false;
  readonly #flushBound = (): void => this.flush();
  /** The session whose socket is being corked: one callback for all, no closure each. */
  #corked: Session | null = null;
  readonly #sendCorked = (): void => {
    if (this.#corked !== null) this.#send(this.#corked);
  };
  readonly #scratch: number[] = [];
  readonly #weighed: number[] = [];

  constructor(relay: Relay, queueBytesMax: number, schedule: FlushSchedule) {
    this.#relay = relay;
    this.#queueBytesMax = queueBytesMax;
    this.#schedule = schedule;
  }

  /** Hot: the event at `position` is the session's next. `bytes`: its weight in the queue of a slow consumer. */
  give(session: Session, position: number, bytes: number, lossy: boolean): void {
    if (session.status !== LIVE) return this.#giveWaiting(session, position, bytes, lossy);
    session.give(position);
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.push(session);
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      this.#schedule(this.#flushBound, this.#notBeforeMs - this.#relay.now());
    }
  }

  #giveWaiting(session: Session, position: number, bytes: number, lossy: boolean): void {
    switch (session.status) {
      case BLOCKED:
        if (lossy) {
          this.#relay.counts.lossyShed += 1;
          return;
        }
        session.give(position);
        session.queuedBytes += bytes;
        this.#judgeQueue(session);
        return;
      case DETACHED:
      case MOVING:
        session.give(position);
        return;
      case IDENTIFYING:
      case ARRIVING:
        if (session.held === null || session.held.length >= HELD_MAX) this.#relay.lose(session);
        else session.held.push(position);
        return;
      default:
    }
  }

  /** What waited gets its numbers. */
  releaseHeld(session: Session): void {
    const { held } = session;
    session.held = null;
    if (held === null) return;
    for (const position of held) this.give(session, position, 0, false);
  }

  /** Sends what was given in this turn: each socket gets all of its frames in one write. */
  flush(): void {
    const beganMs = this.#relay.now();
    this.#flushScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (let i = 0; i < dirty.length; i += 1) {
      const session = dirty[i] as Session;
      try {
        this.flushSession(session);
      } catch (error) {
        // One session's trouble must not keep the others from their events.
        this.#relay.failed(session, error);
      }
    }
    this.#relay.log.forgetViews();
    // The array's memory is used again by the next turn.
    if (this.#dirty.length === 0) {
      dirty.length = 0;
      this.#dirty = dirty;
    }
    const endedMs = this.#relay.now();
    this.#notBeforeMs = endedMs + Math.min(endedMs - beganMs, PAUSE_MAX_MS);
  }

  /** Sends all that one session was given. */
  flushSession(session: Session): void {
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
    if (pending > kept.count) return this.#relay.lose(session);
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
    assert(positions.length === pending, 'positions and sequence disagree');
    for (let i = 0; i < positions.length; i += 1) if (!this.#sendOne(session, positions[i] as number)) return;
  }

  /** Hands one event over. False: the socket takes no more, or the session has ended. */
  #sendOne(session: Session, position: number): boolean {
    const frame = (position & PRIVATE) !== 0 ? this.#relay.privateLog.frame(position) : this.#relay.log.frame(position);
    if (frame === undefined) {
      this.#relay.lose(session);
      return false;
    }
    const { outlet } = session;
    // The write before this one may have found the socket gone.
    if (outlet === null) return false;
    writeSequence(frame, session.sent + 1);
    const result = outlet.send(frame, false);
    if (result === 2) {
      // Dropped by the transport: it goes again after RESUME.
      this.#relay.counts.slowCloses += 1;
      this.#relay.closeSocket(session, CLOSE.SLOW_CONSUMER);
      return false;
    }
    session.sent += 1;
    this.#relay.counts.deliveries += 1;
    if (result === 1) return true;
    // The socket may have been closed under the send.
    if (session.outlet !== outlet) return false;
    if (outlet.getBufferedAmount() <= SOCKET_BYTES_MAX) return true;
    session.status = BLOCKED;
    this.#weigh(session);
    return false;
  }

  /** What waits for a socket that takes no more: nothing of a replay, which the client asked for, but all that came since. */
  #weigh(session: Session): void {
    const positions = this.#weighed;
    positions.length = 0;
    session.kept.collectLast(session.sequence - Math.max(session.sent, session.replayedTo), positions);
    let bytes = 0;
    for (const position of positions) {
      if ((position & PRIVATE) === 0) bytes += this.#relay.log.frame(position)?.length ?? 0;
      else bytes += Math.ceil((this.#relay.privateLog.frame(position)?.length ?? 0) / OWN_EVENT_WEIGHT);
    }
    session.queuedBytes = bytes;
    this.#judgeQueue(session);
  }

  #judgeQueue(session: Session): void {
    if (session.queuedBytes <= this.#queueBytesMax) return;
    this.#relay.counts.slowCloses += 1;
    this.#relay.closeSocket(session, CLOSE.SLOW_CONSUMER);
  }

  /** The socket has room again. */
  drained(session: Session, outlet: Outlet): void {
    if (session.outlet !== outlet || session.status !== BLOCKED) return;
    if (outlet.getBufferedAmount() > SOCKET_BYTES_MAX / 2) return;
    session.status = LIVE;
    this.flushSession(session);
    if (session.status !== LIVE) return;
    session.queuedBytes = 0;
    this.#relay.topics.attachNext(session);
  }
}
