// Makes answers: JSON as clients compare it, errors in Discord's form, and a topic's reply passed on as it is.

import type { TopicReply } from '../../service/request.ts';
import { ApiError, apiError } from '../../protocol/errors.ts';
import type { HttpReply } from '../transport/types.ts';
import type { RestAnswer } from './route.ts';

/** Exactly this: Eris compares the whole string. */
export const JSON_TYPE = 'application/json';

/**
 * discord.py takes a 429 without Via for a ban by a proxy, and gives up instead of waiting.
 */
export const VIA = '1.1 guildhall';

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, headers: { 'Content-Type': JSON_TYPE, ...headers }, body: JSON.stringify(value) };
}

/** The reply of a topic, its bytes as they are. */
export function answer(reply: TopicReply): HttpReply {
  if (reply.bytes === undefined) return { status: reply.status };
  const headers: Record<string, string> = { 'Content-Type': JSON_TYPE };
  if (reply.status === 429) Object.assign(headers, retryHeaders(reply.retry_after ?? 1));
  return { status: reply.status, headers, body: reply.bytes };
}

export function errorReply(error: ApiError): HttpReply {
  const retry = error.retryAfter === undefined ? {} : retryHeaders(error.retryAfter);
  return json(error.status, error, error.status === 429 ? retry : {});
}

/** What 429 needs besides its body, when it is not the rate limiter's (slow mode, too many log-ins). `seconds` may be a fraction. */
function retryHeaders(seconds: number): Record<string, string> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(seconds))), 'X-RateLimit-Scope': 'user', Via: VIA };
}

/** Any of a handler's answers as a whole reply. */
export function toReply(result: RestAnswer): HttpReply {
  if (result === undefined) return { status: 204 };
  if ('json' in result) return json(result.status ?? 200, result.json);
  return result;
}

/** An error that a client may see; null for one that it must not. */
export function asApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  // A topic that is dead, slow or overloaded: clients try again after a 503.
  if (error instanceof Error && error.name === 'CallError') return apiError('UNAVAILABLE', { cause: error });
  return null;
}
