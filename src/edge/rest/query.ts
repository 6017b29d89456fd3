// Reads query parameters as clients write them. A value that can't be read is a form error, as everywhere in the API.

import { isSnowflake, type Snowflake } from '../../base/snowflake.ts';
import { formError } from '../../protocol/form.ts';

/** discord.py writes 1 and True, others true. Absent or empty: `fallback`. */
export function queryBoolean(query: URLSearchParams, name: string, fallback = false): boolean {
  const value = query.get(name);
  if (value === null || value === '') return fallback;
  if (/^(1|true)$/i.test(value)) return true;
  if (/^(0|false)$/i.test(value)) return false;
  throw formError([name], 'BOOLEAN_TYPE_CONVERT', 'Must be either true or false.');
}

/** An integer within [min, max]; absent or empty: `fallback`. */
export function queryInteger(query: URLSearchParams, name: string, min: number, max: number, fallback: number): number {
  const value = query.get(name);
  if (value === null || value === '') return fallback;
  const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw formError([name], 'NUMBER_TYPE_COERCE', `Value "${value.slice(0, 64)}" is not int.`);
  if (number < min) throw formError([name], 'NUMBER_TYPE_MIN', `Value should be greater than or equal to ${min}.`);
  if (number > max) throw formError([name], 'NUMBER_TYPE_MAX', `Value should be less than or equal to ${max}.`);
  return number;
}

/** The bound of a page: an id, or 0, by which discord.py asks from the very first on; null when absent or empty. */
export function queryCursor(query: URLSearchParams, name: string): Snowflake | null {
  const value = query.get(name);
  if (value === null || value === '') return null;
  if (value !== '0' && !isSnowflake(value as unknown))
    throw formError([name], 'NUMBER_TYPE_COERCE', `Value "${value.slice(0, 64)}" is not snowflake.`);
  return value;
}
