// Opcode 6: go on with a session on this connection.

import { CLOSE } from '../../../protocol/close-codes.ts';
import type { Connection } from '../connection.ts';
import { CLOSED, NEW, WAITING } from '../limits.ts';
import type { Opcode } from './index.ts';
import { asObject, bareToken } from './payload.ts';

export const resume: Opcode = {
  needsSession: false,
  handle(connection, d) {
    if (connection.state !== NEW) return connection.close(CLOSE.ALREADY_AUTHENTICATED);
    const from = asObject(d);
    if (from === null) return connection.close(CLOSE.DECODE_ERROR);
    const { token, session_id: id, seq } = from;
    const isWrong = typeof token !== 'string' || typeof id !== 'string' || (typeof seq !== 'number' && seq !== null);
    if (isWrong) return connection.close(CLOSE.DECODE_ERROR);
    const sequence = seq ?? 0;
    if (!Number.isSafeInteger(sequence) || sequence < 0) return connection.close(CLOSE.INVALID_SEQUENCE);
    connection.state = WAITING;
    connection.run(goOn(connection, token, id, sequence));
  },
};

async function goOn(connection: Connection, token: string, id: string, sequence: number): Promise<void> {
  const { gateway } = connection;
  // The server is on its way down: the client waits here and goes on at the next start.
  if (gateway.draining) return;
  const requester = await gateway.authenticate(bareToken(token));
  if (connection.state === CLOSED || gateway.draining) return;
  if (requester === null) return connection.close(CLOSE.AUTHENTICATION_FAILED);
  const isOpen = (): boolean => connection.state === WAITING;
  const outcome = await gateway.relay.resume(id, requester.user_id, sequence, connection, connection.outlet, isOpen);
  if (outcome === 'ok' || !isOpen()) return;
  if (outcome === 'beyond') return connection.close(CLOSE.INVALID_SEQUENCE);
  if (outcome === 'busy') return connection.close(CLOSE.UNKNOWN_ERROR);
  connection.invalid();
}
