// Sessions across a clean stop: each I/O thread writes its sessions, and once the events that any of them has not acknowledged; the
// next start reads them as detached sessions, attaches them to their topics and only then opens the port, so that what
// happens before the clients are back is in their replay.
//
//   table session   's/<session id>'         the session; its events as runs of numbers in its thread's list
//                   'e/<thread>/<number>'     a piece of that list
//
// Session rows are deleted as soon as they are read, before the port opens: a row that outlived its session's next event would
// resume it with a gap. Pieces without sessions mean nothing and go with the next save or start.

import type { Runtime } from '../../actor/types.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { Doc, Store, StoreOp } from '../../state/store/port.ts';
import type { PresenceState, TopicName } from '../topic.ts';
import { movingSpec, type MovingSpec } from './move.ts';
import { PRIVATE } from './position.ts';
import type { Relay } from './relay.ts';
import { ARRIVING, BLOCKED, DETACHED, LIVE, type Session } from './session.ts';

interface SavedSession extends Doc {
  session_id: string;
  user_id: Snowflake;
  spec: MovingSpec;
  presence: PresenceState | null;
  sequence: number;
  topics: TopicName[];
  /** Guilds still to attach. */
  queue: Snowflake[];
  thread: number;
  /** start, length, start, length... in the thread's list. */
  runs: number[];
  /** Wall clock. */
  expires_at_ms: number;
}

interface SavedEvents extends Doc {
  /** Its own key. */
  name: string;
  first: number;
  events: string[];
}

/** Text of one row of events: far below a document's bound, and large enough for one write per some hundred events. */
const PIECE_CHARACTERS = 256 * 1024;
/** Characters of one commit. */
const COMMIT_CHARACTERS = 2 * 1024 * 1024;
/** Events saved by a thread; sessions that need more are not saved, and their clients identify anew. */
const SAVED_BYTES_MAX = 64 * 1024 * 1024;
/** How long the start waits for the topics of restored sessions. They load from the store, several at a time. */
const ATTACH_TIMEOUT_MS = 10_000;
const ATTACH_POLL_MS = 10;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Writes what can be resumed. The sockets are closed and nothing more comes: call it last. Answers how many sessions were saved. */
export async function saveSessions(relay: Relay, store: Pick<Store, 'commit'>): Promise<number> {
  const { runtime } = relay;
  const nowMs = runtime.clock.nowMs();
  const numbers = new Map<number, number>();
  const events: string[] = [];
  const sessions: StoreOp[] = [];
  let bytes = 0;
  for (const session of relay.sessions.all()) {
    if (session.status !== DETACHED && session.status !== LIVE && session.status !== BLOCKED) continue;
    session.kept.dropFallen(relay.log, relay.privateLog);
    const positions: number[] = [];
    session.kept.collectLast(session.kept.count, positions);
    const runs: number[] = [];
    for (const position of positions) {
      let number = numbers.get(position);
      if (number === undefined) {
        const frame = (position & PRIVATE) !== 0 ? relay.privateLog.frame(position) : relay.log.frame(position);
        bytes += frame?.length ?? 0;
        if (frame === undefined || bytes > SAVED_BYTES_MAX) break;
        number = events.length;
        numbers.set(position, number);
        events.push(decoder.decode(frame));
      }
      addToRuns(runs, number);
    }
    if (countOf(runs) !== positions.length) continue;
    const leftMs = session.status === DETACHED ? session.expiresAtMs - relay.now() : relay.resumeWindowMs;
    const doc = describe(session, runtime.thread, runs, nowMs + leftMs);
    sessions.push({ op: 'put', table: 'session', key: [`s/${session.id}`], doc });
  }
  const writes = new Batches(store);
  for (const piece of pieces(events, `e/${runtime.thread}`)) {
    await writes.add({ op: 'put', table: 'session', key: [piece.name], doc: piece }, PIECE_CHARACTERS);
  }
  // After the events they need: a stop that is cut short leaves no session without them.
  for (const op of sessions) await writes.add(op, SESSION_CHARACTERS);
  await writes.flush();
  return sessions.length;
}

/** A session of many guilds: 2,500 topic names. */
const SESSION_CHARACTERS = 32 * 1024;

function describe(session: Session, thread: number, runs: number[], expiresAtMs: number): SavedSession {
  const topics = session.topics.map(({ topic }) => topic.name);
  for (const topic of session.joining?.asked.keys() ?? []) if (!topics.includes(topic)) topics.push(topic);
  return {
    session_id: session.id,
    user_id: session.userId,
    spec: movingSpec(session),
    presence: session.presence,
    sequence: session.sequence,
    topics,
    queue: [...(session.joining?.queue ?? [])],
    thread,
    runs,
    expires_at_ms: expiresAtMs,
  };
}

function addToRuns(runs: number[], number: number): void {
  const length = runs.at(-1);
  const start = runs.at(-2);
  if (start !== undefined && length !== undefined && start + length === number) runs[runs.length - 1] = length + 1;
  else runs.push(number, 1);
}

function countOf(runs: readonly number[]): number {
  let count = 0;
  for (let i = 1; i < runs.length; i += 2) count += runs[i] as number;
  return count;
}

