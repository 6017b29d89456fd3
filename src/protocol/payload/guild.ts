// Guilds on the wire: the REST and GUILD_UPDATE form, and GUILD_CREATE with all that a client's cache begins with.

import type { EmojiRecord, GuildRecord, RoleRecord } from '../records.ts';
import { emojiPayload } from './emoji.ts';
import { rolePayload } from './role.ts';

/** Most members a guild is announced to hold; a hint for clients, not a check. */
const MAX_MEMBERS = 500_000;
const MAX_VIDEO_USERS = 25;
const MAX_STAGE_VIDEO_USERS = 50;

export interface GuildParts {
  readonly roles: Iterable<RoleRecord>;
  readonly emojis: Iterable<EmojiRecord>;
}

export function guildPayload(
  guild: GuildRecord,
  parts: GuildParts,
  counts?: { readonly approximate_member_count: number; readonly approximate_presence_count: number },
) {
  return {
    id: guild.id,
    name: guild.name,
    owner_id: guild.owner_id,
    icon: guild.icon,
    icon_hash: null,
    splash: guild.splash,
    discovery_splash: null,
    banner: guild.banner,
    description: guild.description,
    region: 'deprecated',
    afk_channel_id: guild.afk_channel_id,
    afk_timeout: guild.afk_timeout,
    widget_enabled: false,
    widget_channel_id: null,
    verification_level: guild.verification_level,
    default_message_notifications: guild.default_message_notifications,
    explicit_content_filter: guild.explicit_content_filter,
    mfa_level: guild.mfa_level,
    nsfw_level: guild.nsfw_level,
    nsfw: false,
    application_id: null,
    system_channel_id: guild.system_channel_id,
    system_channel_flags: guild.system_channel_flags,
    rules_channel_id: guild.rules_channel_id,
    public_updates_channel_id: guild.public_updates_channel_id,
    safety_alerts_channel_id: null,
    max_presences: null,
    max_members: MAX_MEMBERS,
    max_video_channel_users: MAX_VIDEO_USERS,
    max_stage_video_channel_users: MAX_STAGE_VIDEO_USERS,
    vanity_url_code: null,
    premium_tier: 0,
    premium_subscription_count: 0,
    premium_progress_bar_enabled: guild.premium_progress_bar_enabled,
    preferred_locale: guild.preferred_locale,
    features: guild.features,
    roles: Array.from(parts.roles, rolePayload),
    emojis: Array.from(parts.emojis, (emoji) => emojiPayload(emoji)),
    stickers: [] as unknown[],
    ...counts,
  };
}

/** Lists as payloads already: the guild encodes and shares them as it likes. */
export interface GuildCreateParts extends GuildParts {
  /** When the receiving user joined. */
  readonly joined_at: string;
  readonly large: boolean;
  readonly member_count: number;
  readonly members: readonly unknown[];
  readonly channels: readonly unknown[];
  readonly presences: readonly unknown[];
  readonly voice_states: readonly unknown[];
}

export function guildCreatePayload(guild: GuildRecord, parts: GuildCreateParts) {
  return {
    ...guildPayload(guild, parts),
    joined_at: parts.joined_at,
    large: parts.large,
    // Explicitly false: discord.js keeps the guild unavailable otherwise.
    unavailable: false,
    member_count: parts.member_count,
    voice_states: parts.voice_states,
    members: parts.members,
    channels: parts.channels,
    threads: [] as unknown[],
    presences: parts.presences,
    stage_instances: [] as unknown[],
    guild_scheduled_events: [] as unknown[],
    soundboard_sounds: [] as unknown[],
    activity_instances: [] as unknown[],
  };
}

/** In READY, and GUILD_DELETE in an outage. */
export function unavailableGuildPayload(guildId: string) {
  return { id: guildId, unavailable: true };
}

/** GET /users/@me/guilds. `permissions`: decimal text of the user's permissions in the guild. */
export function userGuildPayload(
  guild: GuildRecord,
  userId: string,
  permissions: string,
  counts?: { readonly approximate_member_count: number; readonly approximate_presence_count: number },
) {
  return {
    id: guild.id,
    name: guild.name,
    icon: guild.icon,
    banner: guild.banner,
    owner: guild.owner_id === userId,
    permissions,
    features: guild.features,
    ...counts,
  };
}

/** GUILD_ROLE_CREATE and GUILD_ROLE_UPDATE. */
export function roleEventPayload(guildId: string, role: RoleRecord) {
  return { guild_id: guildId, role: rolePayload(role) };
}
