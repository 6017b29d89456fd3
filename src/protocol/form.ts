// Validation of what clients send. A form reads an unknown value, gives a typed copy, and reports what is wrong in Discord's
// error tree: nested keys and indexes ending in `_errors`. Unknown keys are dropped, only own keys are read, and outputs are
// built key by key from the form, so that `__proto__` or `constructor` in a body touch nothing.
// Source: discord.com/developers/docs/reference#error-messages

import { isSnowflake, type Snowflake } from '../base/snowflake.ts';
import { apiError, type ErrorTree } from './errors.ts';
import { type ImageData, parseImageData } from './images.ts';
import { isoTimestamp, parseTimestamp } from './timestamp.ts';

/** Reads a value; on failure it reports into `errors`, and its result must not be used. */
export interface Form<T> {
  readonly read: (value: unknown, errors: ErrorTree) => T;
  /** The key may be absent. */
  readonly absent?: true;
}

/** A form whose key may be absent from its object. */
export interface OptionalForm<T> extends Form<T> {
  readonly absent: true;
}

export type Shape = { readonly [key: string]: Form<unknown> };
/** What a form gives. */
export type Infer<F> = F extends Form<infer T> ? T : never;
type OptionalKeys<S extends Shape> = { [K in keyof S]: S[K] extends { absent: true } ? K : never }[keyof S];
export type ShapeOf<S extends Shape> = { [K in Exclude<keyof S, OptionalKeys<S>>]: Infer<S[K]> } & {
  [K in OptionalKeys<S>]?: Infer<S[K]>;
};

/** Errors reported for one body; beyond it the rest is left out, so that a hostile body can't have a huge answer. */
export const FORM_ERRORS_MAX = 64;
/** Characters of a client's value quoted in a message. */
const QUOTE_CHARACTERS_MAX = 64;

/** Reads the value, or throws INVALID_FORM with the whole tree. */
export function validate<T>(form: Form<T>, value: unknown): T {
  const errors = newTree();
  const result = form.read(value, errors);
  if (hasErrors(errors)) throw apiError('INVALID_FORM', { errors: pruned(errors) });
  return result;
}

/** The single-field form error for checks that a form can't state (`path` like ['name'] or ['embeds', 0, 'title']). */
export function formError(path: readonly (string | number)[], code: string, message: string) {
  const errors = newTree();
  let at: ErrorTree = errors;
  for (const key of path) {
    const child = newTree();
    at[String(key)] = child;
    at = child;
  }
  fail(at, code, message);
  return apiError('INVALID_FORM', { errors });
}

/** Query parameters as an object that forms can read; of repeated ones the last counts. */
export function queryObject(query: URLSearchParams): { [key: string]: string } {
  const out: { [key: string]: string } = Object.create(null);
  for (const [key, value] of query) out[key] = value;
  return out;
}

export function newTree(): ErrorTree {
  return Object.create(null) as ErrorTree;
}

export function fail(errors: ErrorTree, code: string, message: string): undefined {
  errors._errors ??= [];
  errors._errors.push({ code, message });
  return undefined;
}

export function hasErrors(errors: ErrorTree): boolean {
  for (const _ in errors) return true;
  return false;
}

/** Reports and gives a value of any type, which `validate` never lets out. */
function refuse<T>(errors: ErrorTree, code: string, message: string): T {
  return fail(errors, code, message) as T;
}

const REQUIRED = ['BASE_TYPE_REQUIRED', 'This field is required'] as const;

function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > QUOTE_CHARACTERS_MAX ? `${text.slice(0, QUOTE_CHARACTERS_MAX)}…` : text;
}

/** Keeps the first FORM_ERRORS_MAX reports. */
function pruned(errors: ErrorTree): ErrorTree {
  let left = FORM_ERRORS_MAX;
  const copy = (tree: ErrorTree): ErrorTree => {
    const out = newTree();
    for (const key of Object.keys(tree)) {
      if (left <= 0) break;
      const value = tree[key];
      if (value === undefined) continue;
      if (Array.isArray(value)) {
        out[key] = value.slice(0, left);
        left -= value.length;
      } else {
        const child = copy(value);
        if (hasErrors(child)) out[key] = child;
      }
    }
    return out;
  };
  return copy(errors);
}

/** Code points, as Discord counts. */
export function codePointLength(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length - 1; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        length -= 1;
        i += 1;
      }
    }
  }
  return length;
}

