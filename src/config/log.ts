// One JSON line an event on standard error, from every thread. Written synchronously: a line about a crash must be out before it.

import pino from 'pino';
import type { Log } from '../base/log.ts';

/** Fields that must not reach a disk whoever passes them. */
const REDACTED = ['token', 'password', 'password_hash', 'authorization', '*.token', '*.password', '*.password_hash'];

export function createLog(level: string): Log {
  const logger = pino(
    {
      level,
      base: null,
      redact: REDACTED,
      serializers: { error: pino.stdSerializers.err },
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
  return (event) => {
    const { level: at = 'info', ...fields } = event;
    logger[at](fields);
  };
}
