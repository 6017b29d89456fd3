// Checks a payload against the table of what typed clients require (required-table.ts): one test per event, and the
// whole-system tests on what really travels.

import { DM_CHANNEL, EVENT_FIELDS, IN_GUILD, OBJECT_FIELDS, type Rows } from './required-table.ts';

export { EVENT_FIELDS, OBJECT_FIELDS } from './required-table.ts';

const SCALARS: { readonly [type: string]: (value: unknown) => boolean } = {
  snowflake: (value) => typeof value === 'string' && /^[1-9]\d{0,19}$/.test(value),
  text: (value) => typeof value === 'string' && value.length > 0,
  string: (value) => typeof value === 'string',
  digits: (value) => typeof value === 'string' && /^\d+$/.test(value),
  hash: (value) => typeof value === 'string' && /^(a_)?[0-9a-f]{32}$/.test(value),
  evenhex: (value) => typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value),
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value),
  // Never `Z`.
  timestamp: (value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?[+-]\d\d:\d\d$/.test(value),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/**
 * What is wrong with the payload of an event: 'path: reason' a finding, none when every client can read it.
 * `place`: 'guild' demands what guild events carry beside.
 */
export function missingFields(event: string, payload: unknown, place: 'guild' | 'dm' = 'guild'): string[] {
  const found: string[] = [];
  const rows: Rows | undefined =
    place === 'dm' && event.startsWith('CHANNEL_') && event !== 'CHANNEL_PINS_UPDATE'
      ? DM_CHANNEL
      : EVENT_FIELDS[event as keyof typeof EVENT_FIELDS];
  if (rows === undefined) return [`${event}: not in the table`];
  checkRows(rows, payload, '', found);
  if (place === 'guild' && typeof payload === 'object' && payload !== null) {
    for (const key of IN_GUILD[event] ?? []) {
      // A webhook or a system notice has no member.
      if (key === 'member' && Object.hasOwn(payload, 'webhook_id')) continue;
      if (!Object.hasOwn(payload, key)) found.push(`${key}: missing`);
    }
  }
  return found;
}

/** The same for an object of OBJECT_FIELDS. */
export function missingObjectFields(name: keyof typeof OBJECT_FIELDS, payload: unknown): string[] {
  const found: string[] = [];
  checkRows(OBJECT_FIELDS[name], payload, '', found);
  return found;
}

function checkRows(rows: Rows, payload: unknown, path: string, found: string[]): void {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    found.push(`${path === '' ? 'payload' : path}: not an object`);
    return;
  }
  const from = payload as { [key: string]: unknown };
  for (const row of rows) {
    const [name = '', type = ''] = row.split(' ');
    const mayBeAbsent = name.endsWith('~');
    const key = mayBeAbsent ? name.slice(0, -1) : name;
    const at = path === '' ? key : `${path}.${key}`;
    if (!Object.hasOwn(from, key) || from[key] === undefined) {
      if (!mayBeAbsent) found.push(`${at}: missing`);
    } else {
      checkValue(type, from[key], at, found);
    }
  }
}

function checkValue(type: string, value: unknown, path: string, found: string[]): void {
  const nullable = type.endsWith('?');
  const bare = nullable ? type.slice(0, -1) : type;
  if (value === null) {
    if (!nullable) found.push(`${path}: null`);
  } else if (bare.startsWith('[')) {
    if (!Array.isArray(value)) {
      found.push(`${path}: not a list`);
      return;
    }
    for (let i = 0; i < value.length; i += 1) checkValue(bare.slice(1, -1), value[i], `${path}[${i}]`, found);
  } else if (bare.startsWith('@')) {
    checkRows(OBJECT_FIELDS[bare.slice(1) as keyof typeof OBJECT_FIELDS], value, path, found);
  } else if (SCALARS[bare]?.(value) !== true) {
    found.push(`${path}: not ${bare} (${JSON.stringify(value)?.slice(0, 40)})`);
  }
}
