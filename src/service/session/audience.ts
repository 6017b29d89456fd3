// Who on this thread hears a topic: its attached sessions, what each may view, and for each channel and intent mask the
// list that an event walks. Lists are made when first asked for and thrown away when sessions, views or the topic change:
// who may see is computed when it changes, not when something is said.

import type { Snowflake } from '../../base/snowflake.ts';
import type { TopicName } from '../topic.ts';
import type { Session } from './session.ts';

/** What may be viewed; one object for all sessions of the topic that may view the same. */
export interface View {
  readonly key: string;
  /** null: everything. */
  readonly channels: ReadonlySet<Snowflake> | null;
  users: number;
}

export interface Attachment {
  readonly session: Session;
  readonly topic: TopicAudience;
  view: View;
  /** Place in the topic's list. */
  index: number;
}

/** Sessions for one kind of event: those that get the full variant, and those that get the one without message content. */
export interface Listeners {
  readonly full: readonly Session[];
  readonly lite: readonly Session[];
}

/**
 * Lists kept of one topic. A list costs 8 bytes a session: with 1,000 sessions 64 lists are 512 KB. The oldest goes; it is made
 * again in about 10 ns a session.
 */
const LISTS_MAX = 64;
const EXACT_MAX = 4;
/** Shared by all topics: every user's own topic is viewed whole. */
const EVERYTHING: View = { key: '*', channels: null, users: 0 };
const NOBODY: readonly Attachment[] = [];

/** There is one for each connected user, so an audience of one session is small: no maps, no spare room in its list. */
export class TopicAudience {
  readonly name: TopicName;
  #attachments: Attachment[] | null = null;
  #views: Map<string, View> | null = null;
  #lists: Map<Snowflake | null, Map<number, Listeners>> | null = null;
  #listCount = 0;
  /** Private channels and a user's own events go to shard 0 only. */
  readonly #shardZeroOnly: boolean;

  constructor(name: TopicName) {
    this.name = name;
    this.#shardZeroOnly = !name.startsWith('guild:');
  }

  get attachments(): readonly Attachment[] {
    return this.#attachments ?? NOBODY;
  }

  get empty(): boolean {
    return this.attachments.length === 0;
  }

  attach(session: Session, view: readonly Snowflake[] | 'all'): Attachment {
    const attachment: Attachment = { session, topic: this, view: this.#intern(view), index: this.attachments.length };
    if (this.#attachments === null) this.#attachments = [attachment];
    else this.#attachments.push(attachment);
    // Most sessions have a topic or two: exact lists for those, growing ones beyond.
    if (session.topics.length < EXACT_MAX) session.topics = [...session.topics, attachment];
    else session.topics.push(attachment);
    this.#forget();
    return attachment;
  }

  detach(attachment: Attachment): void {
    const attachments = this.#attachments as Attachment[];
    const last = attachments.pop() as Attachment;
    if (last !== attachment) {
      attachments[attachment.index] = last;
      last.index = attachment.index;
    }
    const { topics } = attachment.session;
    const at = topics.indexOf(attachment);
    const tail = topics.pop() as Attachment;
    if (tail !== attachment) topics[at] = tail;
    this.#release(attachment.view);
    this.#forget();
  }

  setView(attachment: Attachment, view: readonly Snowflake[] | 'all'): void {
    const next = this.#intern(view);
    const before = attachment.view;
    attachment.view = next;
    this.#release(before);
    if (next !== before) this.#forget();
  }

  find(session: Session): Attachment | undefined {
    if (session.topics.length <= this.attachments.length) {
      for (const attachment of session.topics) if (attachment.topic === this) return attachment;
    } else {
      for (const attachment of this.attachments) if (attachment.session === session) return attachment;
    }
    return undefined;
  }

  /** May this session hear of the channel (if any), intents aside? */
  admits(attachment: Attachment, channel: Snowflake | undefined): boolean {
    if (this.#shardZeroOnly && attachment.session.shardId !== 0) return false;
    return channel === undefined || attachment.view.channels === null || attachment.view.channels.has(channel);
  }

  listeners(channel: Snowflake | undefined, intents: number): Listeners {
    const key = channel ?? null;
    this.#lists ??= new Map();
    let byIntents = this.#lists.get(key);
    if (byIntents === undefined) {
      byIntents = new Map();
      this.#lists.set(key, byIntents);
    }
    let list = byIntents.get(intents);
    if (list === undefined) {
      list = this.#make(channel, intents);
      byIntents.set(intents, list);
      this.#listCount += 1;
      if (this.#listCount > LISTS_MAX) this.#dropOldest(key);
    }
    return list;
  }

  #make(channel: Snowflake | undefined, intents: number): Listeners {
    const full: Session[] = [];
    const lite: Session[] = [];
    for (const attachment of this.attachments) {
      const { session } = attachment;
      if (intents !== 0 && (session.intents & intents) === 0) continue;
      if (!this.admits(attachment, channel)) continue;
      (session.wantsFull ? full : lite).push(session);
    }
    return { full, lite };
  }

  #dropOldest(keep: Snowflake | null): void {
    const all = this.#lists;
    for (const [key, lists] of all ?? []) {
      if (key === keep && all?.size !== 1) continue;
      this.#listCount -= lists.size;
      all?.delete(key);
      return;
    }
  }

  #forget(): void {
    if (this.#listCount === 0) return;
    this.#lists = null;
    this.#listCount = 0;
  }

  #intern(view: readonly Snowflake[] | 'all'): View {
    if (view === 'all') return EVERYTHING;
    const key = view.join();
    this.#views ??= new Map();
    let found = this.#views.get(key);
    if (found === undefined) {
      found = { key, channels: new Set(view), users: 0 };
      this.#views.set(key, found);
    }
    found.users += 1;
    return found;
  }

  #release(view: View): void {
    if (view === EVERYTHING) return;
    view.users -= 1;
    if (view.users === 0) this.#views?.delete(view.key);
  }
}
