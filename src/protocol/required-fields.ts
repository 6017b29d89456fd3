// What typed clients require of each event and object, as measured against twilight, serenity, hikari, discord.py, discordgo
// and JDA (shared/reference/clients.md). A row is 'key type': a type ending in '?' may be null, a key ending in '~' may be
// absent, [T] is a list, @Name another object of this table.

type Rows = readonly string[];

const USER: Rows = [
  'id snowflake',
  'username text',
  'discriminator digits',
  'avatar hash?',
  'bot boolean',
  'public_flags integer',
  'flags~ integer',
  'mfa_enabled~ boolean',
  'system~ boolean',
];

const MEMBER_ALONE: Rows = [
  'roles [snowflake]',
  'deaf boolean',
  'mute boolean',
  'flags integer',
  'joined_at timestamp?',
  'pending boolean',
  'nick~ text?',
  'avatar~ hash?',
  'premium_since~ timestamp?',
  'communication_disabled_until~ timestamp?',
];

const MEMBER: Rows = ['user @User', ...MEMBER_ALONE];

const GUILD: Rows = [
  'id snowflake',
  'name text',
  'owner_id snowflake',
  'icon hash?',
  'splash hash?',
  'banner hash?',
  'description text?',
  'afk_channel_id snowflake?',
  'afk_timeout integer',
  'application_id snowflake?',
  'system_channel_id snowflake?',
  'system_channel_flags integer',
  'rules_channel_id snowflake?',
  'public_updates_channel_id snowflake?',
  'vanity_url_code text?',
  'default_message_notifications integer',
  'explicit_content_filter integer',
  'verification_level integer',
  'mfa_level integer',
  'nsfw_level integer',
  'premium_tier integer',
  'preferred_locale text',
  'premium_progress_bar_enabled boolean',
  'features [text]',
  'roles [@Role]',
  'emojis [@Emoji]',
  'stickers [object]',
  'max_video_channel_users integer',
];

const VOICE_STATE: Rows = [
  'user_id snowflake',
  'session_id text',
  'channel_id snowflake?',
  'deaf boolean',
  'mute boolean',
  'self_deaf boolean',
  'self_mute boolean',
  'self_video boolean',
  'suppress boolean',
  'request_to_speak_timestamp~ timestamp?',
];

const PRESENCE: Rows = ['user @UserId', 'status text', 'client_status object', 'activities [@Activity]'];

const MESSAGE: Rows = [
  'id snowflake',
  'channel_id snowflake',
  'author @User',
  'content string',
  'type integer',
  'timestamp timestamp',
  'edited_timestamp timestamp?',
  'tts boolean',
  'mention_everyone boolean',
  'mentions [@User]',
  'mention_roles [snowflake]',
  'attachments [@Attachment]',
  'embeds [@Embed]',
  'components~ [object]',
  'reactions~ [@Reaction]',
  'pinned boolean',
  'flags integer',
  'guild_id~ snowflake',
  'member~ @MessageMember',
  'message_reference~ @MessageReference',
  'referenced_message~ @Message?',
];

const REACTION: Rows = [
  'user_id snowflake',
  'channel_id snowflake',
  'message_id snowflake',
  'guild_id~ snowflake',
  'emoji @PartialEmoji',
  'burst boolean',
  'type integer',
  'message_author_id~ snowflake',
];

const CHANNEL: Rows = [
  'id snowflake',
  'type integer',
  'name text',
  'position integer',
  'permission_overwrites [@Overwrite]',
  'topic text?',
  'nsfw boolean',
  'flags integer',
  'rate_limit_per_user integer',
  'parent_id snowflake?',
  'last_message_id snowflake?',
  'last_pin_timestamp timestamp?',
  'bitrate~ integer',
  'user_limit~ integer',
  'rtc_region~ text?',
];

