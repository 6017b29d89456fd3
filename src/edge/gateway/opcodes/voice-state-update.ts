// Opcode 4: join, move between or leave voice channels of a guild. The guild's actor decides and dispatches.

import { CLOSE } from '../../../protocol/close-codes.ts';
import type { SessionVoice } from '../../../service/topic.ts';
import type { Opcode } from './index.ts';
import { asFlag, asId, asObject } from './payload.ts';

export const voiceStateUpdate: Opcode = {
  needsSession: true,
  handle(connection, d) {
    const { gateway, session } = connection;
    const from = asObject(d);
    if (from === null || session === null) return connection.close(CLOSE.DECODE_ERROR);
    const guild = asId(from['guild_id']);
    const leaves = from['channel_id'] === null || from['channel_id'] === undefined;
    const channel = leaves ? null : asId(from['channel_id']);
    const mute = asFlag(from['self_mute']);
    const deaf = asFlag(from['self_deaf']);
    const video = asFlag(from['self_video']);
    const isWrong = guild === null || (channel === null && !leaves) || mute === null || deaf === null || video === null;
    if (isWrong) return connection.close(CLOSE.DECODE_ERROR);
    const topic = `guild:${guild}`;
    if (!gateway.relay.topics.isAttached(session, topic)) return;
    const message: SessionVoice = {
      k: 'voice',
      thread: gateway.relay.runtime.thread,
      session: session.key,
      session_id: session.id,
      user_id: session.userId,
      channel_id: channel,
      self_mute: mute,
      self_deaf: deaf,
      self_video: video,
    };
    gateway.relay.topics.cast(topic, message);
  },
};
