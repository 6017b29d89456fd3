// The language between a topic (the actor that owns a guild, a private channel, or a user's own events) and the relays of
// the I/O threads. A topic knows which sessions of which thread are attached; a relay delivers. Both directions are FIFO,
// which is what makes attach, view changes, hand-over and events line up without a gap or a repeat.

import type { Message } from '../actor/types.ts';
import type { Snowflake } from '../base/snowflake.ts';
import type { UserRecord } from '../state/store/records.ts';

/** 'guild:<id>', 'dm:<channel id>' or 'user:<id>': the registered name of the owning actor on its actor thread. */
export type TopicName = string;

/** Name of the relay actor on each I/O thread. */
export const RELAY = 'relay';

/** A session on its I/O thread: a small integer, never reused while the thread lives. */
export type SessionKey = number;

/** What an I/O thread tells a topic (casts). */
export type ToTopic = Attach | Detach | Move | SessionPresence | SessionVoice | SessionMembers;

/**
 * What one topic asks of another (a cast): send this event to your sessions. A guild tells 'user:<id>' so of a join (`join` set,
 * `bytes` empty: nothing to deliver, only the relays act). Sent on in order of arrival.
 */
export interface Emit extends Message {
  readonly k: 'emit';
  readonly event: EventAddress;
  readonly bytes: Uint8Array;
}

/** A user's record has changed: cast to the guilds of the user. */
export interface UserChanged extends Message {
  readonly k: 'user';
  readonly user: UserRecord;
}

/** The session wants the topic's events. Answered by Attached. */
export interface Attach extends Message {
  readonly k: 'attach';
  readonly thread: number;
  readonly session: SessionKey;
  readonly session_id: string;
  readonly user_id: Snowflake;
  readonly bot: boolean;
  readonly intents: number;
  readonly large_threshold: number;
  /** identify: wants the snapshot (GUILD_CREATE). join: the same, for a guild joined while connected. reattach: the topic was restarted, events only. */
  readonly mode: 'identify' | 'join' | 'reattach';
  /** Current presence, as the client set it; null for topics that don't need it. */
  readonly presence: PresenceState | null;
}

export interface Detach extends Message {
  readonly k: 'detach';
  readonly thread: number;
  readonly session: SessionKey;
  readonly session_id: string;
  readonly user_id: Snowflake;
}

/** A session goes from one I/O thread to another: from here on its events go to `to`. Answered by Detached at the old relay and Attached (mode 'move') at the new. */
export interface Move extends Message {
  readonly k: 'move';
  readonly from: { readonly thread: number; readonly session: SessionKey };
  readonly to: { readonly thread: number; readonly session: SessionKey };
  readonly session_id: string;
  readonly user_id: Snowflake;
}

export interface PresenceState {
  /** 'online' | 'dnd' | 'idle' | 'invisible' | 'offline' */
  readonly status: string;
  readonly activities: readonly { readonly [key: string]: unknown }[];
  readonly since: number | null;
  readonly afk: boolean;
}

/** Opcode 3, already validated and rate-limited. Sent to every guild topic of the session. */
export interface SessionPresence extends Message {
  readonly k: 'presence';
  readonly thread: number;
  readonly session: SessionKey;
  readonly user_id: Snowflake;
  readonly presence: PresenceState;
}

/** Opcode 4, already validated. */
export interface SessionVoice extends Message {
  readonly k: 'voice';
  readonly thread: number;
  readonly session: SessionKey;
  readonly session_id: string;
  readonly user_id: Snowflake;
  readonly channel_id: Snowflake | null;
  readonly self_mute: boolean;
  readonly self_deaf: boolean;
  readonly self_video: boolean;
}

/** Opcode 8. Answered by events 'GUILD_MEMBERS_CHUNK' with `session` set. */
export interface SessionMembers extends Message {
  readonly k: 'members';
  readonly thread: number;
  readonly session: SessionKey;
  readonly user_id: Snowflake;
  readonly bot: boolean;
  readonly intents: number;
  readonly query: string | null;
  readonly limit: number;
  readonly user_ids: readonly Snowflake[] | null;
  readonly presences: boolean;
  readonly nonce: string | null;
}

/** What a topic tells a relay (casts to {thread, name: RELAY}). */
export type ToRelay = Attached | Detached | Views | TopicEvent | TopicUp;

/** The session hears the topic from this record on. `bytes`: the snapshot dispatch (GUILD_CREATE) to send it first, if any. */
export interface Attached extends Message {
  readonly k: 'attached';
  readonly topic: TopicName;
  readonly session: SessionKey;
  readonly session_id: string;
  readonly mode: 'identify' | 'join' | 'reattach' | 'move';
  /** Channels the user may view; 'all' for user and dm topics. null: not a member any more (the relay drops the topic from the session). */
  readonly view: readonly Snowflake[] | 'all' | null;
}

/** Marker: nothing of this topic follows for the session on this thread. */
export interface Detached extends Message {
  readonly k: 'detached';
  readonly topic: TopicName;
  readonly session: SessionKey;
  readonly session_id: string;
}

/** What these users may view has changed (roles, overwrites, channels). null: the user is no longer a member; its sessions leave the topic after the events before this. */
export interface Views extends Message {
  readonly k: 'views';
  readonly topic: TopicName;
  readonly users: readonly (readonly [Snowflake, readonly Snowflake[] | null])[];
}

/** Whom an event is for. */
export interface EventAddress {
  /** Any of these intent bits admits; 0 admits all. */
  readonly intents: number;
  /** Only sessions that may view this channel. */
  readonly channel?: Snowflake;
  /** Only sessions of these users. */
  readonly only?: readonly Snowflake[];
  /** Not to sessions of these users. */
  readonly except?: readonly Snowflake[];
  /** These users get it whatever their intents say (own member update, own voice state). */
  readonly always?: readonly Snowflake[];
  /** Only this session (members chunks). */
  readonly session?: SessionKey;
  /** Lossy: may be shed for a slow consumer (typing, presence). */
  readonly lossy?: boolean;
  /** Users that see content without the intent: the author, bots mentioned. */
  readonly content_for?: readonly Snowflake[];
  /** The relay acts as well: the user joined this guild (attach its sessions, mode 'join'). On user topics; `bytes` may be empty: nothing to deliver. */
  readonly join?: Snowflake;
}

/** The hot record: one dispatch, encoded once (protocol/dispatch.ts), with whom it is for. */
export interface TopicEvent extends Message, EventAddress {
  readonly k: 'event';
  readonly topic: TopicName;
  /**
   * Length of the full variant at the start of `bytes`; the rest is the variant without MESSAGE_CONTENT, for bots that lack the
   * intent and are not named in `content_for`. Absent: one variant.
   */
  readonly split?: number;
  readonly bytes: Uint8Array;
}

/** The topic's actor has (re)started and knows no sessions: attach again (mode 'reattach'). */
export interface TopicUp extends Message {
  readonly k: 'up';
  readonly topic: TopicName;
}