function* pieces(events: readonly string[], prefix: string): Generator<SavedEvents> {
  const begin = (first: number): SavedEvents => ({
    name: `${prefix}/${String(first).padStart(9, '0')}`,
    first,
    events: [],
  });
  let piece = begin(0);
  let characters = 0;
  for (const [number, event] of events.entries()) {
    if (piece.events.length > 0 && characters + event.length > PIECE_CHARACTERS) {
      yield piece;
      piece = begin(number);
      characters = 0;
    }
    piece.events.push(event);
    characters += event.length;
  }
  if (piece.events.length > 0) yield piece;
}

/** Commits of a bounded size, one after another. */
class Batches {
  readonly #store: Pick<Store, 'commit'>;
  #ops: StoreOp[] = [];
  #characters = 0;

  constructor(store: Pick<Store, 'commit'>) {
    this.#store = store;
  }

  async add(op: StoreOp, characters: number): Promise<void> {
    this.#ops.push(op);
    this.#characters += characters;
    if (this.#characters >= COMMIT_CHARACTERS) await this.flush();
  }

  async flush(): Promise<void> {
    const ops = this.#ops;
    this.#ops = [];
    this.#characters = 0;
    if (ops.length > 0) await this.#store.commit(ops);
  }
}

/** Reads this thread's share (by its place among the I/O threads) and attaches it. Resolves when the topics have answered. */
export async function restoreSessions(relay: Relay, store: Store): Promise<number> {
  const { runtime } = relay;
  const threads = runtime.threads('io');
  const place = Math.max(
    0,
    threads.findIndex((thread) => thread.index === runtime.thread),
  );
  const all = await store.list<SavedSession>('session', [], { after: 's/', before: 's0' });
  const mine = all.filter((saved) => shareOf(saved.session_id, threads.length) === place);
  if (mine.length === 0) return 0;
  const nowMs = runtime.clock.nowMs();
  const restored: Session[] = [];
  for (const thread of new Set(mine.map((saved) => saved.thread))) {
    const rows = await store.list<SavedEvents>('session', [], { after: `e/${thread}/`, before: `e/${thread}0` });
    const events = rows.flatMap((row) => row.events);
    const positions = new Map<number, number>();
    for (const saved of mine) {
      if (saved.thread !== thread || saved.expires_at_ms <= nowMs) continue;
      const session = restoreOne(relay, saved, events, positions);
      if (session !== undefined) {
        session.expiresAtMs = relay.now() + Math.min(relay.resumeWindowMs, saved.expires_at_ms - nowMs);
        restored.push(session);
      }
    }
  }
  const gone = mine.map((saved): StoreOp => ({ op: 'delete', table: 'session', key: [`s/${saved.session_id}`] }));
  await store.commit(gone);
  await attached(runtime, restored);
  return restored.length;
}

/** Pieces of events are no longer needed when every thread has restored its sessions. */
export async function forgetSavedEvents(store: Store): Promise<void> {
  let after = 'e/';
  while (true) {
    const rows = await store.list<SavedEvents>('session', [], { after, before: 'e0', limit: FORGET_ROWS });
    const last = rows.at(-1);
    if (last === undefined) return;
    await store.commit(rows.map((row): StoreOp => ({ op: 'delete', table: 'session', key: [row.name] })));
    after = last.name;
  }
}

/** Pieces read and deleted at once: 4 MB. */
const FORGET_ROWS = 16;

function shareOf(sessionId: string, threads: number): number {
  return Number.parseInt(sessionId.slice(0, 8), 16) % Math.max(1, threads);
}

function restoreOne(
  relay: Relay,
  saved: SavedSession,
  events: readonly string[],
  positions: Map<number, number>,
): Session | undefined {
  const frames: number[] = [];
  for (let i = 0; i < saved.runs.length; i += 2) {
    const start = saved.runs[i] as number;
    const length = saved.runs[i + 1] as number;
    for (let number = start; number < start + length; number += 1) {
      const event = events[number];
      if (event === undefined) return undefined;
      let position = positions.get(number);
      if (position === undefined) {
        const frame = encoder.encode(event);
        position = relay.log.append(frame, frame.length);
        positions.set(number, position);
      }
      frames.push(position);
    }
  }
  const session = relay.open({ ...saved.spec, id: saved.session_id, user_id: saved.user_id });
  session.status = ARRIVING;
  session.adopt({ presence: saved.presence, sequence: saved.sequence });
  for (const position of frames) session.kept.push(position);
  for (const topic of saved.topics) relay.topics.ask(session, topic, 'reattach');
  relay.topics.enqueue(session, saved.queue);
  relay.settle(session);
  return session;
}

async function attached(runtime: Runtime, sessions: readonly Session[]): Promise<void> {
  const until = runtime.clock.monotonicMs() + ATTACH_TIMEOUT_MS;
  const waits = (session: Session): boolean => (session.joining?.asked.size ?? 0) > 0;
  while (sessions.some(waits) && runtime.clock.monotonicMs() < until) {
    await new Promise((resolve) => setTimeout(resolve, ATTACH_POLL_MS));
  }
}
