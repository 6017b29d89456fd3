// Who is in which voice channel. States live in memory as long as the session that made them; media is not here. The one place
// where a client is to be told its voice server is `joined`.

import type { Snowflake } from '../../base/snowflake.ts';
import { ChannelType, isVoiceChannel } from '../../protocol/channel-types.ts';
import { memberPayload, voiceStatePayload } from '../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { ChannelRecord, VoiceStateRecord } from '../../protocol/records.ts';
import type { DispatchSpec } from '../request.ts';
import type { SessionVoice } from '../topic.ts';
import { guildEvent } from './events.ts';
import type { GuildState } from './state.ts';

/** VOICE_STATE_UPDATE of one user: to those with the intent, and always to the user itself (voice clients wait for it). */
export function voiceStateEvent(state: GuildState, voice: VoiceStateRecord): DispatchSpec {
  const member = state.members.get(voice.user_id);
  const user = state.users.get(voice.user_id);
  const payload = member === undefined || user === undefined ? undefined : memberPayload(member, user);
  return guildEvent('VOICE_STATE_UPDATE', voiceStatePayload(voice, payload), { always: [voice.user_id] });
}

/** Opcode 4. Gives what is to be dispatched; nothing when the request is refused, as on Discord. */
export function updateVoiceState(state: GuildState, request: SessionVoice): DispatchSpec[] {
  const { user_id, session_id } = request;
  const member = state.members.get(user_id);
  if (member === undefined) return [];
  const before = state.voiceStates.get(user_id);
  if (request.channel_id === null) {
    // Another session's leaving does not end the one that is in voice.
    return before === undefined || before.session_id !== session_id ? [] : leaveVoice(state, user_id);
  }
  const channel = state.channels.get(request.channel_id);
  if (channel === undefined || !isVoiceChannel(channel.type)) return [];
  if (before?.channel_id !== channel.id && !mayJoin(state, user_id, channel)) return [];
  const stays = before !== undefined && before.channel_id === channel.id ? before : undefined;
  const voice: VoiceStateRecord = {
    guild_id: state.guildId,
    channel_id: channel.id,
    user_id,
    session_id,
    deaf: member.deaf,
    mute: member.mute,
    self_deaf: request.self_deaf,
    self_mute: request.self_mute,
    self_video: request.self_video,
    suppress: stays?.suppress ?? listensOnly(state, user_id, channel),
    request_to_speak_timestamp: stays?.request_to_speak_timestamp ?? null,
  };
  state.setVoiceState(voice);
  return [voiceStateEvent(state, voice), ...joined(state, voice, before)];
}

/** On a stage everybody but its moderators begins as audience. */
function listensOnly(state: GuildState, userId: Snowflake, channel: ChannelRecord): boolean {
  return (
    channel.type === ChannelType.GUILD_STAGE_VOICE && !has(state.permissions(userId, channel), PERMISSIONS.MUTE_MEMBERS)
  );
}

/** Room, and the permission to enter it. */
function mayJoin(state: GuildState, userId: Snowflake, channel: ChannelRecord): boolean {
  const permissions = state.permissions(userId, channel);
  if (!has(permissions, PERMISSIONS.VIEW_CHANNEL | PERMISSIONS.CONNECT)) return false;
  const limit = channel.user_limit ?? 0;
  return limit === 0 || has(permissions, PERMISSIONS.MOVE_MEMBERS) || usersIn(state, channel.id) < limit;
}

function usersIn(state: GuildState, channelId: Snowflake): number {
  let users = 0;
  for (const voice of state.voiceStates.values()) if (voice.channel_id === channelId) users += 1;
  return users;
}

/**
 * The user has entered a channel, moved, or come with another session: VOICE_SERVER_UPDATE goes here, after the state, once a
 * voice server exists. Without one a client waits, as it does while Discord has none to give.
 */
function joined(_state: GuildState, _voice: VoiceStateRecord, _before: VoiceStateRecord | undefined): DispatchSpec[] {
  return [];
}

/** Out of voice, for whatever reason. */
export function leaveVoice(state: GuildState, userId: Snowflake): DispatchSpec[] {
  const before = state.voiceStates.get(userId);
  if (before === undefined) return [];
  const voice: VoiceStateRecord = { ...before, channel_id: null };
  state.setVoiceState(voice);
  return [voiceStateEvent(state, voice)];
}

/** A moderator moves the user into another channel. The caller has checked the permissions. */
export function moveVoice(state: GuildState, userId: Snowflake, channelId: Snowflake): DispatchSpec[] {
  const before = state.voiceStates.get(userId);
  if (before === undefined || before.channel_id === channelId) return [];
  const channel = state.channels.get(channelId);
  const suppress = channel !== undefined && listensOnly(state, userId, channel);
  const voice: VoiceStateRecord = { ...before, channel_id: channelId, suppress, request_to_speak_timestamp: null };
  state.setVoiceState(voice);
  return [voiceStateEvent(state, voice), ...joined(state, voice, before)];
}

/** Server mute and deafen, taken over from the member; suppress and hand in stage channels. */
export function setVoiceFlags(
  state: GuildState,
  userId: Snowflake,
  flags: Partial<Pick<VoiceStateRecord, 'mute' | 'deaf' | 'suppress' | 'request_to_speak_timestamp'>>,
): DispatchSpec[] {
  const before = state.voiceStates.get(userId);
  if (before === undefined) return [];
  const voice: VoiceStateRecord = { ...before, ...flags };
  state.setVoiceState(voice);
  return [voiceStateEvent(state, voice)];
}

/** The session that is in voice has ended. */
export function voiceSessionEnded(state: GuildState, userId: Snowflake, sessionId: string): DispatchSpec[] {
  return state.voiceStates.get(userId)?.session_id === sessionId ? leaveVoice(state, userId) : [];
}

/** Everybody in a channel that goes away. */
export function emptyVoiceChannel(state: GuildState, channelId: Snowflake): DispatchSpec[] {
  const users = [...state.voiceStates.values()].filter((voice) => voice.channel_id === channelId);
  return users.flatMap((voice) => leaveVoice(state, voice.user_id));
}
