// The documents as they are stored, and the state that is never stored but shown (voice, presence). Field names are the
// wire's own, so that a payload is mostly the record itself. The store re-exports these as state/store/records.ts.

import type { Snowflake } from '../base/snowflake.ts';

export interface UserRecord {
  id: Snowflake;
  username: string;
  discriminator: string;
  global_name: string | null;
  avatar: string | null;
  banner: string | null;
  accent_color: number | null;
  bot: boolean;
  flags: number;
  /** argon2id PHC string; people only. */
  password_hash?: string;
  created_at_ms: number;
}

export interface ApplicationRecord {
  /** Equal to the bot user's id, as on Discord. */
  id: Snowflake;
  bot_id: Snowflake;
  owner_id: Snowflake;
  name: string;
  description: string;
  /** Privileged intents the application may ask for. */
  privileged: ('members' | 'presences' | 'content')[];
  verify_key: string;
}

export interface TokenRecord {
  hash: string;
  user_id: Snowflake;
  kind: 'bot' | 'user';
  created_at_ms: number;
}

export interface GuildRecord {
  id: Snowflake;
  name: string;
  owner_id: Snowflake;
  icon: string | null;
  splash: string | null;
  banner: string | null;
  description: string | null;
  afk_channel_id: Snowflake | null;
  afk_timeout: number;
  system_channel_id: Snowflake | null;
  system_channel_flags: number;
  rules_channel_id: Snowflake | null;
  public_updates_channel_id: Snowflake | null;
  default_message_notifications: number;
  explicit_content_filter: number;
  verification_level: number;
  mfa_level: number;
  nsfw_level: number;
  preferred_locale: string;
  premium_progress_bar_enabled: boolean;
  features: string[];
}

export interface RoleRecord {
  id: Snowflake;
  guild_id: Snowflake;
  name: string;
  color: number;
  colors: { primary_color: number; secondary_color: number | null; tertiary_color: number | null };
  hoist: boolean;
  icon: string | null;
  unicode_emoji: string | null;
  position: number;
  /** Decimal string. */
  permissions: string;
  managed: boolean;
  mentionable: boolean;
  flags: number;
  tags?: { bot_id?: Snowflake };
}

export interface OverwriteRecord {
  id: Snowflake;
  /** 0 role, 1 member. */
  type: 0 | 1;
  allow: string;
  deny: string;
}

export interface ChannelRecord {
  id: Snowflake;
  /** Guild id; absent for private channels. */
  guild_id?: Snowflake;
  type: number;
  name: string;
  position: number;
  topic: string | null;
  nsfw: boolean;
  parent_id: Snowflake | null;
  permission_overwrites: OverwriteRecord[];
  rate_limit_per_user: number;
  bitrate?: number;
  user_limit?: number;
  rtc_region?: string | null;
  video_quality_mode?: number;
  flags: number;
  last_pin_timestamp: string | null;
  /** Private channels only. */
  recipient_ids?: Snowflake[];
  default_auto_archive_duration?: number | null;
}

export interface MemberRecord {
  guild_id: Snowflake;
  user_id: Snowflake;
  nick: string | null;
  avatar: string | null;
  roles: Snowflake[];
  joined_at: string;
  premium_since: string | null;
  deaf: boolean;
  mute: boolean;
  flags: number;
  pending: boolean;
  communication_disabled_until: string | null;
}

export interface BanRecord {
  guild_id: Snowflake;
  user_id: Snowflake;
  reason: string | null;
}

export interface InviteRecord {
  code: string;
  guild_id: Snowflake;
  channel_id: Snowflake;
  inviter_id: Snowflake | null;
  max_age: number;
  max_uses: number;
  uses: number;
  temporary: boolean;
  created_at: string;
}

export interface EmojiRecord {
  id: Snowflake;
  guild_id: Snowflake;
  name: string;
  roles: Snowflake[];
  user_id: Snowflake;
  animated: boolean;
}

/** A file of a message, at <data dir>/attachments/<channel id>/<id>; clients see only URLs. */
export interface AttachmentRecord {
  id: Snowflake;
  filename: string;
  title?: string;
  description?: string;
  /** Inferred from the name; absent when that tells nothing. */
  content_type?: string;
  size: number;
  width?: number;
  height?: number;
  flags?: number;
}

/** What a message is made of beside its ids; users stand in it by id and are filled in when it is read. */
export interface MessageDoc {
  type: number;
  content: string;
  flags: number;
  tts: boolean;
  pinned: boolean;
  edited_timestamp: string | null;
  mention_everyone: boolean;
  mention_ids: Snowflake[];
  mention_roles: Snowflake[];
  attachments: AttachmentRecord[];
  embeds: { [key: string]: unknown }[];
  components: { [key: string]: unknown }[];
  message_reference?: { type: number; message_id?: Snowflake; channel_id: Snowflake; guild_id?: Snowflake };
  webhook_id?: Snowflake;
  /** Name and picture a webhook spoke under. */
  webhook_author?: { username: string; avatar: string | null };
  application_id?: Snowflake;
  interaction_metadata?: { [key: string]: unknown };
  sticker_items?: { [key: string]: unknown }[];
  poll?: { [key: string]: unknown };
  /** One for each emoji, oldest first; who reacted is in table `reaction`. */
  reactions?: ReactionRecord[];
}

export interface ReactionRecord {
  emoji: { id: Snowflake | null; name: string; animated?: boolean };
  count: number;
  /** Some of those who reacted, all of them while `count` equals its length: so that `me` seldom needs a row. */
  user_ids: Snowflake[];
}

export interface WebhookRecord {
  id: Snowflake;
  /** 1 incoming. */
  type: number;
  guild_id: Snowflake | null;
  channel_id: Snowflake;
  /** Who made it. */
  user_id: Snowflake;
  name: string;
  avatar: string | null;
  /** SHA-256 of its token, hex: the token itself is derived anew from a secret when it is shown. */
  token_hash: string;
  application_id: Snowflake | null;
}

/** An application command as its application wrote it. */
export interface CommandRecord {
  id: Snowflake;
  application_id: Snowflake;
  guild_id?: Snowflake;
  /** 1 slash, 2 user, 3 message. */
  type: number;
  name: string;
  name_localizations: { [locale: string]: string } | null;
  description: string;
  description_localizations: { [locale: string]: string } | null;
  options: { [key: string]: unknown }[];
  default_member_permissions: string | null;
  dm_permission: boolean;
  nsfw: boolean;
  integration_types: number[];
  contexts: number[] | null;
  version: Snowflake;
}

/** A user's presence in voice; lives as long as the session that made it. */
export interface VoiceStateRecord {
  guild_id: Snowflake;
  channel_id: Snowflake | null;
  user_id: Snowflake;
  session_id: string;
  deaf: boolean;
  mute: boolean;
  self_deaf: boolean;
  self_mute: boolean;
  self_video: boolean;
  self_stream?: boolean;
  suppress: boolean;
  request_to_speak_timestamp: string | null;
}