const APPLICATION: Rows = [
  'id snowflake',
  'name text',
  'description string',
  'bot_public boolean',
  'bot_require_code_grant boolean',
  'verify_key evenhex',
  'flags integer',
  'owner @User',
  'icon hash?',
  'approximate_guild_count integer',
  'approximate_user_install_count integer',
  'integration_types_config~ object',
];

const GUILD_USER: Rows = ['guild_id snowflake', 'user @User'];
const GUILD_ROLE: Rows = ['guild_id snowflake', 'role @Role'];
const GUILD_CHANNEL: Rows = [...CHANNEL, 'guild_id snowflake'];
const DM_CHANNEL: Rows = ['id snowflake', 'type integer', 'recipients [@User]', 'last_message_id snowflake?'];

/** Objects that stand inside others, by the names that rows use. */
export const OBJECT_FIELDS = {
  User: USER,
  UserId: ['id snowflake'],
  CurrentUser: [...USER, 'mfa_enabled boolean', 'flags integer'],
  Member: MEMBER,
  MessageMember: MEMBER_ALONE,
  Role: [
    'id snowflake',
    'name text',
    'permissions digits',
    'position integer',
    'color integer',
    'colors @Colors',
    'hoist boolean',
    'managed boolean',
    'mentionable boolean',
    'flags integer',
    'icon hash?',
    'unicode_emoji text?',
  ],
  Colors: ['primary_color integer', 'secondary_color integer?', 'tertiary_color integer?'],
  Channel: CHANNEL,
  GuildChannel: GUILD_CHANNEL,
  DmChannel: DM_CHANNEL,
  Overwrite: ['id snowflake', 'type integer', 'allow digits', 'deny digits'],
  Guild: GUILD,
  Emoji: ['id snowflake', 'name text', 'roles [snowflake]', 'animated boolean'],
  PartialEmoji: ['id snowflake?', 'name text'],
  VoiceState: VOICE_STATE,
  Presence: PRESENCE,
  Activity: ['name text', 'type integer', 'created_at integer'],
  Message: MESSAGE,
  MessageReference: ['type integer', 'channel_id snowflake', 'message_id~ snowflake', 'guild_id~ snowflake'],
  Attachment: ['id snowflake', 'filename text', 'size integer', 'url text', 'proxy_url text'],
  Embed: ['type text', 'fields~ [@EmbedField]', 'color~ integer'],
  EmbedField: ['name text', 'value text'],
  Reaction: [
    'emoji @PartialEmoji',
    'count integer',
    'count_details @CountDetails',
    'me boolean',
    'me_burst boolean',
    'burst_colors [text]',
  ],
  CountDetails: ['burst integer', 'normal integer'],
  UnavailableGuild: ['id snowflake', 'unavailable boolean'],
  ReadyApplication: ['id snowflake', 'flags integer'],
  Application: APPLICATION,
  SessionStartLimit: ['total integer', 'remaining integer', 'reset_after integer', 'max_concurrency integer'],
  GatewayBot: ['url text', 'shards integer', 'session_start_limit @SessionStartLimit'],
  Ban: ['user @User', 'reason string?'],
  Invite: ['code text', 'guild object', 'channel object', 'expires_at~ timestamp?'],
} as const satisfies Record<string, Rows>;