function checkLength(length: number, min: number | undefined, max: number | undefined, errors: ErrorTree): void {
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

/** A list; one element's errors stand under its index. */
export function array<T>(of: Form<T>, options: { readonly min?: number; readonly max?: number } = {}): Form<T[]> {
  const { min, max } = options;
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      if (!Array.isArray(value)) {
        return refuse(errors, 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
      }
      // A list of the wrong length is not read further: its elements could be many.
      if (min !== undefined || max !== undefined) checkLength(value.length, min, max, errors);
      if (errors._errors !== undefined) return [];
      const out: T[] = [];
      for (let i = 0; i < value.length; i += 1) out.push(readChild(of, value[i], errors, String(i)));
      return out;
    },
  };
}

function readChild<T>(form: Form<T>, value: unknown, errors: ErrorTree, key: string): T {
  const child = newTree();
  const result = form.read(value, child);
  if (hasErrors(child)) errors[key] = child;
  return result;
}

function isDictionary(value: unknown): value is { [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A dictionary with these keys; others are dropped. */
export function object<S extends Shape>(shape: S): Form<ShapeOf<S>> {
  const entries = Object.entries(shape);
  return {
    read(value, errors) {
      // A body that is missing altogether is read as an empty one, so that the answer names its required keys.
      if (value === undefined) value = {};
      if (!isDictionary(value)) {
        return refuse(errors, 'MODEL_TYPE_CONVERT', 'Only dictionaries may be used in a ModelType');
      }
      const out: { [key: string]: unknown } = {};
      for (const [key, form] of entries) {
        const has = Object.hasOwn(value, key) && value[key] !== undefined;
        if (!has && form.absent === true) continue;
        const result = readChild(form, has ? value[key] : undefined, errors, key);
        if (result !== undefined) out[key] = result;
      }
      return out as ShapeOf<S>;
    },
  };
}

/** A dictionary of any keys (at most `max`), all values alike. */
export function record<T>(of: Form<T>, options: { readonly max?: number } = {}): Form<{ [key: string]: T }> {
  const max = options.max ?? 100;
  return {
    read(value, errors) {
      if (value === null || value === undefined) return refuse(errors, ...REQUIRED);
      if (!isDictionary(value)) {
        return refuse(errors, 'DICT_TYPE_CONVERT', 'Only dictionaries may be used in a DictType');
      }
      const keys = Object.keys(value);
      if (keys.length > max) return refuse(errors, 'BASE_TYPE_MAX_LENGTH', `Must be ${max} or fewer in length.`);
      const out: { [key: string]: T } = Object.create(null);
      for (const key of keys) {
        if (key === '__proto__' || key === '_errors') continue;
        out[key] = readChild(of, value[key], errors, key);
      }
      return out;
    },
  };
}

/** Anything; for what is stored or passed on as it came. Bound it where it is used. */
export function unknown(): Form<unknown> {
  return { read: (value) => value };
}

/** The key may be absent; null is not the same as absent (see `maybe`). */
export function optional<T>(form: Form<T>): OptionalForm<T> {
  return { absent: true, read: form.read };
}

export function nullable<T>(form: Form<T>): Form<T | null> {
  return { read: (value, errors) => (value === null ? null : form.read(value, errors)) };
}

/** The key may be absent or null, which both give nothing (discordgo sends null for what it means to leave out). */
export function maybe<T>(form: Form<T>): OptionalForm<T> {
  // An undefined result never becomes a key of the object, so the type needn't say it.
  return { absent: true, read: (value, errors) => (value === null ? (undefined as T) : form.read(value, errors)) };
}

/** Absent or null: `fallback`. */
export function withDefault<T>(form: Form<T>, fallback: T): Form<T> {
  return {
    read: (value, errors) => (value === null || value === undefined ? fallback : form.read(value, errors)),
  };
}

/** For forms that contain themselves (components, command options). */
export function lazy<T>(make: () => Form<T>): Form<T> {
  return { read: (value, errors) => make().read(value, errors) };
}

/** A further condition on a value that the form accepted. */
export function refine<T>(form: Form<T>, test: (value: T) => boolean, code: string, message: string): Form<T> {
  return {
    read(value, errors) {
      const result = form.read(value, errors);
      if (!hasErrors(errors) && !test(result)) fail(errors, code, message);
      return result;
    },
  };
}
