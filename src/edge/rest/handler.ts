// What happens to a request, in order: CORS, route, authority, rate limits, body, handler, answer. One per I/O thread. It keeps
// true: authority comes from the Authorization header alone; every request gets exactly one answer, in JSON; an unexpected error
// is logged and tells the client nothing of the inside.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { type ApiError, apiError } from '../../protocol/errors.ts';
import type { Requester } from '../../service/request.ts';
import { ClientGone } from '../transport/body.ts';
import type { HttpHandler, HttpReply, HttpRequest } from '../transport/types.ts';
import { type BodyLimits, readBody } from './body.ts';
import type { RestContext } from './context.ts';
import { bucketHash, type Limit, limitOf, RateLimiter, type Verdict } from './rate-limits.ts';
import { asApiError, errorReply, json, toReply, VIA } from './reply.ts';
import { ROUTES } from './resources/index.ts';
import { checkParams, type Match, type Params, RestRouter } from './router.ts';
import type { Route } from './route.ts';

export interface RestOptions extends BodyLimits {
  /** By createRateLimitTable, shared by all threads. */
  readonly rateLimits: SharedArrayBuffer;
  /** limits.rate = on. */
  readonly rateLimitsEnforced: boolean;
  /** limits.requests_per_second; default 50. */
  readonly requestsPerSecond?: number;
  /** GUILDHALL_PUBLIC_URL; null: what clients see follows their Host header. */
  readonly publicUrl: string | null;
  /** Who a token belongs to (service/account/authenticator.ts); null when it is not valid. */
  readonly authenticate: (token: string) => Promise<Requester | null>;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: all resources. */
  readonly routes?: readonly Route[];
  /** Answers what is neither below /api nor a route at the root (pages, health). */
  readonly fallback?: (request: HttpRequest) => Promise<HttpReply | null> | HttpReply | null;
}

/** Discord's limit. */
const REASON_CHARACTERS_MAX = 512;

/** Failures written to the log in a window, per thread; of the rest the number is. Clients that repeat a request that fails must not fill a disk. */
const REPORTS_MAX = 50;
const REPORTS_WINDOW_MS = 10_000;

/** Any page may call: only a header that a page must set by itself grants authority, so there is nothing to ride on. */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Reset-After, X-RateLimit-Bucket, X-RateLimit-Scope, X-RateLimit-Global',
};
const PREFLIGHT = {
  ...CORS,
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Audit-Log-Reason, X-Super-Properties, X-Track',
  'Access-Control-Max-Age': '86400',
};

/** A route with what is the same for each of its requests. */
interface Prepared {
  readonly limit: Limit;
  readonly bucket: string;
  readonly major: string | null;
}

export function createRestHandler(context: RestContext, options: RestOptions): HttpHandler {
  return new RestHandler(context, options).handle;
}

class RestHandler {
  readonly #context: RestContext;
  readonly #options: RestOptions;
  readonly #router: RestRouter;
  readonly #limiter: RateLimiter;
  readonly #prepared = new Map<Route, Prepared>();
  #reportsSinceMs = Number.NEGATIVE_INFINITY;
  #reports = 0;
  #unreported = 0;

