// Guild channels and private channels on the wire.

import { ChannelType, isVoiceChannel } from '../channel-types.ts';
import type { ChannelRecord, UserRecord } from '../records.ts';
import { userPayload } from './user.ts';

export interface ChannelExtras {
  readonly last_message_id?: string | null;
  /** Given in REST answers and events; inside GUILD_CREATE it may be left out. */
  readonly guild_id?: string;
}

export function channelPayload(channel: ChannelRecord, extras: ChannelExtras = {}) {
  const guildId = extras.guild_id ?? channel.guild_id;
  return {
    id: channel.id,
    type: channel.type,
    ...(guildId === undefined ? {} : { guild_id: guildId }),
    name: channel.name,
    position: channel.position,
    topic: channel.topic,
    nsfw: channel.nsfw,
    parent_id: channel.parent_id,
    permission_overwrites: channel.permission_overwrites,
    rate_limit_per_user: channel.rate_limit_per_user,
    flags: channel.flags,
    last_message_id: extras.last_message_id ?? null,
    last_pin_timestamp: channel.last_pin_timestamp,
    ...(channel.default_auto_archive_duration === undefined
      ? {}
      : { default_auto_archive_duration: channel.default_auto_archive_duration }),
    ...(isVoiceChannel(channel.type)
      ? {
          bitrate: channel.bitrate ?? 64_000,
          user_limit: channel.user_limit ?? 0,
          rtc_region: channel.rtc_region ?? null,
          video_quality_mode: channel.video_quality_mode ?? 1,
        }
      : {}),
  };
}

export type ChannelPayload = ReturnType<typeof channelPayload>;

/** `recipients`: everybody in it but the one it is shown to. */
export function dmChannelPayload(
  channel: ChannelRecord,
  recipients: readonly UserRecord[],
  extras: { readonly last_message_id?: string | null } = {},
) {
  return {
    id: channel.id,
    type: channel.type,
    flags: channel.flags,
    last_message_id: extras.last_message_id ?? null,
    last_pin_timestamp: channel.last_pin_timestamp,
    recipients: recipients.map(userPayload),
    ...(channel.type === ChannelType.GROUP_DM ? { name: channel.name, icon: null, owner_id: null } : {}),
  };
}

/** CHANNEL_PINS_UPDATE. */
export function pinsUpdatePayload(channelId: string, guildId: string | null, lastPinTimestamp: string | null) {
  return {
    channel_id: channelId,
    ...(guildId === null ? {} : { guild_id: guildId }),
    last_pin_timestamp: lastPinTimestamp,
  };
}
