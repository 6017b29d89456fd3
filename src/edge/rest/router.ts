// Finds a request's route: path prefixes, slashes, methods and parameters. Pure: it reads nothing but the method and the path.

import Router from 'find-my-way';
import { isSnowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import type { Route } from './route.ts';

/** v9 is served as an alias of v10, and so is the bare prefix. Longest first. */
const PREFIXES = ['/api/v10', '/api/v9', '/api'];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
/** Interaction tokens and percent-encoded emoji are the longest parameters. */
const PARAMETER_CHARACTERS_MAX = 512;
/** Characters of a client's value that an error quotes. */
const QUOTE_CHARACTERS_MAX = 64;

export type Params = Readonly<Record<string, string>>;

/** `route` null: no route has the path. `allowed`: methods that routes with this path have. */
export type Match =
  | { readonly route: Route; readonly params: Params }
  | { readonly route: null; readonly allowed: readonly string[]; readonly badUrl: boolean };

export class RestRouter {
  readonly #api: Router.Instance<Router.HTTPVersion.V1>;
  readonly #root: Router.Instance<Router.HTTPVersion.V1>;

  constructor(routes: readonly Route[]) {
    this.#api = newRouter();
    this.#root = newRouter();
    for (const route of routes)
      (route.root === true ? this.#root : this.#api).on(route.method, route.path, noop, route);
  }

  /** `path` is percent-encoded, without query. HEAD finds GET's routes. */
  match(method: string, path: string): Match {
    // discord.js writes @me and @original as %40me and %40original.
    const clean = path.replace(/\/{2,}/g, '/').replaceAll('%40', '@');
    const prefix = PREFIXES.find(
      (one) => clean.startsWith(one) && (clean.length === one.length || clean[one.length] === '/'),
    );
    const router = prefix === undefined ? this.#root : this.#api;
    const below = prefix === undefined ? clean : clean.slice(prefix.length) || '/';
    const wanted = method === 'HEAD' ? 'GET' : method;
    if ((METHODS as readonly string[]).includes(wanted)) {
      const found = router.find(wanted as (typeof METHODS)[number], below);
      if (found !== null && found.store === null) return { route: null, allowed: [], badUrl: true };
      if (found !== null) return { route: found.store as Route, params: { ...(found.params as Params) } };
    }
    const allowed = METHODS.filter((one) => {
      const found = router.find(one, below);
      return found !== null && found.store !== null;
    });
    return { route: null, allowed: allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed, badUrl: false };
  }
}

/** Parameters named *_id are ids. Throws Discord's form error. */
export function checkParams(params: Params): void {
  for (const [name, value] of Object.entries(params)) {
    if (!name.endsWith('_id') || isSnowflake(value as unknown)) continue;
    const quoted = value.slice(0, QUOTE_CHARACTERS_MAX);
    throw apiError('INVALID_FORM', {
      errors: { [name]: { _errors: [{ code: 'NUMBER_TYPE_COERCE', message: `Value "${quoted}" is not snowflake.` }] } },
    });
  }
}

function newRouter(): Router.Instance<Router.HTTPVersion.V1> {
  return Router({
    ignoreTrailingSlash: true,
    maxParamLength: PARAMETER_CHARACTERS_MAX,
    // Found with a null store: see `match`.
    onBadUrl: noop,
  });
}

function noop(): void {}
