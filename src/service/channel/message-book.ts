// What an owner of channels remembers about their messages beside the store: versions whose write is not durable yet, the
// highest id of each channel, recent nonces, and when a user last spoke under slow mode. One per topic, used by one actor.
//
// Keeps true: a change of a message is made from its newest version (`exclusive` lets one change of a message at a time read,
// and `read` prefers the version in flight); ids rise for ever within a channel; a repeat of a nonce finds the first message.

import type { Snowflake, SnowflakeGenerator } from '../../base/snowflake.ts';
import { compareSnowflakes, snowflakeAt, snowflakeTimeMs } from '../../base/snowflake.ts';
import type { MessageRecord, StoreOp, StoreReader } from '../../state/store/port.ts';
import { removeAttachments, removeChannelAttachments } from './attachment-files.ts';

/** A repeat within this time answers with the first message (issue 3). */
export const NONCE_WINDOW_MS = 5 * 60_000;
/** Nonces remembered per topic; about 12 MB when full, which takes 218 nonced messages a second. The oldest are forgotten first. */
export const NONCES_MAX = 65_536;
/** Messages read back at most when a channel's nonces or slow mode are first asked for after a start: 200 pages, some 20 ms. */
export const RECALL_MESSAGES_MAX = 20_000;
/** Users remembered under slow mode, over all channels of a topic. The oldest are forgotten first. */
export const SPEAKERS_MAX = 10_000;
/** One page of a recall; the largest that every engine gives. */
const RECALL_PAGE = 100;
/** No emoji's key. */
const ALL_EMOJIS = '';

/** What the book needs of an operation's context. */
export interface BookWriter {
  write(...ops: StoreOp[]): void;
  afterwards(effect: () => void): void;
}

interface InFlight {
  /** null: deleted. undefined: only rows are in flight. */
  record: MessageRecord | null | undefined;
  /** Reaction rows by `reactionRow`: there or gone. */
  readonly rows: Map<string, boolean>;
  /** Emojis whose rows were all deleted, before those in `rows`. */
  readonly cleared: Set<string>;
  writes: number;
}

export interface NonceEntry {
  readonly id: Snowflake;
  readonly atMs: number;
}

export class MessageBook {
  /** The data directory, where uploaded files are; null: there are none (tests). Set once by the owner's actor. */
  dataDir: string | null;
  readonly #inFlight = new Map<Snowflake, InFlight>();
  /** Tail of the queue of changes of a message; an entry lives while a change runs. */
  readonly #turns = new Map<Snowflake, Promise<void>>();
  readonly #lastIds = new Map<Snowflake, Snowflake | null>();
  readonly #nonces = new Map<string, NonceEntry>();
  /** By channel: how far back (ms since 1970) its messages were read into nonces and speakers. */
  readonly #recalledSinceMs = new Map<Snowflake, number>();
  readonly #recalls = new Map<Snowflake, Promise<void>>();
  readonly #speakers = new Map<string, number>();
  readonly #pages = new Map<string, Promise<unknown>>();

  constructor(dataDir: string | null = null) {
    this.dataDir = dataDir;
  }

  // Changes of one message, one at a time.