  constructor(context: RestContext, options: RestOptions) {
    this.#context = context;
    this.#options = options;
    const routes = options.routes ?? ROUTES;
    this.#router = new RestRouter(routes);
    this.#limiter = new RateLimiter(
      options.rateLimits,
      options.clock,
      options.rateLimitsEnforced,
      options.requestsPerSecond,
    );
    for (const route of routes) {
      const limit = limitOf(route);
      this.#prepared.set(route, { limit, bucket: bucketHash(limit), major: majorOf(route) });
    }
  }

  readonly handle: HttpHandler = async (http) => {
    if (http.method === 'OPTIONS') return { status: 204, headers: PREFLIGHT };
    const headers: Record<string, string> = { 'X-Content-Type-Options': 'nosniff' };
    if (http.headers.has('origin')) Object.assign(headers, CORS);
    let reply: HttpReply;
    try {
      reply = await this.#answer(http, headers);
    } catch (error) {
      reply = this.#failure(http, error);
    }
    return { ...reply, headers: { ...headers, ...reply.headers } };
  };

  /** `headers`: those that the answer has whatever comes of it. */
  async #answer(http: HttpRequest, headers: Record<string, string>): Promise<HttpReply> {
    const match = this.#router.match(http.method, http.path);
    if (match.route === null) return this.#unmatched(http, match, headers);
    const { route, params } = match;
    const requester = route.auth === 'required' ? await this.#authenticate(http) : null;
    const refusal = this.#limit(http, route, params, requester, headers);
    if (refusal !== null) return refusal;
    checkParams(params);
    const { body, files } = await readBody(route, http, this.#options);
    const result = await route.handle({
      http,
      params,
      query: new URLSearchParams(http.query),
      // Routes without authority know that there is none.
      requester: requester as Requester,
      body,
      files,
      reason: reasonOf(http.headers.get('x-audit-log-reason')),
      context: this.#context,
      origin: this.#options.publicUrl ?? `http://${http.headers.get('host') ?? 'localhost'}`,
    });
    return toReply(result);
  }

  async #unmatched(
    http: HttpRequest,
    match: Match & { readonly route: null },
    headers: Record<string, string>,
  ): Promise<HttpReply> {
    if (match.badUrl) throw apiError('GENERAL');
    if (match.allowed.length > 0) {
      headers['Allow'] = match.allowed.join(', ');
      throw apiError('METHOD_NOT_ALLOWED');
    }
    const page = await this.#options.fallback?.(http);
    if (page !== null && page !== undefined) return page;
    throw apiError('NOT_FOUND');
  }

  async #authenticate(http: HttpRequest): Promise<Requester> {
    const token = /^(?:(?:Bot|Bearer) +)?(\S+)$/i.exec((http.headers.get('authorization') ?? '').trim())?.[1];
    const requester = token === undefined ? null : await this.#options.authenticate(token);
    if (requester === null) throw apiError('UNAUTHORIZED');
    return requester;
  }

  /** Counts the request; the answer when it must wait. */
  #limit(
    http: HttpRequest,
    route: Route,
    params: Params,
    requester: Requester | null,
    headers: Record<string, string>,
  ): HttpReply | null {
    // Without an account it is the address that counts, and only where the route says so.
    if (requester === null && route.limit === undefined) return null;
    const account = requester?.user_id ?? http.address;
    const { limit, bucket, major } = this.#prepared.get(route) as Prepared;
    headers['X-RateLimit-Bucket'] = bucket;
    if (requester !== null && route.globalExempt !== true) {
      const overall = this.#limiter.takeGlobal(account);
      if (!overall.allowed) return tooMany(overall, true, headers);
    }
    const verdict = this.#limiter.take(limit, major === null ? '' : (params[major] ?? ''), account);
    headers['X-RateLimit-Limit'] = String(verdict.limit);
    headers['X-RateLimit-Remaining'] = String(verdict.remaining);
    headers['X-RateLimit-Reset'] = (verdict.resetAtMs / 1000).toFixed(3);
    headers['X-RateLimit-Reset-After'] = (verdict.resetAfterMs / 1000).toFixed(3);
    return verdict.allowed ? null : tooMany(verdict, false, headers);
  }

  #failure(http: HttpRequest, error: unknown): HttpReply {
    const known: ApiError | null = asApiError(error);
    if (known !== null) {
      if (known.status >= 500) this.#report('rest_unavailable', 'warn', http, error);
      return errorReply(known);
    }
    if (error instanceof ClientGone) return errorReply(apiError('GENERAL'));
    this.#report('rest_failed', 'error', http, error);
    return errorReply(apiError('INTERNAL'));
  }

  #report(event: string, level: 'warn' | 'error', http: HttpRequest, error: unknown): void {
    const now = this.#options.clock.monotonicMs();
    if (now - this.#reportsSinceMs >= REPORTS_WINDOW_MS) {
      if (this.#unreported > 0)
        this.#options.log({ event: 'rest_unreported', level: 'warn', requests: this.#unreported });
      this.#reportsSinceMs = now;
      this.#reports = 0;
      this.#unreported = 0;
    }
    if (this.#reports >= REPORTS_MAX) {
      this.#unreported += 1;
      return;
    }
    this.#reports += 1;
    // Of the path only its route would be safe to write: a webhook's path holds its token.
    const path = http.path.replace(/(\/(?:webhooks|interactions)\/[^/]+\/)[^/]+/, '$1-');
    this.#options.log({ event, level, method: http.method, path, error });
  }
}

function tooMany(verdict: Verdict, isGlobal: boolean, headers: Record<string, string>): HttpReply {
  const seconds = Math.max(0.001, Math.ceil(verdict.resetAfterMs) / 1000);
  if (isGlobal) headers['X-RateLimit-Global'] = 'true';
  return json(
    429,
    { message: 'You are being rate limited.', retry_after: seconds, global: isGlobal, code: 0 },
    {
      // Whole seconds by its definition (RFC 9110); the exact time is in the body and in Reset-After.
      'Retry-After': String(Math.ceil(seconds)),
      'X-RateLimit-Scope': isGlobal ? 'global' : 'user',
      Via: VIA,
    },
  );
}

/** The parameter whose values have buckets of their own. */
function majorOf(route: Route): string | null {
  return /:(channel_id|guild_id|webhook_id)\b/.exec(route.path)?.[1] ?? null;
}

/** Clients percent-encode the reason; one that is not decodable is taken as it is. */
function reasonOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  let text = header;
  try {
    text = decodeURIComponent(header);
  } catch {}
  const clean = text.trim().slice(0, REASON_CHARACTERS_MAX).toWellFormed();
  return clean === '' ? null : clean;
}
