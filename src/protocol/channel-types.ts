// Channel types and what each kind can do.
// Source: discord.com/developers/docs/resources/channel#channel-object-channel-types

export const ChannelType = {
  GUILD_TEXT: 0,
  DM: 1,
  GUILD_VOICE: 2,
  GROUP_DM: 3,
  GUILD_CATEGORY: 4,
  GUILD_ANNOUNCEMENT: 5,
  ANNOUNCEMENT_THREAD: 10,
  PUBLIC_THREAD: 11,
  PRIVATE_THREAD: 12,
  GUILD_STAGE_VOICE: 13,
  GUILD_DIRECTORY: 14,
  GUILD_FORUM: 15,
  GUILD_MEDIA: 16,
} as const;

export type ChannelType = (typeof ChannelType)[keyof typeof ChannelType];

/** Kinds a guild channel can be created as. */
export const CREATABLE_CHANNEL_TYPES: readonly number[] = [
  ChannelType.GUILD_TEXT,
  ChannelType.GUILD_VOICE,
  ChannelType.GUILD_CATEGORY,
  ChannelType.GUILD_ANNOUNCEMENT,
  ChannelType.GUILD_STAGE_VOICE,
];

export function isVoiceChannel(type: number): boolean {
  return type === ChannelType.GUILD_VOICE || type === ChannelType.GUILD_STAGE_VOICE;
}

export function isThread(type: number): boolean {
  return type === 10 || type === 11 || type === 12;
}

export function isPrivateChannel(type: number): boolean {
  return type === ChannelType.DM || type === ChannelType.GROUP_DM;
}

/** May messages be written in it? Voice channels have a chat of their own. */
export function isTextBased(type: number): boolean {
  return (
    type === ChannelType.GUILD_TEXT ||
    type === ChannelType.GUILD_ANNOUNCEMENT ||
    isVoiceChannel(type) ||
    isPrivateChannel(type) ||
    isThread(type)
  );
}
