// Gateway intents: which events a session asked for.
// Source: discord.com/developers/docs/topics/gateway#gateway-intents

export const INTENTS = {
  GUILDS: 1 << 0,
  GUILD_MEMBERS: 1 << 1,
  GUILD_MODERATION: 1 << 2,
  GUILD_EXPRESSIONS: 1 << 3,
  GUILD_INTEGRATIONS: 1 << 4,
  GUILD_WEBHOOKS: 1 << 5,
  GUILD_INVITES: 1 << 6,
  GUILD_VOICE_STATES: 1 << 7,
  GUILD_PRESENCES: 1 << 8,
  GUILD_MESSAGES: 1 << 9,
  GUILD_MESSAGE_REACTIONS: 1 << 10,
  GUILD_MESSAGE_TYPING: 1 << 11,
  DIRECT_MESSAGES: 1 << 12,
  DIRECT_MESSAGE_REACTIONS: 1 << 13,
  DIRECT_MESSAGE_TYPING: 1 << 14,
  MESSAGE_CONTENT: 1 << 15,
  GUILD_SCHEDULED_EVENTS: 1 << 16,
  AUTO_MODERATION_CONFIGURATION: 1 << 20,
  AUTO_MODERATION_EXECUTION: 1 << 21,
  GUILD_MESSAGE_POLLS: 1 << 24,
  DIRECT_MESSAGE_POLLS: 1 << 25,
} as const;

export type IntentName = keyof typeof INTENTS;

/** Every known bit; another bit in IDENTIFY closes with INVALID_INTENTS. */
export const VALID: number = Object.values(INTENTS).reduce((mask, bit) => mask | bit, 0);

/** Bits an application must have been given. */
export const PRIVILEGED: number = INTENTS.GUILD_MEMBERS | INTENTS.GUILD_PRESENCES | INTENTS.MESSAGE_CONTENT;

/** The privileged bits by the names of ApplicationRecord.privileged. */
export const PRIVILEGED_BY_NAME = {
  members: INTENTS.GUILD_MEMBERS,
  presences: INTENTS.GUILD_PRESENCES,
  content: INTENTS.MESSAGE_CONTENT,
} as const;

export type PrivilegedName = keyof typeof PRIVILEGED_BY_NAME;

/** What people's sessions get: everything. */
export const ALL_INTENTS: number = VALID;

/** Well-formed intents: a non-negative integer of known bits. */
export function isValidIntents(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= VALID && (value & ~VALID) === 0;
}

/** The privileged bits that an application with these grants may not ask for. */
export function disallowedIntents(intents: number, granted: readonly PrivilegedName[]): number {
  let allowed = 0;
  for (const name of granted) allowed |= PRIVILEGED_BY_NAME[name] ?? 0;
  return intents & PRIVILEGED & ~allowed;
}

/** Any of the bits admits; 0 admits every session. `dm` where the event also happens in private channels. */
export interface EventIntents {
  readonly guild: number;
  readonly dm: number;
}

const guilds: EventIntents = { guild: INTENTS.GUILDS, dm: INTENTS.DIRECT_MESSAGES };
const everyone: EventIntents = { guild: 0, dm: 0 };
const only = (guild: number, dm = 0): EventIntents => ({ guild, dm });