/** Events of guilds; in private channels the keys guild_id and member are absent. */
export const EVENT_FIELDS = {
  READY: [
    'v integer',
    'user @CurrentUser',
    'guilds [@UnavailableGuild]',
    'session_id text',
    'resume_gateway_url text',
    'application @ReadyApplication',
    'private_channels [object]',
    'shard~ [integer]',
  ],
  RESUMED: [],
  GUILD_CREATE: [
    ...GUILD,
    'joined_at timestamp',
    'large boolean',
    'unavailable boolean',
    'member_count integer',
    'members [@Member]',
    'channels [@Channel]',
    'threads [object]',
    'presences [@Presence]',
    'voice_states [@VoiceState]',
    'stage_instances [object]',
    'guild_scheduled_events [object]',
    'soundboard_sounds [object]',
  ],
  GUILD_UPDATE: GUILD,
  GUILD_DELETE: ['id snowflake', 'unavailable~ boolean'],
  GUILD_ROLE_CREATE: GUILD_ROLE,
  GUILD_ROLE_UPDATE: GUILD_ROLE,
  GUILD_ROLE_DELETE: ['guild_id snowflake', 'role_id snowflake'],
  GUILD_MEMBER_ADD: ['guild_id snowflake', ...MEMBER],
  GUILD_MEMBER_UPDATE: ['guild_id snowflake', ...MEMBER],
  GUILD_MEMBER_REMOVE: GUILD_USER,
  GUILD_BAN_ADD: GUILD_USER,
  GUILD_BAN_REMOVE: GUILD_USER,
  GUILD_EMOJIS_UPDATE: ['guild_id snowflake', 'emojis [@Emoji]'],
  GUILD_MEMBERS_CHUNK: [
    'guild_id snowflake',
    'members [@Member]',
    'chunk_index integer',
    'chunk_count integer',
    'nonce~ string',
    'not_found~ [snowflake]',
    'presences~ [@Presence]',
  ],
  CHANNEL_CREATE: GUILD_CHANNEL,
  CHANNEL_UPDATE: GUILD_CHANNEL,
  CHANNEL_DELETE: GUILD_CHANNEL,
  CHANNEL_PINS_UPDATE: ['channel_id snowflake', 'guild_id~ snowflake', 'last_pin_timestamp~ timestamp?'],
  MESSAGE_CREATE: MESSAGE,
  MESSAGE_UPDATE: MESSAGE,
  MESSAGE_DELETE: ['id snowflake', 'channel_id snowflake', 'guild_id~ snowflake'],
  MESSAGE_DELETE_BULK: ['ids [snowflake]', 'channel_id snowflake', 'guild_id~ snowflake'],
  MESSAGE_REACTION_ADD: [...REACTION, 'member~ @Member'],
  MESSAGE_REACTION_REMOVE: REACTION,
  MESSAGE_REACTION_REMOVE_ALL: ['channel_id snowflake', 'message_id snowflake', 'guild_id~ snowflake'],
  MESSAGE_REACTION_REMOVE_EMOJI: [
    'channel_id snowflake',
    'message_id snowflake',
    'guild_id~ snowflake',
    'emoji @PartialEmoji',
  ],
  TYPING_START: [
    'channel_id snowflake',
    'user_id snowflake',
    'timestamp integer',
    'guild_id~ snowflake',
    'member~ @Member',
  ],
  PRESENCE_UPDATE: [...PRESENCE, 'guild_id snowflake'],
  VOICE_STATE_UPDATE: [...VOICE_STATE, 'guild_id snowflake', 'member @Member'],
  VOICE_SERVER_UPDATE: ['token text', 'guild_id snowflake', 'endpoint text?'],
  USER_UPDATE: [...USER, 'mfa_enabled boolean', 'flags integer'],
  INVITE_CREATE: ['channel_id snowflake', 'guild_id snowflake', 'code text', 'created_at timestamp', 'uses integer'],
  INVITE_DELETE: ['channel_id snowflake', 'guild_id snowflake', 'code text'],
  WEBHOOKS_UPDATE: ['channel_id snowflake', 'guild_id snowflake'],
  INTERACTION_CREATE: [
    'id snowflake',
    'application_id snowflake',
    'type integer',
    'token text',
    'version integer',
    'locale text',
    'entitlements [object]',
    'authorizing_integration_owners object',
    'attachment_size_limit integer',
  ],
} as const satisfies Record<string, Rows>;

