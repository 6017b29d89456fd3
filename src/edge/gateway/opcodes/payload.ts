// Reading a client's payload field by field. null means: not what the protocol says, close with DECODE_ERROR.

import type { Json } from '../../../base/json.ts';
import { isSnowflake, type Snowflake } from '../../../base/snowflake.ts';

export type Payload = { readonly [key: string]: Json };

export function asObject(d: Json | undefined): Payload | null {
  return d !== null && typeof d === 'object' && !Array.isArray(d) ? d : null;
}

/** An id as text or as a number (small ids of test servers come as numbers; long ones were kept as text by the parser). */
export function asId(value: Json | undefined): Snowflake | null {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return isSnowflake(text) ? text : null;
}

/** A flag that may be absent; anything but a boolean, null or a number 0 or 1 is wrong. */
export function asFlag(value: Json | undefined): boolean | null {
  if (value === undefined || value === null || value === 0) return false;
  if (value === 1) return true;
  return typeof value === 'boolean' ? value : null;
}

/** Clients send the token bare or as 'Bot xxx'. */
export function bareToken(token: string): string {
  return /^bot /i.test(token) ? token.slice(4) : token;
}
