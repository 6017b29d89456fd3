// The formats that hold for every payload, wherever a value stands in it (shared/reference/clients.md, section 1): each rule is
// there because a typed client drops a whole event over it.

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?[+-]\d\d:\d\d$/;
const SNOWFLAKE = /^[1-9]\d{0,19}$/;
const U64_MAX = 2n ** 64n - 1n;

/** Keys that end like an id and are none. */
const NOT_IDS = new Set(['session_id', 'custom_id', 'embed_id', 'placeholder_id']);
const LISTS = new Set([
  ...['activities', 'attachments', 'channels', 'components', 'embeds', 'emojis', 'features', 'fields', 'guilds', 'ids'],
  ...[
    'guild_scheduled_events',
    'members',
    'mention_roles',
    'mentions',
    'not_found',
    'permission_overwrites',
    'presences',
  ],
  ...[
    'private_channels',
    'reactions',
    'recipients',
    'soundboard_sounds',
    'stage_instances',
    'stickers',
    'sticker_items',
  ],
  ...['threads', 'voice_states', 'burst_colors', 'entitlements'],
]);
const BOOLEANS = new Set([
  ...[
    'animated',
    'available',
    'bot',
    'bot_public',
    'bot_require_code_grant',
    'burst',
    'deaf',
    'hoist',
    'inline',
    'large',
  ],
  ...[
    'managed',
    'me',
    'me_burst',
    'mention_everyone',
    'mentionable',
    'mfa_enabled',
    'mute',
    'nsfw',
    'pending',
    'pinned',
  ],
  ...[
    'premium_progress_bar_enabled',
    'require_colons',
    'self_deaf',
    'self_mute',
    'self_stream',
    'self_video',
    'suppress',
  ],
  ...['system', 'temporary', 'tts', 'unavailable', 'verified', 'widget_enabled'],
]);
const INTEGERS = new Set([
  ...[
    'afk_timeout',
    'bitrate',
    'chunk_count',
    'chunk_index',
    'color',
    'count',
    'created_at_ms',
    'flags',
    'max_age',
    'max_uses',
  ],
  ...[
    'default_message_notifications',
    'explicit_content_filter',
    'max_members',
    'max_video_channel_users',
    'member_count',
  ],
  ...[
    'mfa_level',
    'nsfw_level',
    'position',
    'premium_tier',
    'public_flags',
    'rate_limit_per_user',
    'size',
    'uses',
    'v',
  ],
  ...['system_channel_flags', 'type', 'user_limit', 'verification_level', 'primary_color'],
]);
const HASHES = new Set(['avatar', 'icon', 'banner', 'splash', 'discovery_splash', 'cover_image']);
/** An embed has a named type, a count of reactions a number of bursts; a command's permissions are a list of grants. */
const EXCEPTIONS = /embeds\[\d+\]\.type$|count_details\.burst$/;
const PERMISSIONS = new Set(['permissions', 'allow', 'deny', 'app_permissions']);

/** 'path: reason' for every value that some client could not read. */
export function formatFaults(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => formatFaults(item, `${path}[${i}]`));
  if (typeof value === 'string')
    return /^\d{4}-\d\d-\d\dT/.test(value) && !TIMESTAMP.test(value) ? [`${path}: timestamp ${value}`] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const reason = EXCEPTIONS.test(at) ? undefined : fault(key, inner);
    return reason === undefined
      ? formatFaults(inner, at)
      : [`${at}: ${reason} (${JSON.stringify(inner)?.slice(0, 40)})`];
  });
}

function fault(key: string, value: unknown): string | undefined {
  if (value === undefined) return 'undefined';
  if ((key === 'id' || key.endsWith('_id')) && !NOT_IDS.has(key))
    return value === null || isId(value) ? undefined : 'not an id';
  if (key.endsWith('_ids') || key === 'ids')
    return Array.isArray(value) && value.every(isId) ? undefined : 'not a list of ids';
  if (LISTS.has(key)) return Array.isArray(value) ? undefined : 'not a list';
  // An application's `bot` is a user.
  if (BOOLEANS.has(key) && !(key === 'bot' && isObject(value)))
    return typeof value === 'boolean' ? undefined : 'not a boolean';
  if (INTEGERS.has(key)) return Number.isSafeInteger(value) ? undefined : 'not an integer';
  if (HASHES.has(key))
    return value === null || (typeof value === 'string' && /^(a_)?[0-9a-f]{32}$/.test(value))
      ? undefined
      : 'not a hash';
  if (PERMISSIONS.has(key) && !Array.isArray(value)) return isPermissions(value) ? undefined : 'not permissions';
  if (key === 'discriminator')
    return typeof value === 'string' && /^\d{1,4}$/.test(value) ? undefined : 'not a discriminator';
  return undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && SNOWFLAKE.test(value);
}

/** discordgo reads them as a signed 64-bit integer, so Discord's own bits must stay below 2^63. */
function isPermissions(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) <= U64_MAX >> 1n;
}
