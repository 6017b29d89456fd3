// Opcode 1: answered at any time, before IDENTIFY too. `d` is the last sequence the client has: everything up to it is forgotten.

import { HEARTBEAT_ACK } from '../frames.ts';
import type { Opcode } from './index.ts';

export const heartbeat: Opcode = {
  needsSession: false,
  handle(connection, d) {
    connection.beat();
    const { session } = connection;
    if (session !== null && typeof d === 'number' && Number.isSafeInteger(d) && d > 0) {
      connection.gateway.relay.acknowledge(session, d);
    }
    connection.send(HEARTBEAT_ACK);
  },
};
