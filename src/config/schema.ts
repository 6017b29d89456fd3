// The one table of settings: section, key, kind, default, bounds, what it is for. From it follow the file's keys, the names of the
// environment variables (GUILDHALL_SECTION_KEY), the flags (--section.key), the Config type and docs/operating/configuration.md
// (`scripts/node src/config/reference.ts` writes it; a test compares). A section's name has no underscore: the first one of a
// variable's name ends it.

import { choice, flag, integer, type Setting, text } from './kinds.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const SCHEMA = {
  http: {
    host: text(
      '127.0.0.1',
      'an address or host name to listen on',
      'Address that HTTP, REST and gateway listen on; `0.0.0.0` or `::` for every one of the machine.',
      (value) => (/^[A-Za-z0-9._:%-]{1,255}$/.test(value) ? value : undefined),
    ),
    port: integer(8080, 0, 65_535, '', 'Port that HTTP, REST and gateway listen on; 0 takes a free one.'),
  },
  data: {
    dir: text(
      './data',
      'a path',
      'Directory of everything that is kept: databases, attachments. Made at the first start, for its owner only.',
      (value) => (value !== '' && !value.includes('\0') ? value : undefined),
    ),
  },
  public: {
    url: text(
      '',
      'empty, or an http(s) URL without query and fragment',
      'Where clients reach the server, for the URLs handed to them; empty: as their request’s Host says.',
      publicUrl,
    ),
  },
  threads: {
    io: integer(
      0,
      0,
      64,
      'threads',
      'Threads that hold connections and sessions; 0: one less than cores, at least 1, at most 8.',
    ),
    actor: integer(
      0,
      0,
      64,
      'threads',
      'Threads that hold guilds and private channels; 0: half as many as cores, at most 8.',
    ),
  },
  limits: {
    rate: flag(
      true,
      'Rate limits per account and route, and identify queues. `off` for load tests only; limits of size and safety stay.',
    ),
    requests_per_second: integer(
      50,
      1,
      1_000_000,
      'requests a second',
      'REST requests of one account over all routes.',
    ),
    request_bytes: integer(25 * MIB, 64 * KIB, GIB, 'bytes', 'Largest body of a request, its attachments together.'),
    attachment_bytes: integer(10 * MIB, 1, GIB, 'bytes', 'Largest single attachment.'),
  },
  auth: {
    registration: choice(
      'open',
      ['open', 'closed'],
      'Whether people may make accounts over HTTP; `closed`: only the command line makes them.',
    ),
  },
  gateway: {
    heartbeat_interval_ms: integer(
      41_250,
      1_000,
      600_000,
      'milliseconds',
      'How often clients are asked to send a heartbeat.',
    ),
    identify_timeout_s: integer(60, 1, 600, 'seconds', 'How long a connection may take to identify or resume.'),
    max_concurrency: integer(16, 1, 10_000, 'identifies', 'Shards of one bot that may identify within five seconds.'),
    queue_bytes_max: integer(
      MIB,
      64 * KIB,
      GIB,
      'bytes',
      'What may wait to be sent to a slow client before it is disconnected (it may resume).',
    ),
    resume_window_s: integer(
      300,
      0,
      86_400,
      'seconds',
      'How long a session may be resumed after its connection is lost.',
    ),
    replay_events_max: integer(
      10_000,
      1,
      1_000_000,
      'events',
      'Events kept for a session that is to be resumed; one that missed more starts anew.',
    ),
    replay_bytes_max: integer(
      64 * MIB,
      MIB,
      16 * GIB,
      'bytes',
      'Memory for events to be replayed, each once for all sessions of an I/O thread.',
    ),
  },
  log: {
    level: choice(
      'info',
      ['debug', 'info', 'warn', 'error'],
      'Least severity of what is logged (JSON lines on standard error).',
    ),
  },
  shutdown: {
    grace_ms: integer(
      5_000,
      0,
      20_000,
      'milliseconds',
      'How long a clean stop waits for requests under way and for clients to take their last events.',
    ),
  },
} as const satisfies Record<string, Record<string, Setting<unknown>>>;

/** GUILDHALL_* variables that are not settings: of the set-up and the command line. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  GUILDHALL_CONFIG: 'The configuration file; without it `./guildhall.toml`, if there is one.',
  GUILDHALL_NATIVE: '`off` runs without the Rust binding, on the portable fall-backs.',
  GUILDHALL_UWS_SHA256: 'SHA-256 that the uWebSockets.js binary must have, when it is not the pinned one.',
};

type Schema = typeof SCHEMA;

/** Every setting with its value: plain data, fit to be handed to threads. */
export type Config = {
  readonly [S in keyof Schema]: {
    readonly [K in keyof Schema[S]]: Schema[S][K] extends Setting<infer T> ? T : never;
  };
};

/** 'section.key' -> its setting. */
export const SETTINGS: ReadonlyMap<string, Setting<unknown>> = new Map(
  Object.entries(SCHEMA).flatMap(([section, keys]) =>
    Object.entries(keys).map(([key, setting]): [string, Setting<unknown>] => [`${section}.${key}`, setting]),
  ),
);

/** Every 'section.key', in the order of the table. */
export const CONFIG_KEYS: readonly string[] = [...SETTINGS.keys()];

export function variableOf(key: string): string {
  return `GUILDHALL_${key.replace('.', '_').toUpperCase()}`;
}

/** Kept without the slash at its end. */
function publicUrl(value: string): string | undefined {
  if (value === '') return value;
  if (!URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') return undefined;
  return url.href.replace(/\/+$/, '');
}
