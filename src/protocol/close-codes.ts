// Why the gateway closes a connection. `resumable`: the client may RESUME; otherwise it must IDENTIFY anew, and after a
// `fatal` code not even that helps until its operator changes something.
// Source: discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes

export interface CloseRow {
  readonly code: number;
  readonly text: string;
  readonly resumable: boolean;
  readonly fatal: boolean;
}

export const CLOSE = {
  UNKNOWN_ERROR: { code: 4000, text: 'Unknown error.', resumable: true, fatal: false },
  UNKNOWN_OPCODE: { code: 4001, text: 'Unknown opcode.', resumable: true, fatal: false },
  DECODE_ERROR: { code: 4002, text: 'Error while decoding payload.', resumable: true, fatal: false },
  NOT_AUTHENTICATED: { code: 4003, text: 'Not authenticated.', resumable: false, fatal: false },
  AUTHENTICATION_FAILED: { code: 4004, text: 'Authentication failed.', resumable: false, fatal: true },
  ALREADY_AUTHENTICATED: { code: 4005, text: 'Already authenticated.', resumable: false, fatal: false },
  INVALID_SEQUENCE: { code: 4007, text: 'Invalid seq.', resumable: false, fatal: false },
  RATE_LIMITED: { code: 4008, text: 'Rate limited.', resumable: false, fatal: false },
  SESSION_TIMED_OUT: { code: 4009, text: 'Session timed out.', resumable: true, fatal: false },
  INVALID_SHARD: { code: 4010, text: 'Invalid shard.', resumable: false, fatal: true },
  SHARDING_REQUIRED: { code: 4011, text: 'Sharding required.', resumable: false, fatal: true },
  INVALID_VERSION: { code: 4012, text: 'Invalid API version.', resumable: false, fatal: true },
  INVALID_INTENTS: { code: 4013, text: 'Invalid intent(s).', resumable: false, fatal: true },
  DISALLOWED_INTENTS: { code: 4014, text: 'Disallowed intent(s).', resumable: false, fatal: true },
  /** A reader that doesn't keep up with its queue; what it missed is replayed after RESUME. */
  SLOW_CONSUMER: { code: 4000, text: 'Too slow to keep up.', resumable: true, fatal: false },
  /** The server goes away and comes back (RFC 6455, service restart). */
  SERVICE_RESTART: { code: 1012, text: 'Service restart.', resumable: true, fatal: false },
} as const satisfies Record<string, CloseRow>;

export type CloseName = keyof typeof CLOSE;

/** Only these codes from a client end its session; any other may be followed by RESUME. */
export function clientCloseEndsSession(code: number): boolean {
  return code === 1000 || code === 1001;
}
