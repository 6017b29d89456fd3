// Every error that leaves by REST: a stable JSON code, its text and its HTTP status, in one table.
// Source: discord.com/developers/docs/topics/opcodes-and-status-codes#json

export interface ErrorRow {
  readonly status: number;
  readonly code: number;
  readonly text: string;
}

export const ERRORS = {
  GENERAL: { status: 400, code: 0, text: '400: Bad Request' },
  NOT_FOUND: { status: 404, code: 0, text: '404: Not Found' },
  METHOD_NOT_ALLOWED: { status: 405, code: 0, text: '405: Method Not Allowed' },
  RATE_LIMITED: { status: 429, code: 0, text: 'You are being rate limited.' },
  REGISTRATION_CLOSED: { status: 403, code: 0, text: 'Registration is closed: ask the operator for an account.' },
  UNAUTHORIZED: { status: 401, code: 0, text: '401: Unauthorized' },
  INTERNAL: { status: 500, code: 0, text: '500: Internal Server Error' },
  UNAVAILABLE: { status: 503, code: 0, text: '503: Service Unavailable' },
  UNKNOWN_APPLICATION: { status: 404, code: 10002, text: 'Unknown Application' },
  UNKNOWN_CHANNEL: { status: 404, code: 10003, text: 'Unknown Channel' },
  UNKNOWN_GUILD: { status: 404, code: 10004, text: 'Unknown Guild' },
  UNKNOWN_INVITE: { status: 404, code: 10006, text: 'Unknown Invite' },
  UNKNOWN_MEMBER: { status: 404, code: 10007, text: 'Unknown Member' },
  UNKNOWN_MESSAGE: { status: 404, code: 10008, text: 'Unknown Message' },
  UNKNOWN_OVERWRITE: { status: 404, code: 10009, text: 'Unknown Overwrite' },
  UNKNOWN_ROLE: { status: 404, code: 10011, text: 'Unknown Role' },
  UNKNOWN_USER: { status: 404, code: 10013, text: 'Unknown User' },
  UNKNOWN_EMOJI: { status: 400, code: 10014, text: 'Unknown Emoji' },
  UNKNOWN_WEBHOOK: { status: 404, code: 10015, text: 'Unknown Webhook' },
  UNKNOWN_BAN: { status: 404, code: 10026, text: 'Unknown Ban' },
  UNKNOWN_INTERACTION: { status: 404, code: 10062, text: 'Unknown interaction' },
  UNKNOWN_COMMAND: { status: 404, code: 10063, text: 'Unknown application command' },
  UNKNOWN_VOICE_STATE: { status: 404, code: 10065, text: 'Unknown Voice State' },
  BOTS_ONLY: { status: 403, code: 20002, text: 'Only bots can use this endpoint' },
  USERS_ONLY: { status: 403, code: 20001, text: 'Bots cannot use this endpoint' },
  SLOWMODE: { status: 429, code: 20016, text: 'This action cannot be performed due to slowmode rate limit.' },
  MAX_PINS: { status: 400, code: 30003, text: 'Maximum number of pins reached for the channel (250)' },
  MAX_ROLES: { status: 400, code: 30005, text: 'Maximum number of guild roles reached (250)' },
  MAX_WEBHOOKS: { status: 400, code: 30007, text: 'Maximum number of webhooks reached (15)' },
  MAX_REACTIONS: { status: 400, code: 30010, text: 'Maximum number of reactions reached (20)' },
  MAX_CHANNELS: { status: 400, code: 30013, text: 'Maximum number of guild channels reached (500)' },
  MAX_ATTACHMENTS: { status: 400, code: 30015, text: 'Maximum number of attachments in a message reached (10)' },
  MAX_INVITES: { status: 400, code: 30016, text: 'Maximum number of invites reached (1000)' },
  MAX_APPLICATIONS: { status: 400, code: 30026, text: 'Maximum number of applications reached (25)' },
  MAX_COMMANDS: { status: 400, code: 30032, text: 'Maximum number of application commands reached (100)' },
  BAD_TOKEN: { status: 401, code: 40001, text: 'Unauthorized' },
  TOO_LARGE: { status: 413, code: 40005, text: 'Request entity too large' },
  USER_BANNED: { status: 403, code: 40007, text: 'The user is banned from this guild' },
  TARGET_NOT_IN_VOICE: { status: 400, code: 40032, text: 'Target user is not connected to voice' },
  ALREADY_ACKNOWLEDGED: { status: 400, code: 40060, text: 'Interaction has already been acknowledged.' },
  MISSING_ACCESS: { status: 403, code: 50001, text: 'Missing Access' },
  DM_CHANNEL: { status: 400, code: 50003, text: 'Cannot execute action on a DM channel' },
  OTHERS_MESSAGE: { status: 403, code: 50005, text: 'Cannot edit a message authored by another user' },
  EMPTY_MESSAGE: { status: 400, code: 50006, text: 'Cannot send an empty message' },
  CANNOT_DM: { status: 403, code: 50007, text: 'Cannot send messages to this user' },
  NON_TEXT_CHANNEL: { status: 400, code: 50008, text: 'Cannot send messages in a non-text channel' },
  MISSING_PERMISSIONS: { status: 403, code: 50013, text: 'Missing Permissions' },
  INVALID_TOKEN: { status: 401, code: 50014, text: 'Invalid authentication token provided' },
  BULK_COUNT: {
    status: 400,
    code: 50016,
    text: 'Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 messages to delete',
  },
  SYSTEM_MESSAGE: { status: 403, code: 50021, text: 'Cannot execute action on a system message' },
  WRONG_CHANNEL_TYPE: { status: 400, code: 50024, text: 'Cannot execute action on this channel type' },
  INVALID_RECIPIENTS: { status: 400, code: 50033, text: 'Invalid Recipient(s)' },
  TOO_OLD: { status: 400, code: 50034, text: 'You can only bulk delete messages that are under 14 days old.' },
  INVALID_FORM: { status: 400, code: 50035, text: 'Invalid Form Body' },
  FILE_TOO_LARGE: { status: 413, code: 50045, text: 'File uploaded exceeds the maximum size' },
  INVALID_WEBHOOK_TOKEN: { status: 401, code: 50027, text: 'Invalid Webhook Token' },
  INVALID_ROLE: { status: 400, code: 50028, text: 'Invalid role' },
  BAD_JSON: { status: 400, code: 50109, text: 'The request body contains invalid JSON.' },
  REACTION_BLOCKED: { status: 403, code: 90001, text: 'Reaction was blocked' },
  REPLY_NO_HISTORY: { status: 400, code: 160002, text: 'Cannot reply without permission to read message history' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

/** Nested keys and indexes ending in `_errors`, as Discord's forms answer. */
export interface ErrorTree {
  _errors?: { code: string; message: string }[];
  [key: string]: ErrorTree | { code: string; message: string }[] | undefined;
}

/** An error that a client is meant to see. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly code: number;
  readonly errors: ErrorTree | undefined;
  /** Seconds, with 429. */
  readonly retryAfter: number | undefined;

  constructor(row: ErrorRow, extra: { text?: string; errors?: ErrorTree; retryAfter?: number; cause?: unknown } = {}) {
    super(extra.text ?? row.text, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.status = row.status;
    this.code = row.code;
    this.errors = extra.errors;
    this.retryAfter = extra.retryAfter;
  }

  toJSON(): Record<string, unknown> {
    const body: Record<string, unknown> = { message: this.message, code: this.code };
    if (this.errors !== undefined) body['errors'] = this.errors;
    if (this.retryAfter !== undefined) {
      body['retry_after'] = this.retryAfter;
      body['global'] = false;
    }
    return body;
  }
}

export function apiError(name: ErrorName, extra?: ConstructorParameters<typeof ApiError>[1]): ApiError {
  return new ApiError(ERRORS[name], extra);
}
