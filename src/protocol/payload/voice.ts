// Voice on the main gateway: who is where, and which server to go to.

import type { VoiceStateRecord } from '../records.ts';

/** Inside GUILD_CREATE the guild id is left out and members stand beside; events carry both. */
export function voiceStatePayload(state: VoiceStateRecord, member?: unknown, options: { inGuild?: boolean } = {}) {
  return {
    ...(options.inGuild === true ? {} : { guild_id: state.guild_id }),
    channel_id: state.channel_id,
    user_id: state.user_id,
    ...(member === undefined ? {} : { member }),
    session_id: state.session_id,
    deaf: state.deaf,
    mute: state.mute,
    self_deaf: state.self_deaf,
    self_mute: state.self_mute,
    self_stream: state.self_stream ?? false,
    self_video: state.self_video,
    suppress: state.suppress,
    request_to_speak_timestamp: state.request_to_speak_timestamp,
  };
}

/** `endpoint`: host:port without a scheme; null when the server is gone. */
export function voiceServerPayload(guildId: string, token: string, endpoint: string | null) {
  return { token, guild_id: guildId, endpoint };
}

export function voiceRegionPayload(id: string, name: string) {
  return { id, name, optimal: true, deprecated: false, custom: false };
}
