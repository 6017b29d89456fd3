// The actor of a guild: the shell around GuildState. It lets sessions in and out, keeps their views, presences and voice
// states, and runs the operations that REST asks for.
//
//   session ends / its thread dies        -> presence recomputed, voice left
//   member leaves, is kicked or banned    -> GUILD_DELETE to its sessions, then view null; they are forgotten here
//   guild deleted, or never there         -> every request 404, every attach view null; the actor ends

import type { ActorContext, Behaviour, ChildSpec, From, Message } from '../../actor/types.ts';
import { isSnowflake, type Snowflake } from '../../base/snowflake.ts';
import { encodeDispatchText } from '../../protocol/dispatch.ts';
import { apiError } from '../../protocol/errors.ts';
import { presencePayload } from '../../protocol/payload.ts';
import type { UserRecord } from '../../protocol/records.ts';
import type { AttachedSession } from '../audience.ts';
import type { Place } from '../outbox.ts';
import type { Operation, TopicReply } from '../request.ts';
import { topicAddress } from '../shard/table.ts';
import {
  type Attach,
  type Move,
  RELAY,
  type SessionMembers,
  type SessionPresence,
  type SessionVoice,
  type TopicName,
  type UserChanged,
  type Views,
} from '../topic.ts';
import { type Admission, type TopicDeps, TopicHost } from '../topic-host.ts';
import { guildEvent, memberUpdateEvent } from './events.ts';
import { loadGuild } from './load.ts';
import { type MembersChunk, membersChunks } from './members-chunk.ts';
import { aggregate } from './presence.ts';
import { Snapshots } from './snapshot.ts';
import type { GuildState } from './state.ts';
import { updateVoiceState, voiceSessionEnded } from './voice.ts';

/** Presence changes are collected so long before they are sent. */
const PRESENCE_FLUSH_MS = 100;
/**
 * Presence events delivered per flush, about: changes times sessions. Bounds what a guild of 5,000 sessions, all logging in
 * at once, costs; the rest waits its turn, and only the last presence of a user is sent.
 */
const PRESENCE_DELIVERIES_MAX = 20_000;
/** A chunk of a thousand members is some 300 KB: one after the other, so that a client's queue (1 MiB) has time to drain. */
const CHUNK_PACE_MS = 20;
/** Chunks encoded in one go, some 2 ms each: the guild's other work is not kept waiting for longer. */
const CHUNKS_PER_PACE = 8;
/** How long the actor of a guild that is not there goes on refusing before it ends. */
const MISSING_MS = 5_000;

/** Each has arguments of its own, validated at the edge. */
export type GuildOperations = Readonly<Record<string, Operation<GuildState>>>;

/** Starts the actor of 'guild:<id>' on demand. */
export function guildStarter(deps: TopicDeps, operations: GuildOperations): (name: string) => ChildSpec {
  return (name) => ({ id: name, restart: 'transient', start: () => new GuildActor(name, deps, operations) });
}

export class GuildActor implements Behaviour {
  readonly #topic: TopicName;
  readonly #deps: TopicDeps;
  readonly #operations: GuildOperations;
  #context!: ActorContext;
  /** null: there is no such guild. */
  #guild: Guild | null = null;

  constructor(topic: TopicName, deps: TopicDeps, operations: GuildOperations) {
    this.#topic = topic;
    this.#deps = deps;
    this.#operations = operations;
  }

