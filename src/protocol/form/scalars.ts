// Forms of single values: text, numbers, ids, permissions, moments, pictures.

import { isSnowflake, type Snowflake } from '../../base/snowflake.ts';
import type { ErrorTree } from '../errors.ts';
import { type ImageData, parseImageData } from '../images.ts';
import { isoTimestamp, parseTimestamp } from '../timestamp.ts';
import { codePointLength, fail, type Form, quote, refuse, REQUIRED } from './core.ts';

/** Reports a length outside of its bounds. */
export function checkLength(length: number, min: number | undefined, max: number | undefined, errors: ErrorTree): void {
  if (min !== undefined && max !== undefined && (length < min || length > max)) {
    if (min === 0) fail(errors, 'BASE_TYPE_MAX_LENGTH', `Must be ${max} or fewer in length.`);
    else fail(errors, 'BASE_TYPE_BAD_LENGTH', `Must be between ${min} and ${max} in length.`);
  } else if (max !== undefined && length > max) {
    fail(errors, 'BASE_TYPE_MAX_LENGTH', `Must be ${max} or fewer in length.`);
  } else if (min !== undefined && length < min) {
    fail(errors, 'BASE_TYPE_MIN_LENGTH', `Must be ${min} or more in length.`);
  }
}

export interface StringOptions<C extends string = string> {
  /** Code points. */
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly choices?: readonly C[];
  /** White space at the ends is cut before anything is checked (names). */
  readonly trim?: boolean;
}

/** Text; a number is taken as its digits, as Discord does. */
export function string<const C extends string = string>(options: StringOptions<C> = {}): Form<C> {
  const { min, max, pattern, choices, trim } = options;
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      if (typeof value === 'number') value = String(value);
      if (typeof value !== 'string') {
        return refuse(errors, 'STRING_TYPE_CONVERT', `Could not interpret "${quote(value)}" as string.`);
      }
      let text: string = value.isWellFormed() ? value : value.toWellFormed();
      if (trim === true) text = text.trim();
      if (min !== undefined && min > 0 && text.length === 0) return refuse(errors, ...REQUIRED);
      if (min !== undefined || max !== undefined) checkLength(codePointLength(text), min, max, errors);
      if (choices !== undefined && !choices.includes(text as C)) {
        fail(errors, 'BASE_TYPE_CHOICES', `Value must be one of {${choices.map((c) => `'${c}'`).join(', ')}}.`);
      }
      if (pattern !== undefined && !pattern.test(text)) {
        fail(errors, 'STRING_TYPE_REGEX', 'String value did not match validation regex.');
      }
      return text as C;
    },
  };
}

export interface NumberOptions {
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly number[];
}

function numeric(options: NumberOptions, kind: 'int' | 'float'): Form<number> {
  const { min, max, choices } = options;
  const shape = kind === 'int' ? /^-?\d{1,16}$/ : /^-?\d{1,16}(\.\d{1,16})?$/;
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      const number = typeof value === 'string' && shape.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number) || (kind === 'int' && !Number.isSafeInteger(number))) {
        return refuse(errors, 'NUMBER_TYPE_COERCE', `Value "${quote(value)}" is not ${kind}.`);
      }
      if (choices !== undefined && !choices.includes(number)) {
        fail(errors, 'BASE_TYPE_CHOICES', `Value must be one of {${choices.join(', ')}}.`);
      }
      if (min !== undefined && number < min) {
        fail(errors, 'NUMBER_TYPE_MIN', `${kind} value should be greater than or equal to ${min}.`);
      }
      if (max !== undefined && number > max) {
        fail(errors, 'NUMBER_TYPE_MAX', `${kind} value should be less than or equal to ${max}.`);
      }
      return number === 0 ? 0 : number;
    },
  };
}

/** A safe integer, also as decimal text (queries). */
export function integer(options: NumberOptions = {}): Form<number> {
  return numeric(options, 'int');
}

export function number(options: NumberOptions = {}): Form<number> {
  return numeric(options, 'float');
}

/** true or false; in queries also 'true', 'True', '1' and their opposites. */
export function boolean(): Form<boolean> {
  return {
    read(value, errors) {
      if (typeof value === 'boolean') return value;
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      if (value === 1 || value === '1' || value === 'true' || value === 'True') return true;
      if (value === 0 || value === '0' || value === 'false' || value === 'False') return false;
      return refuse(errors, 'BOOLEAN_TYPE_CONVERT', 'Must be either true or false.');
    },
  };
}

/** An id: decimal text, or an integer as discord.py sends (long ones are text already, see base/json.ts). */
export function snowflake(): Form<Snowflake> {
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
      if (isSnowflake(text)) return text;
      return refuse(errors, 'NUMBER_TYPE_COERCE', `Value "${quote(value)}" is not snowflake.`);
    },
  };
}

/** The bound of a page: an id, or 0, by which discord.py asks from the very first on. */
export function cursor(): Form<Snowflake> {
  const id = snowflake();
  return {
    read: (value, errors) => (value === '0' || value === 0 ? '0' : id.read(value, errors)),
  };
}

const UINT64_MAX = (1n << 64n) - 1n;

/** A permission set: decimal text or a non-negative integer within 64 bits; gives canonical decimal text. */
export function permissions(): Form<string> {
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
      if (typeof text !== 'string' || !/^\d{1,20}$/.test(text)) {
        return refuse(errors, 'NUMBER_TYPE_COERCE', `Value "${quote(value)}" is not int.`);
      }
      const bits = BigInt(text);
      if (bits > UINT64_MAX) {
        return refuse(errors, 'NUMBER_TYPE_MAX', `int value should be less than or equal to ${UINT64_MAX}.`);
      }
      return String(bits);
    },
  };
}

/** An ISO 8601 moment; gives our own form of it (timestamp.ts). */
export function timestamp(): Form<string> {
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      const ms = typeof value === 'string' ? parseTimestamp(value) : null;
      if (ms === null) {
        return refuse(errors, 'DATE_TIME_TYPE_PARSE', `Could not parse "${quote(value)}". Should be ISO8601.`);
      }
      return isoTimestamp(ms);
    },
  };
}

/** A picture as a data URI, of at most `bytesMax` decoded bytes. */
export function imageData(bytesMax = 10 * 1024 * 1024): Form<ImageData> {
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      const image = typeof value === 'string' ? parseImageData(value) : null;
      if (image === null) return refuse(errors, 'IMAGE_INVALID', 'Invalid image data');
      if ((image.base64.length / 4) * 3 > bytesMax + 2) {
        return refuse(errors, 'BINARY_TYPE_MAX_SIZE', `File cannot be larger than ${bytesMax} bytes.`);
      }
      return image;
    },
  };
}