/** In a guild these optional keys are required as well. */
const IN_GUILD: { readonly [event: string]: readonly string[] } = {
  MESSAGE_CREATE: ['guild_id', 'member'],
  MESSAGE_UPDATE: ['guild_id'],
  MESSAGE_DELETE: ['guild_id'],
  MESSAGE_DELETE_BULK: ['guild_id'],
  MESSAGE_REACTION_ADD: ['guild_id', 'member'],
  MESSAGE_REACTION_REMOVE: ['guild_id'],
  MESSAGE_REACTION_REMOVE_ALL: ['guild_id'],
  MESSAGE_REACTION_REMOVE_EMOJI: ['guild_id'],
  TYPING_START: ['guild_id', 'member'],
  CHANNEL_PINS_UPDATE: ['guild_id'],
};

const SCALARS: { readonly [type: string]: (value: unknown) => boolean } = {
  snowflake: (value) => typeof value === 'string' && /^[1-9]\d{0,19}$/.test(value),
  text: (value) => typeof value === 'string' && value.length > 0,
  string: (value) => typeof value === 'string',
  digits: (value) => typeof value === 'string' && /^\d+$/.test(value),
  hash: (value) => typeof value === 'string' && /^(a_)?[0-9a-f]{32}$/.test(value),
  evenhex: (value) => typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value),
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value),
  // Never `Z`.
  timestamp: (value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?[+-]\d\d:\d\d$/.test(value),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/**
 * What is wrong with the payload of an event: 'path: reason' a finding, none when every client can read it.
 * `place`: 'guild' demands what guild events carry beside.
 */
export function missingFields(event: string, payload: unknown, place: 'guild' | 'dm' = 'guild'): string[] {
  const found: string[] = [];
  const rows: Rows | undefined =
    place === 'dm' && event.startsWith('CHANNEL_') && event !== 'CHANNEL_PINS_UPDATE'
      ? DM_CHANNEL
      : EVENT_FIELDS[event as keyof typeof EVENT_FIELDS];
  if (rows === undefined) return [`${event}: not in the table`];
  checkRows(rows, payload, '', found);
  if (place === 'guild' && typeof payload === 'object' && payload !== null) {
    for (const key of IN_GUILD[event] ?? []) {
      // A webhook or a system notice has no member.
      if (key === 'member' && Object.hasOwn(payload, 'webhook_id')) continue;
      if (!Object.hasOwn(payload, key)) found.push(`${key}: missing`);
    }
  }
  return found;
}

/** The same for an object of OBJECT_FIELDS. */
export function missingObjectFields(name: keyof typeof OBJECT_FIELDS, payload: unknown): string[] {
  const found: string[] = [];
  checkRows(OBJECT_FIELDS[name], payload, '', found);
  return found;
}

function checkRows(rows: Rows, payload: unknown, path: string, found: string[]): void {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    found.push(`${path === '' ? 'payload' : path}: not an object`);
    return;
  }
  const from = payload as { [key: string]: unknown };
  for (const row of rows) {
    const [name = '', type = ''] = row.split(' ');
    const mayBeAbsent = name.endsWith('~');
    const key = mayBeAbsent ? name.slice(0, -1) : name;
    const at = path === '' ? key : `${path}.${key}`;
    if (!Object.hasOwn(from, key) || from[key] === undefined) {
      if (!mayBeAbsent) found.push(`${at}: missing`);
    } else {
      checkValue(type, from[key], at, found);
    }
  }
}

function checkValue(type: string, value: unknown, path: string, found: string[]): void {
  const nullable = type.endsWith('?');
  const bare = nullable ? type.slice(0, -1) : type;
  if (value === null) {
    if (!nullable) found.push(`${path}: null`);
  } else if (bare.startsWith('[')) {
    if (!Array.isArray(value)) {
      found.push(`${path}: not a list`);
      return;
    }
    for (let i = 0; i < value.length; i += 1) checkValue(bare.slice(1, -1), value[i], `${path}[${i}]`, found);
  } else if (bare.startsWith('@')) {
    checkRows(OBJECT_FIELDS[bare.slice(1) as keyof typeof OBJECT_FIELDS], value, path, found);
  } else if (SCALARS[bare]?.(value) !== true) {
    found.push(`${path}: not ${bare} (${JSON.stringify(value)?.slice(0, 40)})`);
  }
}
