// Opcode 31: there are no soundboards yet, and clients wait for an answer about each guild.

import { CLOSE } from '../../../protocol/close-codes.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import type { Opcode } from './index.ts';
import { asId, asObject } from './payload.ts';

export const requestSoundboardSounds: Opcode = {
  needsSession: true,
  handle(connection, d) {
    const { gateway, session } = connection;
    const list = asObject(d)?.['guild_ids'];
    if (!Array.isArray(list) || session === null) return connection.close(CLOSE.DECODE_ERROR);
    for (const item of list) {
      const guild = asId(item);
      if (guild === null) return connection.close(CLOSE.DECODE_ERROR);
      if (!gateway.relay.topics.isAttached(session, `guild:${guild}`)) continue;
      gateway.relay.tell(session, encodeDispatch('SOUNDBOARD_SOUNDS', { guild_id: guild, soundboard_sounds: [] }));
    }
  },
};
