// GUILD_CREATE. Most of it is the same for everybody who logs in, so it is encoded once per version of the guild; what differs
// from session to session (joined_at, large, members, presences) is put behind it. 5,000 sessions that log in to one
// guild at once cost 5,000 small encodings.

import type { Snowflake } from '../../base/snowflake.ts';
import { encodeDispatchText } from '../../protocol/dispatch.ts';
import { INTENTS } from '../../protocol/intents.ts';
import {
  channelPayload,
  guildCreatePayload,
  memberPayload,
  presencePayload,
  voiceStatePayload,
} from '../../protocol/payload.ts';
import type { Attach } from '../topic.ts';
import type { GuildState } from './state.ts';

/** Above this many members nobody gets more than the own member and those in voice, as on Discord. */
const PRESENCES_MEMBERS_MAX = 75_000;
/** Online members in the snapshot of a person's session: a first screen of the member list; more come by opcode 8. Bots get all, libraries count on it. */
const PERSON_ONLINE_MAX = 100;

/** The member object as JSON, kept until the member changes. */
export function memberText(state: GuildState, userId: Snowflake): string | undefined {
  let text = state.memberTexts.get(userId);
  if (text === undefined) {
    const member = state.members.get(userId);
    const user = state.users.get(userId);
    if (member === undefined || user === undefined) return undefined;
    text = JSON.stringify(memberPayload(member, user));
    state.memberTexts.set(userId, text);
  }
  return text;
}

export function presenceText(state: GuildState, userId: Snowflake): string {
  return JSON.stringify(presencePayload({ user_id: userId, ...state.presences.of(userId) }));
}

export class Snapshots {
  readonly #state: GuildState;
  /** Everything but joined_at, large, members and presences, without the closing brace. */
  #shared = '';
  #sharedVersion = -1;
  /** Last message of each channel when `#shared` was made; messages come more often than the rest changes. */
  #lastIds: (Snowflake | null | undefined)[] = [];

  constructor(state: GuildState) {
    this.#state = state;
  }

  /** The dispatch for a session that attaches; undefined when it does not want guilds. */
  guildCreate(session: Pick<Attach, 'user_id' | 'bot' | 'intents' | 'large_threshold'>): Uint8Array | undefined {
    const state = this.#state;
    const member = state.members.get(session.user_id);
    if (member === undefined || (session.intents & INTENTS.GUILDS) === 0) return undefined;
    const large = state.memberCount > session.large_threshold;
    const users = this.#membersFor(session, large);
    const members: string[] = [];
    for (const user of users) {
      const text = memberText(state, user);
      if (text !== undefined) members.push(text);
    }
    const presences: string[] = [];
    if (this.#seesPresences(session)) {
      for (const user of users) if (state.presences.online(user)) presences.push(presenceText(state, user));
    }
    return encodeDispatchText(
      'GUILD_CREATE',
      `${this.#sharedText()},"joined_at":${JSON.stringify(member.joined_at)},"large":${large},` +
        `"members":[${members.join()}],"presences":[${presences.join()}]}`,
    );
  }

  #seesPresences(session: Pick<Attach, 'intents'>): boolean {
    return (session.intents & INTENTS.GUILD_PRESENCES) !== 0 && this.#state.memberCount <= PRESENCES_MEMBERS_MAX;
  }

  /** Who is in the snapshot's member list: always the own member and those in voice. */
  #membersFor(
    session: Pick<Attach, 'user_id' | 'bot' | 'intents'>,
    large: boolean,
  ): ReadonlySet<Snowflake> | readonly Snowflake[] {
    const state = this.#state;
    const users = new Set<Snowflake>([session.user_id, ...state.voiceStates.keys()]);
    if (!this.#seesPresences(session)) return users;
    if (!large) return Array.from(state.members.keys());
    for (const [user] of state.presences.entries()) {
      if (!session.bot && users.size >= PERSON_ONLINE_MAX) break;
      users.add(user);
    }
    return users;
  }

  #sharedText(): string {
    const state = this.#state;
    const lastIds = Array.from(state.channels.keys(), (id) => state.book.lastMessageId(id));
    const fresh =
      this.#sharedVersion === state.version &&
      lastIds.length === this.#lastIds.length &&
      lastIds.every((id, i) => id === this.#lastIds[i]);
    if (fresh) return this.#shared;
    const payload: { [key: string]: unknown } = guildCreatePayload(state.guild, {
      roles: state.roles.values(),
      emojis: state.emojis.values(),
      joined_at: '',
      large: false,
      member_count: state.memberCount,
      members: [],
      presences: [],
      channels: Array.from(state.channels.values(), (channel, i) =>
        channelPayload(channel, { last_message_id: lastIds[i] ?? null }),
      ),
      voice_states: Array.from(state.voiceStates.values(), (voice) =>
        voiceStatePayload(voice, undefined, { inGuild: true }),
      ),
    });
    for (const key of ['joined_at', 'large', 'members', 'presences']) delete payload[key];
    this.#shared = JSON.stringify(payload).slice(0, -1);
    this.#sharedVersion = state.version;
    this.#lastIds = lastIds;
    return this.#shared;
  }
}