export const EVENT_INTENTS = {
  READY: everyone,
  RESUMED: everyone,
  GUILD_CREATE: guilds,
  GUILD_UPDATE: guilds,
  GUILD_DELETE: guilds,
  GUILD_ROLE_CREATE: guilds,
  GUILD_ROLE_UPDATE: guilds,
  GUILD_ROLE_DELETE: guilds,
  CHANNEL_CREATE: guilds,
  CHANNEL_UPDATE: guilds,
  CHANNEL_DELETE: guilds,
  CHANNEL_PINS_UPDATE: guilds,
  THREAD_CREATE: guilds,
  THREAD_UPDATE: guilds,
  THREAD_DELETE: guilds,
  THREAD_LIST_SYNC: guilds,
  THREAD_MEMBER_UPDATE: guilds,
  THREAD_MEMBERS_UPDATE: only(INTENTS.GUILDS | INTENTS.GUILD_MEMBERS),
  STAGE_INSTANCE_CREATE: guilds,
  STAGE_INSTANCE_UPDATE: guilds,
  STAGE_INSTANCE_DELETE: guilds,
  VOICE_CHANNEL_STATUS_UPDATE: guilds,
  GUILD_MEMBER_ADD: only(INTENTS.GUILD_MEMBERS),
  GUILD_MEMBER_UPDATE: only(INTENTS.GUILD_MEMBERS),
  GUILD_MEMBER_REMOVE: only(INTENTS.GUILD_MEMBERS),
  GUILD_AUDIT_LOG_ENTRY_CREATE: only(INTENTS.GUILD_MODERATION),
  GUILD_BAN_ADD: only(INTENTS.GUILD_MODERATION),
  GUILD_BAN_REMOVE: only(INTENTS.GUILD_MODERATION),
  GUILD_EMOJIS_UPDATE: only(INTENTS.GUILD_EXPRESSIONS),
  GUILD_STICKERS_UPDATE: only(INTENTS.GUILD_EXPRESSIONS),
  GUILD_INTEGRATIONS_UPDATE: only(INTENTS.GUILD_INTEGRATIONS),
  INTEGRATION_CREATE: only(INTENTS.GUILD_INTEGRATIONS),
  INTEGRATION_UPDATE: only(INTENTS.GUILD_INTEGRATIONS),
  INTEGRATION_DELETE: only(INTENTS.GUILD_INTEGRATIONS),
  WEBHOOKS_UPDATE: only(INTENTS.GUILD_WEBHOOKS),
  INVITE_CREATE: only(INTENTS.GUILD_INVITES),
  INVITE_DELETE: only(INTENTS.GUILD_INVITES),
  VOICE_STATE_UPDATE: only(INTENTS.GUILD_VOICE_STATES),
  VOICE_CHANNEL_EFFECT_SEND: only(INTENTS.GUILD_VOICE_STATES),
  VOICE_SERVER_UPDATE: everyone,
  PRESENCE_UPDATE: only(INTENTS.GUILD_PRESENCES),
  MESSAGE_CREATE: only(INTENTS.GUILD_MESSAGES, INTENTS.DIRECT_MESSAGES),
  MESSAGE_UPDATE: only(INTENTS.GUILD_MESSAGES, INTENTS.DIRECT_MESSAGES),
  MESSAGE_DELETE: only(INTENTS.GUILD_MESSAGES, INTENTS.DIRECT_MESSAGES),
  MESSAGE_DELETE_BULK: only(INTENTS.GUILD_MESSAGES, INTENTS.DIRECT_MESSAGES),
  MESSAGE_REACTION_ADD: only(INTENTS.GUILD_MESSAGE_REACTIONS, INTENTS.DIRECT_MESSAGE_REACTIONS),
  MESSAGE_REACTION_REMOVE: only(INTENTS.GUILD_MESSAGE_REACTIONS, INTENTS.DIRECT_MESSAGE_REACTIONS),
  MESSAGE_REACTION_REMOVE_ALL: only(INTENTS.GUILD_MESSAGE_REACTIONS, INTENTS.DIRECT_MESSAGE_REACTIONS),
  MESSAGE_REACTION_REMOVE_EMOJI: only(INTENTS.GUILD_MESSAGE_REACTIONS, INTENTS.DIRECT_MESSAGE_REACTIONS),
  TYPING_START: only(INTENTS.GUILD_MESSAGE_TYPING, INTENTS.DIRECT_MESSAGE_TYPING),
  GUILD_SCHEDULED_EVENT_CREATE: only(INTENTS.GUILD_SCHEDULED_EVENTS),
  GUILD_SCHEDULED_EVENT_UPDATE: only(INTENTS.GUILD_SCHEDULED_EVENTS),
  GUILD_SCHEDULED_EVENT_DELETE: only(INTENTS.GUILD_SCHEDULED_EVENTS),
  MESSAGE_POLL_VOTE_ADD: only(INTENTS.GUILD_MESSAGE_POLLS, INTENTS.DIRECT_MESSAGE_POLLS),
  MESSAGE_POLL_VOTE_REMOVE: only(INTENTS.GUILD_MESSAGE_POLLS, INTENTS.DIRECT_MESSAGE_POLLS),
  USER_UPDATE: everyone,
  INTERACTION_CREATE: everyone,
  GUILD_MEMBERS_CHUNK: everyone,
  SOUNDBOARD_SOUNDS: everyone,
  CHANNEL_INFO: everyone,
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: everyone,
  RATE_LIMITED: everyone,
} as const satisfies Record<string, EventIntents>;

export type EventName = keyof typeof EVENT_INTENTS;

/** The mask of TopicEvent.intents. */
export function eventIntents(event: EventName, inGuild: boolean): number {
  return inGuild ? EVENT_INTENTS[event].guild : EVENT_INTENTS[event].dm;
}
