// What is told of an event to whoever keeps the log. Making lines of it is config/log.ts' business.

/** `event` names what happened, the rest are its fields. Never a token or a password. */
export type LogEvent = { readonly event: string; readonly level?: 'debug' | 'info' | 'warn' | 'error' } & {
  readonly [field: string]: unknown;
};

export type Log = (event: LogEvent) => void;
