// Forms of lists and dictionaries, and what makes a form optional, nullable or stricter.

import type { ErrorTree } from '../errors.ts';
import {
  fail,
  type Form,
  hasErrors,
  newTree,
  type OptionalForm,
  refuse,
  REQUIRED,
  type Shape,
  type ShapeOf,
} from './core.ts';
import { checkLength } from './scalars.ts';

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
