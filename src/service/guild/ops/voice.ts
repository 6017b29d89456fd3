// Voice states by REST: who is where, and a member's own place on a stage.

import type { Snowflake } from '../../../base/snowflake.ts';
import { ChannelType } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
import { voiceStatePayload } from '../../../protocol/payload.ts';
import { has, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { VoiceStateRecord } from '../../../protocol/records.ts';
import { setVoiceFlags } from '../voice.ts';
import { type Ctx, selfMember } from './checks.ts';
import { memberObject } from './members.ts';

function shown(ctx: Ctx, voice: VoiceStateRecord) {
  const member = ctx.host.members.get(voice.user_id);
  return voiceStatePayload(voice, member === undefined ? undefined : memberObject(ctx.host, member));
}

/** A state that the asking member may see. */
function visible(ctx: Ctx, userId: Snowflake): VoiceStateRecord {
  const self = selfMember(ctx);
  const voice = ctx.host.voiceStates.get(userId);
  const channel = voice?.channel_id == null ? undefined : ctx.host.channels.get(voice.channel_id);
  if (voice === undefined || channel === undefined) throw apiError('UNKNOWN_VOICE_STATE');
  if (userId !== self.user_id && !ctx.host.canView(self.user_id, channel)) throw apiError('UNKNOWN_VOICE_STATE');
  return voice;
}

export interface VoiceStatePatch {
  readonly channel_id?: Snowflake | null;
  readonly suppress?: boolean;
  readonly request_to_speak_timestamp?: string | null;
}

export const voiceOperations = {
  'voice.list'(ctx: Ctx) {
    const self = selfMember(ctx);
    return [...ctx.host.voiceStates.values()]
      .filter((voice) => {
        const channel = voice.channel_id === null ? undefined : ctx.host.channels.get(voice.channel_id);
        return channel !== undefined && ctx.host.canView(self.user_id, channel);
      })
      .map((voice) => shown(ctx, voice));
  },

  'voice.get'(ctx: Ctx, { user_id }: { user_id: Snowflake }) {
    return shown(ctx, visible(ctx, user_id));
  },

  /** Stage channels: speak or listen, raise a hand. */
  'voice.modify'(ctx: Ctx, { user_id, patch }: { user_id: Snowflake; patch: VoiceStatePatch }) {
    const voice = visible(ctx, user_id);
    const channel = ctx.host.channels.get(voice.channel_id ?? '');
    if (patch.channel_id != null && patch.channel_id !== channel?.id) throw apiError('UNKNOWN_CHANNEL');
    if (channel?.type !== ChannelType.GUILD_STAGE_VOICE) throw apiError('WRONG_CHANNEL_TYPE');
    const own = ctx.host.permissions(ctx.requester.user_id, channel);
    const others = user_id !== ctx.requester.user_id;
    if ((others || patch.suppress === false) && !has(own, PERMISSIONS.MUTE_MEMBERS))
      throw apiError('MISSING_PERMISSIONS');
    if (patch.request_to_speak_timestamp != null && !has(own, PERMISSIONS.REQUEST_TO_SPEAK)) {
      throw apiError('MISSING_PERMISSIONS');
    }
    const { suppress, request_to_speak_timestamp } = patch;
    ctx.dispatch(
      ...setVoiceFlags(ctx.host, user_id, {
        ...(suppress === undefined ? {} : { suppress }),
        ...(request_to_speak_timestamp === undefined ? {} : { request_to_speak_timestamp }),
      }),
    );
  },
};
