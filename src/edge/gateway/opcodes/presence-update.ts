// Opcode 3: the client's status and activities.

import { CLOSE } from '../../../protocol/close-codes.ts';
import type { Opcode } from './index.ts';
import { readPresence } from './presence-form.ts';

export const presenceUpdate: Opcode = {
  needsSession: true,
  handle(connection, d) {
    const { gateway } = connection;
    const presence = readPresence(d, gateway.relay.runtime.clock.nowMs());
    if (presence === null) return connection.close(CLOSE.DECODE_ERROR);
    gateway.presences.update(connection, presence, gateway.now());
  },
};
