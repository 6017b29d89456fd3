// Presences on the wire, and what may be taken of a client's activities: nothing is passed through, because receivers drop
// a whole event over one field of the wrong type (discordgo itself sends created_at as text).

import { isSnowflake } from '../../base/snowflake.ts';

export interface PresencePayloadInput {
  readonly user_id: string;
  /** Required in PRESENCE_UPDATE; left out inside GUILD_CREATE and chunks. */
  readonly guild_id?: string;
  /** As others see it: 'invisible' is shown as 'offline'. */
  readonly status: string;
  readonly activities: readonly { readonly [key: string]: unknown }[];
  readonly client_status?: { readonly [platform: string]: string };
}

export function presencePayload(presence: PresencePayloadInput) {
  const offline = presence.status === 'offline' || presence.status === 'invisible';
  return {
    user: { id: presence.user_id },
    ...(presence.guild_id === undefined ? {} : { guild_id: presence.guild_id }),
    status: offline ? 'offline' : presence.status,
    activities: offline ? [] : presence.activities,
    client_status: offline ? {} : (presence.client_status ?? { desktop: presence.status }),
  };
}

export const STATUSES: readonly string[] = ['online', 'dnd', 'idle', 'invisible', 'offline'];

/** Activities kept of one presence; a bot shows one, a person a few. */
export const ACTIVITIES_MAX = 5;
/** Characters of an activity's texts, as Discord's own limit. */
const ACTIVITY_TEXT_MAX = 128;
const ACTIVITY_TYPE_MAX = 5;

export interface Activity {
  readonly [key: string]: unknown;
  readonly name: string;
  readonly type: number;
  /** Milliseconds, by the server's clock. */
  readonly created_at: number;
}

/** Reads `activities` (or the old `game`) of IDENTIFY and opcode 3. Never throws: what makes no sense is left out. */
export function readActivities(value: unknown, nowMs: number): Activity[] {
  const list = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
  const out: Activity[] = [];
  for (const item of list) {
    if (out.length === ACTIVITIES_MAX) break;
    const activity = readActivity(item, nowMs);
    if (activity !== null) out.push(activity);
  }
  return out;
}

function readActivity(value: unknown, nowMs: number): Activity | null {
  if (typeof value !== 'object' || value === null) return null;
  const from = value as { [key: string]: unknown };
  const name = text(from['name']);
  const type = from['type'] ?? 0;
  if (name === undefined || typeof type !== 'number' || !Number.isInteger(type)) return null;
  if (type < 0 || type > ACTIVITY_TYPE_MAX) return null;
  const activity: { [key: string]: unknown } & Activity = { name, type, created_at: Math.floor(nowMs) };
  for (const key of ['state', 'details']) {
    const found = text(from[key]);
    if (found !== undefined) activity[key] = found;
  }
  const url = text(from['url']);
  if (url !== undefined && /^https?:\/\//.test(url)) activity['url'] = url;
  const emoji = readEmoji(from['emoji']);
  if (emoji !== null) activity['emoji'] = emoji;
  const timestamps = readTimestamps(from['timestamps']);
  if (timestamps !== null) activity['timestamps'] = timestamps;
  return activity;
}

function text(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length === 0) return undefined;
  return value.slice(0, ACTIVITY_TEXT_MAX).toWellFormed();
}

function readEmoji(value: unknown): { [key: string]: unknown } | null {
  if (typeof value !== 'object' || value === null) return null;
  const from = value as { [key: string]: unknown };
  const name = text(from['name']);
  if (name === undefined) return null;
  if (!isSnowflake(from['id'])) return { name };
  return { name, id: from['id'], animated: from['animated'] === true };
}

function readTimestamps(value: unknown): { [key: string]: number } | null {
  if (typeof value !== 'object' || value === null) return null;
  const from = value as { [key: string]: unknown };
  const out: { [key: string]: number } = {};
  for (const key of ['start', 'end']) {
    const ms = from[key];
    if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0) out[key] = ms;
  }
  return Object.keys(out).length === 0 ? null : out;
}

/** TYPING_START. `timestampMs` is sent in whole seconds. */
export function typingPayload(typing: {
  readonly channel_id: string;
  readonly user_id: string;
  readonly timestampMs: number;
  readonly guild_id?: string;
  readonly member?: unknown;
}) {
  return {
    channel_id: typing.channel_id,
    user_id: typing.user_id,
    timestamp: Math.floor(typing.timestampMs / 1000),
    ...(typing.guild_id === undefined ? {} : { guild_id: typing.guild_id }),
    ...(typing.member === undefined ? {} : { member: typing.member }),
  };
}