  async init(context: ActorContext): Promise<void> {
    this.#context = context;
    const id = this.#topic.slice('guild:'.length);
    const state = isSnowflake(id) ? await loadGuild(this.#deps.store, id, context.clock) : null;
    if (state === null) context.sendAfter(MISSING_MS, { k: '$missing' });
    else this.#guild = new Guild(state, context, this.#deps, this.#operations);
  }

  handleCall(message: Message, _from: From): TopicReply | Promise<TopicReply> {
    return this.#guild?.host.handleCall(message) ?? unknownGuild();
  }

  handleCast(message: Message): void {
    if (this.#guild !== null) this.#guild.handleCast(message);
    else this.#refuse(message);
  }

  handleInfo(message: Message): void {
    if (message['k'] === '$missing') this.#context.stop('normal');
    else this.#guild?.handleInfo(message);
  }

  terminate(): void {
    this.#guild?.host.close();
  }

  #refuse(message: Message): void {
    const topic = this.#topic;
    if (message['k'] === 'attach') {
      const { thread, session, session_id, mode } = message as Attach;
      this.#context.cast({ thread, name: RELAY }, { k: 'attached', topic, session, session_id, mode, view: null });
    } else if (message['k'] === 'move') {
      const { from, to, session_id } = message as Move;
      this.#context.cast(
        { thread: from.thread, name: RELAY },
        { k: 'detached', topic, session: from.session, session_id },
      );
      const answer = { k: 'attached', topic, session: to.session, session_id, mode: 'move', view: null };
      this.#context.cast({ thread: to.thread, name: RELAY }, answer);
    }
  }
}

function unknownGuild(): TopicReply {
  const error = apiError('UNKNOWN_GUILD');
  return { status: error.status, bytes: new TextEncoder().encode(JSON.stringify(error)) };
}

/** An answer to opcode 8 that is being sent; it follows the session from thread to thread. */
interface MemberList {
  readonly user_id: Snowflake;
  readonly session_id: string;
  readonly chunks: Generator<MembersChunk>;
}

class Guild {
  readonly host: TopicHost<GuildState>;
  readonly #state: GuildState;
  readonly #context: ActorContext;
  readonly #snapshots: Snapshots;
  #flushing = false;
  /** Member lists that are being sent. The gateway admits few requests a session, so sessions bound it. */
  readonly #memberLists: MemberList[] = [];
  #chunking = false;

  constructor(state: GuildState, context: ActorContext, deps: TopicDeps, operations: GuildOperations) {
    this.#state = state;
    this.#context = context;
    this.#snapshots = new Snapshots(state);
    state.book.dataDir = deps.dataDir;
    state.links = {
      dataDir: deps.dataDir,
      cast: (topic, message) => context.cast(topicAddress(context.runtime, topic), message),
      announceJoin: (userId) => this.#announceJoin(userId),
      listeners: () => this.host.audience.users(),
      commitBefore: (ops) => {
        const place = this.host.outbox.open();
        place.write(ops);
        this.host.outbox.seal(place);
      },
      end: () => this.host.end(),
    };
    this.host = new TopicHost({
      context,
      deps,
      host: state,
      operations,
      hooks: {
        admit: (message) => this.#admit(message),
        view: (userId) => state.views.of(userId),
        attached: (session) => this.#attached(session),
        detached: (session) => this.#detached(session),
        settled: (place) => this.#settled(place),
      },
    });
  }

  handleCast(message: Message): void {
    if (this.host.handleCast(message)) return;
    switch (message['k']) {
      case 'presence':
        this.#presence(message as SessionPresence);
        return;
      case 'voice':
        this.#voice(message as SessionVoice);
        return;
      case 'members':
        this.#members(message as SessionMembers);
        return;
      case 'user':
        this.#userChanged((message as UserChanged).user);
        return;
      case 'announce':
        this.#announceJoin(message['user_id'] as Snowflake);
        return;
    }
  }

  handleInfo(message: Message): void {
    if (this.host.handleInfo(message)) return;
    if (message['k'] === '$presences') this.#flushPresences();
    else if (message['k'] === '$chunks') this.#sendChunks();
  }