  /** Runs `task` when no other change of these messages runs. Ids are taken in order, so two sets never wait for each other. */
  async exclusive<T>(ids: Snowflake | readonly Snowflake[], task: () => Promise<T> | T): Promise<T> {
    const wanted = typeof ids === 'string' ? [ids] : [...new Set(ids)].sort(compareSnowflakes);
    const turn = Promise.withResolvers<void>();
    const before: Promise<void>[] = [];
    for (const id of wanted) {
      const tail = this.#turns.get(id);
      if (tail !== undefined) before.push(tail);
      this.#turns.set(id, turn.promise);
    }
    try {
      if (before.length > 0) await Promise.all(before);
      return await task();
    } finally {
      for (const id of wanted) if (this.#turns.get(id) === turn.promise) this.#turns.delete(id);
      turn.resolve();
    }
  }

  /** The newest version, durable or not; null when deleted or never there. Call it within `exclusive`. */
  async read(store: StoreReader, channelId: Snowflake, id: Snowflake): Promise<MessageRecord | null> {
    const held = this.#inFlight.get(id)?.record;
    if (held !== undefined) return held !== null && held.channel_id === channelId ? held : null;
    return await store.message(channelId, id);
  }

  /** Writes a new version of a message. */
  put(writer: BookWriter, record: MessageRecord): void {
    writer.write({ op: 'putMessage', message: record });
    this.#hold(writer, record.id).record = record;
  }

  /** Deletes a message with all that belongs to it: reactions, pin, files. */
  remove(writer: BookWriter, record: MessageRecord): void {
    const { channel_id, id } = record;
    writer.write(
      { op: 'deleteMessage', channel_id, id },
      { op: 'deletePrefix', table: 'reaction', key: [id] },
      { op: 'delete', table: 'pin', key: [channel_id, id] },
    );
    const held = this.#hold(writer, id);
    held.record = null;
    held.rows.clear();
    held.cleared.add(ALL_EMOJIS);
    this.#forgetNonce(record);
    const { attachments = [] } = record.doc as { attachments?: readonly { readonly id: Snowflake }[] };
    this.dropFiles(
      writer,
      channel_id,
      attachments.map((attachment) => attachment.id),
    );
  }

  /** Takes attachments out of the store, and their files off the disk once that is durable. */
  dropFiles(writer: BookWriter, channelId: Snowflake, ids: readonly Snowflake[]): void {
    if (ids.length === 0) return;
    for (const id of ids) writer.write({ op: 'delete', table: 'attachment', key: [channelId, id] });
    const { dataDir } = this;
    if (dataDir !== null) writer.afterwards(() => void removeAttachments(dataDir, channelId, ids));
  }

  /** All files of a channel that is being deleted, its rows as well. */
  dropChannelFiles(writer: BookWriter, channelId: Snowflake): void {
    writer.write({ op: 'deletePrefix', table: 'attachment', key: [channelId] });
    const { dataDir } = this;
    if (dataDir !== null) writer.afterwards(() => void removeChannelAttachments(dataDir, channelId));
  }

  /** Is there a reaction of the user? Call it within `exclusive`. */
  async reacted(store: StoreReader, messageId: Snowflake, emoji: string, userId: Snowflake): Promise<boolean> {
    const held = this.reactionInFlight(messageId, emoji, userId);
    return held ?? (await store.get('reaction', [messageId, emoji, userId])) !== null;
  }

  putReaction(writer: BookWriter, messageId: Snowflake, emoji: string, userId: Snowflake): void {
    writer.write({ op: 'put', table: 'reaction', key: [messageId, emoji, userId], doc: { user_id: userId } });
    this.#hold(writer, messageId).rows.set(reactionRow(emoji, userId), true);
  }

  removeReaction(writer: BookWriter, messageId: Snowflake, emoji: string, userId: Snowflake): void {
    writer.write({ op: 'delete', table: 'reaction', key: [messageId, emoji, userId] });
    this.#hold(writer, messageId).rows.set(reactionRow(emoji, userId), false);
  }

  /** Removes the rows of a message, or of one emoji on it. */
  clearReactions(writer: BookWriter, messageId: Snowflake, emoji?: string): void {
    const key = emoji === undefined ? [messageId] : [messageId, emoji];
    writer.write({ op: 'deletePrefix', table: 'reaction', key });
    const held = this.#hold(writer, messageId);
    held.cleared.add(emoji ?? ALL_EMOJIS);
    for (const row of held.rows.keys()) if (emoji === undefined || row.endsWith(` ${emoji}`)) held.rows.delete(row);
  }

  /** What a write in flight makes of the user's reaction; undefined: the store knows. */
  reactionInFlight(messageId: Snowflake, emoji: string, userId: Snowflake): boolean | undefined {
    const held = this.#inFlight.get(messageId);
    const row = held?.rows.get(reactionRow(emoji, userId));
    if (row !== undefined) return row;
    return held?.cleared.has(ALL_EMOJIS) || held?.cleared.has(emoji) ? false : undefined;
  }

  /** Messages with a write in flight; for metrics and tests. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  #hold(writer: BookWriter, id: Snowflake): InFlight {
    let entry = this.#inFlight.get(id);
    if (entry === undefined) {
      entry = { record: undefined, rows: new Map(), cleared: new Set(), writes: 0 };
      this.#inFlight.set(id, entry);
    }
    entry.writes += 1;
    const held = entry;
    writer.afterwards(() => {
      held.writes -= 1;
      if (held.writes === 0 && this.#inFlight.get(id) === held) this.#inFlight.delete(id);
    });
    return entry;
  }

  // Ids.

  /** Must have resolved once before `nextId` for a channel. */
  async ready(store: StoreReader, channelId: Snowflake): Promise<void> {
    if (this.#lastIds.has(channelId)) return;
    const highest = await store.highWaterId(channelId);
    // Another operation may have been first, and given ids meanwhile.
    if (!this.#lastIds.has(channelId)) this.#lastIds.set(channelId, highest);
  }

  /** A new message's id: above every id the channel ever had. */
  nextId(ids: SnowflakeGenerator, channelId: Snowflake): Snowflake {
    const id = ids.next(this.#lastIds.get(channelId) ?? channelId);
    this.#lastIds.set(channelId, id);
    return id;
  }

  /** `last_message_id` of the channel's payload: the last id given, also when that message is gone. undefined: not known yet. */
  lastMessageId(channelId: Snowflake): Snowflake | null | undefined {
    return this.#lastIds.get(channelId);
  }

  /** The channel is gone. */
  forgetChannel(channelId: Snowflake): void {
    this.#lastIds.delete(channelId);
    this.#recalledSinceMs.delete(channelId);
  }

  // Nonces and slow mode.

  /** The message that has this nonce already. Complete only after `recall` of the window. */
  nonce(channelId: Snowflake, authorId: Snowflake, nonce: string, nowMs: number): NonceEntry | undefined {
    const entry = this.#nonces.get(nonceKey(channelId, authorId, nonce));
    return entry === undefined || nowMs - entry.atMs > NONCE_WINDOW_MS ? undefined : entry;
  }

  rememberNonce(record: MessageRecord, atMs: number): void {
    if (record.nonce === null) return;
    const key = nonceKey(record.channel_id, record.author_id, record.nonce);
    this.#nonces.delete(key);
    this.#nonces.set(key, { id: record.id, atMs });
    for (const [oldest, { atMs: oldestMs }] of this.#nonces) {
      if (atMs - oldestMs <= NONCE_WINDOW_MS && this.#nonces.size <= NONCES_MAX) break;
      this.#nonces.delete(oldest);
    }
  }

  /** When the user last spoke in the channel (ms since 1970). Complete only after `recall` of the slow mode's time. */
  lastSpokeMs(channelId: Snowflake, userId: Snowflake): number | undefined {
    return this.#speakers.get(`${channelId} ${userId}`);
  }

  rememberSpeaker(channelId: Snowflake, userId: Snowflake, atMs: number): void {
    const key = `${channelId} ${userId}`;
    this.#speakers.delete(key);
    this.#speakers.set(key, atMs);
    if (this.#speakers.size > SPEAKERS_MAX) {
      for (const oldest of this.#speakers.keys()) {
        this.#speakers.delete(oldest);
        break;
      }
    }
  }

  /** Reads back what this book cannot know of the channel: nonces and speakers since `sinceMs`. Once per start and channel. */
  recall(store: StoreReader, channelId: Snowflake, sinceMs: number): Promise<void> {
    const done = this.#recalledSinceMs.get(channelId);
    if (done !== undefined && done <= sinceMs) return Promise.resolve();
    const running = this.#recalls.get(channelId);
    // A longer window may be wanted than the one that is being read: look again afterwards.
    if (running !== undefined) return running.then(() => this.recall(store, channelId, sinceMs));
    const recall = this.#readBack(store, channelId, sinceMs).finally(() => this.#recalls.delete(channelId));
    this.#recalls.set(channelId, recall);
    return recall;
  }

  async #readBack(store: StoreReader, channelId: Snowflake, sinceMs: number): Promise<void> {
    const floor = snowflakeAt(sinceMs);
    let before: Snowflake | undefined;
    let read = 0;
    for (;;) {
      const page = await store.messages(channelId, { limit: RECALL_PAGE, ...(before === undefined ? {} : { before }) });
      for (const record of page) {
        if (compareSnowflakes(record.id, floor) < 0) continue;
        const atMs = snowflakeTimeMs(record.id);
        if (record.nonce !== null && !this.#nonces.has(nonceKey(channelId, record.author_id, record.nonce))) {
          this.rememberNonce(record, atMs);
        }
        const speaker = this.lastSpokeMs(channelId, record.author_id);
        if (speaker === undefined || speaker < atMs) this.rememberSpeaker(channelId, record.author_id, atMs);
      }
      read += page.length;
      const last = page.at(-1);
      if (last === undefined || page.length < RECALL_PAGE || compareSnowflakes(last.id, floor) < 0) break;
      if (read >= RECALL_MESSAGES_MAX) break;
      before = last.id;
    }
    this.#recalledSinceMs.set(channelId, sinceMs);
  }

  #forgetNonce(record: MessageRecord): void {
    if (record.nonce === null) return;
    const key = nonceKey(record.channel_id, record.author_id, record.nonce);
    if (this.#nonces.get(key)?.id === record.id) this.#nonces.delete(key);
  }

  // Reads that are alike.

  /** Joins a read in flight under the same key, or starts it. Bounded by the operations in flight. */
  shared<T>(key: string, read: () => Promise<T>): Promise<T> {
    const running = this.#pages.get(key) as Promise<T> | undefined;
    if (running !== undefined) return running;
    const page = read().finally(() => this.#pages.delete(key));
    this.#pages.set(key, page);
    return page;
  }
}

function reactionRow(emoji: string, userId: Snowflake): string {
  return `${userId} ${emoji}`;
}

function nonceKey(channelId: Snowflake, authorId: Snowflake, nonce: string): string {
  return `${channelId} ${authorId} ${nonce}`;
}
