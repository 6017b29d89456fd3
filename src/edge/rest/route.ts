// A REST route: what it matches, who may call it, its rate limit, and its handler. One file per resource exports a list of these.

import type { Requester } from '../../service/request.ts';
import type { HttpReply, HttpRequest } from '../transport/types.ts';
import type { RestContext } from './context.ts';
import type { UploadedFile } from './multipart.ts';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** find-my-way pattern below /api/v10, e.g. '/channels/:channel_id/messages'. */
  readonly path: string;
  /** The path is not below /api/v10 but at the server's root (attachments, pages). Default: false. */
  readonly root?: boolean;
  /** required: 401 without a valid token. none: token not looked at. */
  readonly auth: 'required' | 'none';
  /** Requests per window and major parameter; see rate-limits.ts for the defaults. */
  readonly limit?: { readonly name: string; readonly requests: number; readonly windowMs: number };
  /** Not counted against the account's 50 a second (interaction callbacks). */
  readonly globalExempt?: boolean;
  /** How the body is read before the handler runs. Default: 'json' for POST, PUT, PATCH; 'none' for GET, DELETE. */
  readonly body?: 'none' | 'json' | 'multipart';
  readonly handle: (call: RestCall) => Promise<RestAnswer> | RestAnswer;
}

export interface RestCall {
  readonly http: HttpRequest;
  /** Path parameters, percent-decoded. Those named *_id were checked to be snowflakes ('@me' is a route of its own). */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Present with auth 'required'. */
  readonly requester: Requester;
  /** Parsed JSON (or payload_json); undefined when the request had no body. Not validated: use protocol/form.ts. */
  readonly body: unknown;
  readonly files: readonly UploadedFile[];
  /** X-Audit-Log-Reason, decoded; at most 512 characters. */
  readonly reason: string | null;
  readonly context: RestContext;
  /** http://host[:port] as the client sees us (GUILDHALL_PUBLIC_URL or its Host header). */
  readonly origin: string;
}

/** A body for 200, undefined for 204, or a whole reply. */
export type RestAnswer = HttpReply | { readonly json: unknown; readonly status?: number } | undefined;