  #admit(message: Attach): Admission {
    const view = this.#state.views.attach(message.user_id);
    if (view === null || message.mode === 'reattach') return { view };
    const bytes = this.#snapshots.guildCreate(message);
    return bytes === undefined ? { view } : { view, bytes };
  }

  #attached(session: AttachedSession): void {
    this.#refreshPresence(session.user_id);
  }

  #detached(session: AttachedSession): void {
    const { user_id, session_id } = session;
    if (!this.host.audience.hasUser(user_id)) this.#state.views.detach(user_id);
    this.#refreshPresence(user_id);
    this.host.dispatch(...voiceSessionEnded(this.#state, user_id, session_id));
  }

  /** After an operation: whoever may view more or less now is told, behind the events that say why. */
  #settled(place: Place): void {
    const changes = this.#state.views.changes();
    if (changes.length === 0) return;
    const { audience } = this.host;
    for (const thread of audience.threadsOf(changes.map(([user]) => user))) {
      const users = changes.filter(([user]) => audience.hasUserOn(thread, user));
      const record: Views = { k: 'views', topic: this.#state.topic, users };
      place.say(() => this.host.sendNow([thread], record));
    }
    for (const [user, view] of changes) {
      if (view !== null) continue;
      audience.removeUser(user);
      this.#state.presences.forget(user);
    }
  }

  #presence(message: SessionPresence): void {
    const session = this.host.audience.session(message.thread, message.session);
    if (session === undefined) return;
    this.host.audience.setPresence(session, message.presence);
    this.#refreshPresence(session.user_id);
  }

  #refreshPresence(userId: Snowflake): void {
    if (!this.#state.members.has(userId)) return;
    this.#state.presences.set(userId, aggregate(this.host.audience.sessionsOf(userId)));
    this.#schedulePresences();
  }

  #schedulePresences(): void {
    if (this.#flushing || this.#state.presences.dirty === 0) return;
    this.#flushing = true;
    this.#context.sendAfter(PRESENCE_FLUSH_MS, { k: '$presences' });
  }

  #flushPresences(): void {
    this.#flushing = false;
    const { presences, guildId } = this.#state;
    const max = Math.max(1, Math.floor(PRESENCE_DELIVERIES_MAX / Math.max(1, this.host.audience.size)));
    for (const user of presences.take(max)) {
      const payload = presencePayload({ user_id: user, guild_id: guildId, ...presences.of(user) });
      this.host.dispatch(guildEvent('PRESENCE_UPDATE', payload, { lossy: true }));
    }
    this.#schedulePresences();
  }

  #voice(message: SessionVoice): void {
    if (this.host.audience.session(message.thread, message.session) === undefined) return;
    this.host.dispatch(...updateVoiceState(this.#state, message));
  }

  #members(message: SessionMembers): void {
    const session = this.host.audience.session(message.thread, message.session);
    if (session === undefined) return;
    const { user_id, session_id } = session;
    const list: MemberList = { user_id, session_id, chunks: membersChunks(this.#state, message) };
    if (this.#sendChunk(list)) this.#memberLists.push(list);
    this.#scheduleChunks();
  }

  #scheduleChunks(): void {
    if (this.#chunking || this.#memberLists.length === 0) return;
    this.#chunking = true;
    this.#context.sendAfter(CHUNK_PACE_MS, { k: '$chunks' });
  }

  #sendChunks(): void {
    this.#chunking = false;
    const turn = this.#memberLists.splice(0, CHUNKS_PER_PACE);
    for (const list of turn) if (this.#sendChunk(list)) this.#memberLists.push(list);
    this.#scheduleChunks();
  }

  /** Sends the next chunk to wherever the session is now. False: that was the last, or the session is gone. */
  #sendChunk({ user_id, session_id, chunks }: MemberList): boolean {
    for (const { thread, session, session_id: id } of this.host.audience.sessionsOf(user_id)) {
      if (id !== session_id) continue;
      const next = chunks.next();
      if (next.done === true) return false;
      const bytes = encodeDispatchText('GUILD_MEMBERS_CHUNK', next.value.text);
      this.host.tell([thread], { k: 'event', topic: this.#state.topic, intents: 0, session, bytes });
      return !next.value.last;
    }
    return false;
  }

  #userChanged(user: UserRecord): void {
    const member = this.#state.members.get(user.id);
    if (member === undefined) return;
    this.#state.setUser(user);
    this.host.dispatch(memberUpdateEvent(this.#state, user.id));
  }

  /** The user's live sessions attach to this guild, and get GUILD_CREATE so. */
  #announceJoin(userId: Snowflake): void {
    const address = topicAddress(this.#context.runtime, `user:${userId}`);
    const event = { intents: 0, join: this.#state.guildId };
    this.#context.cast(address, { k: 'emit', event, bytes: new Uint8Array(0) });
  }
}
