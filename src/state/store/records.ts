// The documents as they are stored. Field names are the wire's own, so that a payload is mostly the record itself.

import type { Snowflake } from '../../base/snowflake.ts';

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
