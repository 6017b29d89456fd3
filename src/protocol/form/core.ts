// What a form is, and how its errors are gathered and thrown.

import { apiError, type ErrorTree } from '../errors.ts';

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
export function refuse<T>(errors: ErrorTree, code: string, message: string): T {
  return fail(errors, code, message) as T;
}

export const REQUIRED = ['BASE_TYPE_REQUIRED', 'This field is required'] as const;

export function quote(value: unknown): string {
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
