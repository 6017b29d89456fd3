// Errors that cross threads in call replies. An error travels as its name, message and own fields; a class that wants to come
// out as itself registers how it is made again. What is not registered arrives as a plain Error with the same name and fields.

import { ERRORS, ApiError } from '../protocol/errors.ts';
import type { ErrorTree } from '../protocol/errors.ts';
import { CallError } from './types.ts';
import type { CallErrorCode } from './types.ts';

export interface ErrorFields {
  readonly name: string;
  readonly message: string;
  readonly cause?: ErrorFields;
  readonly [field: string]: unknown;
}

export type Revive = (fields: ErrorFields) => Error;

/** Causes kept of a chain: enough to explain, and an end for a chain that bites its tail. */
const CAUSES_MAX = 4;

const revivers = new Map<string, Revive>();

/** Called once per error class and thread, at module level of the class's home. The last registration counts. */
export function registerError(name: string, revive: Revive): void {
  revivers.set(name, revive);
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The error as a JSON value. Never throws: a field that JSON cannot hold is left out. */
export function encodeError(error: Error, depth = 0): ErrorFields {
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol' || key === 'stack') continue;
    try {
      JSON.stringify(value);
      fields[key] = value;
    } catch {
      // A cycle or a bigint: the error itself matters more than this field.
    }
  }
  fields['name'] = error.name;
  fields['message'] = error.message;
  delete fields['cause'];
  if (error.cause instanceof Error && depth < CAUSES_MAX) fields['cause'] = encodeError(error.cause, depth + 1);
  return fields as ErrorFields;
}

export function decodeError(fields: ErrorFields): Error {
  const revive = revivers.get(fields.name);
  const error = revive === undefined ? plainError(fields) : revive(fields);
  // The stack of the receiving thread would name the ring's reader: it says nothing.
  error.stack = `${error.name}: ${error.message}\n    at (another thread)`;
  if (fields.cause !== undefined) error.cause = decodeError(fields.cause);
  return error;
}

function plainError(fields: ErrorFields): Error {
  const error = new Error(fields.message);
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'message' || key === 'cause' || key === 'stack' || key === '__proto__') continue;
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: key !== 'name' });
  }
  return error;
}

registerError('CallError', (fields) => new CallError(fields['code'] as CallErrorCode, fields.message));
registerError('ApiError', (fields) => {
  const { status, code, errors, retryAfter } = fields as ErrorFields & ApiError;
  return new ApiError(
    { ...ERRORS.GENERAL, status, code },
    {
      text: fields.message,
      ...(errors === undefined ? {} : { errors: errors as ErrorTree }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    },
  );
});
for (const kind of [TypeError, RangeError, SyntaxError]) registerError(kind.name, (fields) => new kind(fields.message));
