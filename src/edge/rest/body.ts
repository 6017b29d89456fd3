// Reads a request's body for its route: JSON, or multipart with files beside the JSON.

import { parseJson } from '../../base/json.ts';
import { apiError } from '../../protocol/errors.ts';
import type { HttpRequest } from '../transport/types.ts';
import { readMultipart, type UploadedFile } from './multipart.ts';
import type { Route } from './route.ts';

/** The largest JSON is a picture as data URI: 3 MiB of it. The limits of fields are the forms'. */
export const JSON_BYTES_MAX = 4 * 1024 * 1024;
/** Where nobody has shown a token: a name and a password. */
export const PUBLIC_JSON_BYTES_MAX = 64 * 1024;
const JSON_DEPTH_MAX = 64;

export interface BodyLimits {
  /** Whole multipart request. */
  readonly requestBytesMax: number;
  readonly fileBytesMax: number;
}

export interface RestBody {
  readonly body: unknown;
  readonly files: readonly UploadedFile[];
}

const NOTHING: RestBody = { body: undefined, files: [] };

/** Throws ApiError; ClientGone when nobody waits for the answer. */
export async function readBody(route: Route, http: HttpRequest, limits: BodyLimits): Promise<RestBody> {
  const kind = route.body ?? (route.method === 'GET' || route.method === 'DELETE' ? 'none' : 'json');
  if (kind === 'none') return NOTHING;
  const header = http.headers.get('content-type') ?? '';
  const type = (header.split(';')[0] ?? '').trim().toLowerCase();
  const isMultipart = type === 'multipart/form-data';
  const bytes = await http.body(bytesMax(route, kind === 'multipart' && isMultipart, limits));
  if (bytes.byteLength === 0) return NOTHING;
  if (isMultipart) {
    if (kind !== 'multipart') throw wrongType(kind);
    return fromMultipart(bytes, header, limits);
  }
  if (type !== 'application/json' && type !== '') throw wrongType(kind);
  return { body: jsonOf(bytes), files: [] };
}

function bytesMax(route: Route, isMultipart: boolean, limits: BodyLimits): number {
  if (isMultipart) return limits.requestBytesMax;
  // A webhook's token is in its path: its routes take multipart, and are no less trusted than others.
  return route.auth === 'none' && route.body !== 'multipart' ? PUBLIC_JSON_BYTES_MAX : JSON_BYTES_MAX;
}

async function fromMultipart(bytes: Uint8Array, header: string, limits: BodyLimits): Promise<RestBody> {
  const { payload, fields, files } = await readMultipart(bytes, header, limits.fileBytesMax);
  if (payload !== null) return { body: parse(payload), files };
  return { body: fromFields(fields), files };
}

/** Plain form fields, as curl and old bots send them: text, but for the one that is a flag. */
function fromFields(fields: ReadonlyMap<string, string>): { [key: string]: unknown } {
  const body: { [key: string]: unknown } = {};
  for (const [name, value] of fields) {
    if (name === '__proto__') continue;
    body[name] = name === 'tts' ? /^(1|true)$/i.test(value) : value;
  }
  return body;
}

function jsonOf(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw apiError('BAD_JSON', { cause: error });
  }
  return text.trim() === '' ? undefined : parse(text);
}

function parse(text: string): unknown {
  try {
    return parseJson(text, JSON_DEPTH_MAX);
  } catch (error) {
    throw apiError('BAD_JSON', { cause: error });
  }
}

function wrongType(kind: 'json' | 'multipart') {
  const types = kind === 'json' ? "'application/json'" : "'application/json', 'multipart/form-data'";
  return apiError('INVALID_FORM', {
    errors: {
      _errors: [{ code: 'CONTENT_TYPE_INVALID', message: `Expected "Content-Type" header to be one of {${types}}.` }],
    },
  });
}
