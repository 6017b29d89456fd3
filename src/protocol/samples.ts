// Plain records for tests, each field of which a test may set.

import type {
  ApplicationRecord,
  ChannelRecord,
  GuildRecord,
  MemberRecord,
  MessageDoc,
  RoleRecord,
  UserRecord,
} from './records.ts';

export function aUser(over: Partial<UserRecord> = {}): UserRecord {
  return {
    id: '1200000000000000001',
    username: 'ada',
    discriminator: '0',
    global_name: 'Ada',
    avatar: null,
    banner: null,
    accent_color: null,
    bot: false,
    flags: 0,
    created_at_ms: 1_700_000_000_000,
    ...over,
  };
}

export function anApplication(over: Partial<ApplicationRecord> = {}): ApplicationRecord {
  return {
    id: '1200000000000000007',
    bot_id: '1200000000000000007',
    owner_id: '1200000000000000001',
    name: 'clerk',
    description: '',
    privileged: ['members', 'presences', 'content'],
    verify_key: '00'.repeat(32),
    ...over,
  };
}

export function aGuild(over: Partial<GuildRecord> = {}): GuildRecord {
  return {
    id: '1100000000000000000',
    name: 'Town square',
    owner_id: '1200000000000000001',
    icon: null,
    splash: null,
    banner: null,
    description: null,
    afk_channel_id: null,
    afk_timeout: 300,
    system_channel_id: null,
    system_channel_flags: 0,
    rules_channel_id: null,
    public_updates_channel_id: null,
    default_message_notifications: 0,
    explicit_content_filter: 0,
    verification_level: 0,
    mfa_level: 0,
    nsfw_level: 0,
    preferred_locale: 'en-US',
    premium_progress_bar_enabled: false,
    features: [],
    ...over,
  };
}

export function aRole(over: Partial<RoleRecord> = {}): RoleRecord {
  return {
    id: '1100000000000000001',
    guild_id: '1100000000000000000',
    name: 'warden',
    color: 0,
    colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
    hoist: false,
    icon: null,
    unicode_emoji: null,
    position: 1,
    permissions: '0',
    managed: false,
    mentionable: false,
    flags: 0,
    ...over,
  };
}

export function aMember(over: Partial<MemberRecord> = {}): MemberRecord {
  return {
    guild_id: '1100000000000000000',
    user_id: '1200000000000000001',
    nick: null,
    avatar: null,
    roles: [],
    joined_at: '2024-01-01T00:00:00.000000+00:00',
    premium_since: null,
    deaf: false,
    mute: false,
    flags: 0,
    pending: false,
    communication_disabled_until: null,
    ...over,
  };
}

export function aChannel(over: Partial<ChannelRecord> = {}): ChannelRecord {
  return {
    id: '1300000000000000001',
    guild_id: '1100000000000000000',
    type: 0,
    name: 'general',
    position: 0,
    topic: null,
    nsfw: false,
    parent_id: null,
    permission_overwrites: [],
    rate_limit_per_user: 0,
    flags: 0,
    last_pin_timestamp: null,
    ...over,
  };
}

export function aMessageDoc(over: Partial<MessageDoc> = {}): MessageDoc {
  return {
    type: 0,
    content: 'good morning',
    flags: 0,
    tts: false,
    pinned: false,
    edited_timestamp: null,
    mention_everyone: false,
    mention_ids: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    components: [],
    ...over,
  };
}
