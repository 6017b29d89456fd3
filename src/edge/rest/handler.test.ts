import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { CallError } from '../../actor/types.ts';
import { ManualClock } from '../../base/clock.ts';
import type { LogEvent } from '../../base/log.ts';
import { apiError } from '../../protocol/errors.ts';
import type { Transport } from '../transport/types.ts';
import { createUwsTransport } from '../transport/uws.ts';
import type { RestContext } from './context.ts';
import { createRestHandler, type RestOptions } from './handler.ts';
import { createRateLimitTable } from './rate-limits.ts';
import { answer } from './reply.ts';
import type { RestCall, Route } from './route.ts';

const BOT = '1100000000000000001';
const CHANNEL = '1200000000000000001';
const OTHER_CHANNEL = '1200000000000000002';

const calls: RestCall[] = [];
const logged: LogEvent[] = [];
const clock = new ManualClock(1_700_000_000_000);

/** What a route was given, as far as JSON shows it. */
function seen(call: RestCall): { json: unknown } {
  calls.push(call);
  const { params, body, reason, origin, requester } = call;
  const files = call.files.map((file) => [file.index, file.filename, Buffer.from(file.bytes).toString()]);
  return { json: { params, body, reason, origin, requester, files, query: [...call.query] } };
}

const routes: Route[] = [
  { method: 'GET', path: '/gateway', auth: 'none', handle: () => ({ json: { url: 'ws://x' } }) },
  { method: 'POST', path: '/auth/login', auth: 'none', handle: seen },
  { method: 'GET', path: '/channels/:channel_id', auth: 'required', handle: seen },
  { method: 'POST', path: '/channels/:channel_id/messages', auth: 'required', body: 'multipart', handle: seen },
  { method: 'PATCH', path: '/channels/:channel_id', auth: 'required', handle: seen },
  { method: 'DELETE', path: '/channels/:channel_id', auth: 'required', handle: () => undefined },
  {
    method: 'PUT',
    path: '/channels/:channel_id/messages/:message_id/reactions/:emoji/@me',
    auth: 'required',
    body: 'none',
    handle: seen,
  },
  {
    method: 'GET',
    path: '/topic/:what',
    auth: 'required',
    handle: ({ params }) => {
      switch (params['what']) {
        case 'ok':
          return answer({ status: 200, bytes: Buffer.from('{"a":1}') });
        case 'empty':
          return answer({ status: 204 });
        case 'slow':
          return answer({ status: 429, retry_after: 2.5, bytes: Buffer.from('{"code":20016}') });
        case 'slowmode':
          throw apiError('SLOWMODE', { retryAfter: 3.2 });
        case 'dead':
          throw new CallError('noproc', 'nobody there');
        case 'missing':
          throw apiError('UNKNOWN_CHANNEL');
        default:
          throw new Error('a secret of the inside');
      }
    },
  },
  {
    method: 'POST',
    path: '/interactions/:interaction_id/:token/callback',
    auth: 'required',
    globalExempt: true,
    limit: { name: 'callback', requests: 1000, windowMs: 1000 },
    body: 'none',
    handle: () => undefined,
  },
  {
    method: 'POST',
    path: '/auth/register',
    auth: 'none',
    limit: { name: 'register', requests: 2, windowMs: 60_000 },
    handle: seen,
  },
  { method: 'GET', path: '/attachments/:channel_id/:filename', auth: 'none', root: true, handle: seen },
];

function handler(options: Partial<RestOptions> = {}) {
  return createRestHandler({} as RestContext, {
    rateLimits: createRateLimitTable(),
    rateLimitsEnforced: true,
    publicUrl: null,
    authenticate: async (token) => {
      const id = { good: BOT, other: '1100000000000000002' }[token];
      return id === undefined ? null : { user_id: id, bot: true, application_id: id };
    },
    clock,
    log: (event) => logged.push(event),
    requestBytesMax: 100_000,
    fileBytesMax: 10_000,
    routes,
    fallback: (request) => (request.path === '/' ? { status: 200, body: 'a page' } : null),
    ...options,
  });
}

const sockets = { open: () => {}, message: () => {}, drain: () => {}, close: () => {} };
let transport: Transport;
let base = '';

before(async () => {
  transport = createUwsTransport({ http: handler(), sockets });
  base = `http://127.0.0.1:${await transport.listen('127.0.0.1', 0)}`;
});
after(() => transport.close());
beforeEach(() => {
  calls.length = 0;
  logged.length = 0;
  // Every test starts with fresh windows.
  clock.advance(120_000);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test's look into JSON
  readonly json: any;
}

async function ask(method: string, path: string, init: RequestInit & { token?: string } = {}): Promise<Answer> {
  const headers = new Headers(init.headers);
  const token = init.token ?? 'Bot good';
  if (token !== '') headers.set('authorization', token);
  const response = await fetch(base + path, { ...init, method, headers });
  const text = await response.text();
  if (text !== '' && method !== 'OPTIONS') assert.equal(response.headers.get('content-type'), 'application/json');
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
}

const jsonInit = (body: string) => ({ body, headers: { 'content-type': 'application/json' } });

test('v10, v9 and the bare prefix serve the same; slashes may be doubled or trail', async () => {
  for (const path of [
    '/api/v10/gateway',
    '/api/v9/gateway',
    '/api/gateway',
    '//api//v10///gateway',
    '/api/v10/gateway/',
  ]) {
    assert.deepEqual((await ask('GET', path, { token: '' })).json, { url: 'ws://x' }, path);
  }
  for (const path of [
    '/api/v8/gateway',
    '/gateway/x',
    '/api/v10',
    '/apiv10/gateway',
    '/api/v10/gatewa',
    '/api/v10/attachments/1/a',
  ]) {
    const { status, json } = await ask('GET', path, { token: '' });
    assert.equal(status, 404, path);
    assert.deepEqual(json, { message: '404: Not Found', code: 0 });
  }
});

test('routes at the root and pages are served beside the API', async () => {
  assert.equal((await ask('GET', `/attachments/${CHANNEL}/a%20b.txt`, { token: '' })).json.params.filename, 'a b.txt');
  assert.equal(await (await fetch(`${base}/`)).text(), 'a page');
});

test('a wrong method is 405 with what is allowed, HEAD is GET without a body', async () => {
  const { status, headers, json } = await ask('PUT', `/api/v10/channels/${CHANNEL}`);
  assert.equal(status, 405);
  assert.equal(headers.get('allow'), 'GET, PATCH, DELETE, HEAD');
  assert.equal(json.code, 0);
  const head = await ask('HEAD', '/api/v10/gateway');
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), '16');
});

test('parameters are decoded once; what cannot be is 400; ids are checked', async () => {
  const path = (emoji: string) => `/api/v10/channels/${CHANNEL}/messages/${CHANNEL}/reactions/${emoji}/@me`;
  assert.equal((await ask('PUT', path('%F0%9F%91%8D'))).json.params.emoji, '👍');
  assert.equal((await ask('PUT', path('name%3A123'))).json.params.emoji, 'name:123');
  assert.equal((await ask('PUT', path('a%2Fb%2525'))).json.params.emoji, 'a/b%25');
  clock.advance(5000);
  assert.equal((await ask('PUT', path('x').replace('@me', '%40me'))).status, 200);
  assert.equal((await ask('PUT', path('x%2540y'))).json.params.emoji, 'x%40y');
  assert.equal((await ask('PUT', path('%zz'))).status, 400);
  assert.equal((await ask('PUT', path('%ff'))).status, 400);
  for (const id of ['abc', '0', '-1', '1'.repeat(21), '18446744073709551616', '%20']) {
    const { status, json } = await ask('GET', `/api/v10/channels/${id}`);
    assert.equal(status, 400);
    assert.equal(json.code, 50035);
    assert.match(json.errors.channel_id._errors[0].message, /^Value ".*" is not snowflake\.$/);
  }
});

test('only the Authorization header grants authority, with or without its scheme', async () => {
  const path = `/api/v10/channels/${CHANNEL}`;
  for (const token of ['Bot good', 'Bearer good', 'good', 'bot good', 'Bot  good ']) {
    assert.equal((await ask('GET', path, { token })).json.requester.user_id, BOT, token);
  }
  for (const token of ['', 'Bot', 'Bot bad', 'Basic good', 'good good', 'Bot Bot good', 'xBot good']) {
    const { status, json } = await ask('GET', path, { token });
    assert.equal(status, 401, token);
    assert.deepEqual(json, { message: '401: Unauthorized', code: 0 });
  }
  const sneaky = await ask('GET', `${path}?token=good&access_token=good`, {
    token: '',
    headers: { cookie: 'token=good; authorization=good', 'x-auth': 'good', origin: base },
  });
  assert.equal(sneaky.status, 401);
});

test('JSON bodies: long integers, duplicate keys, __proto__ and nesting are harmless', async () => {
  const path = `/api/v10/channels/${CHANNEL}`;
  const patch = async (body: string) => (await ask('PATCH', path, jsonInit(body))) as Answer;
  assert.equal((await patch('{"parent_id":1200000000000000001}')).json.body.parent_id, '1200000000000000001');
  assert.equal((await patch('{"a":1,"a":2}')).json.body.a, 2);
  assert.deepEqual((await patch('{"__proto__":{"x":1},"b":1}')).json.body, { b: 1 });
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
  assert.equal((await patch('')).json.body, undefined);
  assert.equal((await patch('  ')).json.body, undefined);
  assert.equal((await patch('null')).json.body, null);
  clock.advance(5000);
  for (const body of ['{', '{"a":}', '[1', 'x', `${'['.repeat(100_000)}`, '{"a":1}{"b":2}', '"\ud800'.slice(0, 1)]) {
    const { status, json } = await patch(body);
    assert.equal(status, 400, body.slice(0, 20));
    assert.equal(json.code, 50109);
  }
  const invalidUtf8 = await ask('PATCH', path, {
    body: Buffer.from([0x22, 0xff, 0x22]),
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(invalidUtf8.json.code, 50109);
});

test('a body of another type is a form error; one that is too large is 413', async () => {
  const path = `/api/v10/channels/${CHANNEL}`;
  const form = await ask('PATCH', path, {
    body: 'a=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  assert.equal(form.status, 400);
  assert.equal(form.json.errors._errors[0].code, 'CONTENT_TYPE_INVALID');
  assert.equal((await ask('PATCH', path, { body: new FormData() })).status, 400);
  assert.equal(
    (await ask('PATCH', path, { body: '{}', headers: { 'content-type': 'application/json; charset=utf-8' } })).status,
    200,
  );
  const large = await ask('PATCH', path, jsonInit(`"${'x'.repeat(5_000_000)}"`));
  assert.equal(large.status, 413);
  assert.equal(large.json.code, 40005);
  const anonymous = await ask('POST', '/api/v10/auth/login', { ...jsonInit(`"${'x'.repeat(70_000)}"`), token: '' });
  assert.equal(anonymous.status, 413);
});

test('multipart: files and payload_json, or plain fields', async () => {
  const path = `/api/v10/channels/${CHANNEL}/messages`;
  const form = new FormData();
  form.append('files[1]', new Blob(['hello']), 'a.txt');
  form.append('payload_json', '{"content":"x","nonce":123456789012345678}');
  const { json } = await ask('POST', path, { body: form });
  assert.deepEqual(json.files, [[1, 'a.txt', 'hello']]);
  assert.deepEqual(json.body, { content: 'x', nonce: '123456789012345678' });
  const plain = new FormData();
  plain.append('content', 'hi');
  plain.append('tts', 'true');
  plain.append('file', new Blob(['x']), 'b');
  assert.deepEqual((await ask('POST', path, { body: plain })).json.body, { content: 'hi', tts: true });
  const bad = new FormData();
  bad.append('payload_json', '{');
  assert.equal((await ask('POST', path, { body: bad })).json.code, 50109);
  const large = new FormData();
  large.append('file', new Blob(['x'.repeat(10_001)]), 'b');
  assert.equal((await ask('POST', path, { body: large })).json.code, 50045);
  const whole = new FormData();
  whole.append('file', new Blob(['x'.repeat(200_000)]), 'b');
  assert.equal((await ask('POST', path, { body: whole })).json.code, 40005);
});

test('the reason is decoded and bounded, the query and origin are handed on', async () => {
  const path = `/api/v10/channels/${CHANNEL}`;
  const get = (reason: string) => ask('GET', `${path}?limit=5`, { headers: { 'x-audit-log-reason': reason } });
  assert.equal((await get(encodeURIComponent('weil ä 👍'))).json.reason, 'weil ä 👍');
  assert.equal((await get('100%')).json.reason, '100%');
  assert.equal((await get('x'.repeat(600))).json.reason.length, 512);
  const { json } = await ask('GET', `${path}?limit=5`);
  assert.equal(json.reason, null);
  assert.deepEqual(json.query, [['limit', '5']]);
  assert.equal(json.origin, base);
});

test('a public URL is the origin whatever the Host', async () => {
  const handle = handler({ publicUrl: 'https://hall.example' });
  const reply = await handle({
    method: 'GET',
    path: `/attachments/${CHANNEL}/a`,
    query: '',
    headers: new Map([['host', 'elsewhere']]),
    address: '10.0.0.1',
    body: async () => new Uint8Array(),
  });
  assert.equal(JSON.parse(String(reply.body)).origin, 'https://hall.example');
});

test('answers of topics pass through; errors have Discord’s form; the inside stays inside', async () => {
  const topic = (what: string) => ask('GET', `/api/v10/topic/${what}`);
  assert.deepEqual((await topic('ok')).json, { a: 1 });
  assert.equal((await topic('empty')).status, 204);
  assert.deepEqual((await topic('missing')).json, { message: 'Unknown Channel', code: 10003 });
  const slow = await topic('slow');
  assert.equal(slow.status, 429);
  assert.equal(slow.headers.get('retry-after'), '3');
  assert.equal(slow.headers.get('via'), '1.1 guildhall');
  const slowmode = await topic('slowmode');
  assert.equal(slowmode.headers.get('via'), '1.1 guildhall');
  assert.equal(slowmode.json.retry_after, 3.2);
  assert.equal((await topic('dead')).status, 503);
  assert.equal(logged.length, 1);
  const broken = await topic('broken');
  assert.equal(broken.status, 500);
  assert.deepEqual(broken.json, { message: '500: Internal Server Error', code: 0 });
  assert.equal(logged.length, 2);
  assert.match(String(logged[1]?.['error']), /secret/);
});

test('a request that fails over and over does not fill the log; how often it was is told', async () => {
  const fresh = handler({ rateLimitsEnforced: false });
  const fails = () =>
    fresh({
      method: 'GET',
      path: '/api/v10/topic/dead',
      query: '',
      headers: new Map([['authorization', 'Bot good']]),
      address: '10.0.0.1',
      body: async () => new Uint8Array(),
    });
  for (let i = 0; i < 500; i += 1) assert.equal((await fails()).status, 503);
  assert.equal(logged.length, 50);
  clock.advance(10_000);
  await fails();
  assert.equal(logged.length, 52);
  assert.equal(logged[50]?.event, 'rest_unreported');
  assert.equal(logged[50]?.['requests'], 450);
});

test('every answer of an authenticated route has the rate-limit headers; the last of a window is followed by 429', async () => {
  const path = `/api/v10/channels/${CHANNEL}/messages`;
  const post = (id = CHANNEL, token = 'Bot good') =>
    ask('POST', path.replace(CHANNEL, id), { ...jsonInit('{}'), token });
  const first = await post();
  assert.equal(first.headers.get('x-ratelimit-limit'), '10');
  assert.equal(first.headers.get('x-ratelimit-remaining'), '9');
  assert.equal(first.headers.get('x-ratelimit-reset-after'), '5.000');
  assert.equal(first.headers.get('x-ratelimit-reset'), ((clock.nowMs() + 5000) / 1000).toFixed(3));
  assert.match(first.headers.get('x-ratelimit-bucket') ?? '', /^[0-9a-f]{32}$/);
  assert.notEqual(first.headers.get('date'), null);
  for (let i = 0; i < 9; i += 1) await post();
  clock.advance(1200);
  const refused = await post();
  assert.equal(refused.status, 429);
  assert.deepEqual(refused.json, { message: 'You are being rate limited.', retry_after: 3.8, global: false, code: 0 });
  assert.equal(refused.headers.get('retry-after'), '4');
  assert.equal(refused.headers.get('x-ratelimit-scope'), 'user');
  assert.equal(refused.headers.get('via'), '1.1 guildhall');
  assert.equal(refused.headers.get('x-ratelimit-remaining'), '0');
  assert.equal(refused.headers.get('x-ratelimit-global'), null);
  assert.equal(calls.length, 10);
  const elsewhere = await post(OTHER_CHANNEL);
  assert.equal(elsewhere.status, 200);
  assert.equal(elsewhere.headers.get('x-ratelimit-bucket'), first.headers.get('x-ratelimit-bucket'));
  assert.equal((await post(CHANNEL, 'Bot other')).status, 200);
  clock.advance(3800);
  assert.equal((await post()).status, 200);
  const error = await ask('GET', '/api/v10/channels/abc');
  assert.notEqual(error.headers.get('x-ratelimit-limit'), null);
});

test('an account has 50 requests a second overall; callbacks of interactions are exempt', async () => {
  let channel = 1;
  const get = () => ask('GET', `/api/v10/channels/${(channel += 1)}`);
  const callback = () => ask('POST', `/api/v10/interactions/${CHANNEL}/t/callback`);
  for (let i = 0; i < 50; i += 1) assert.equal((await get()).status, 200);
  const refused = await get();
  assert.equal(refused.status, 429);
  assert.equal(refused.json.global, true);
  assert.equal(refused.headers.get('x-ratelimit-global'), 'true');
  assert.equal(refused.headers.get('x-ratelimit-scope'), 'global');
  assert.equal(refused.headers.get('via'), '1.1 guildhall');
  assert.equal((await callback()).status, 204);
  clock.advance(1000);
  assert.equal((await get()).status, 200);
});

test('a route without authority is limited by address where it says so', async () => {
  const register = () => ask('POST', '/api/v10/auth/register', { ...jsonInit('{}'), token: '' });
  assert.equal((await register()).status, 200);
  assert.equal((await register()).headers.get('x-ratelimit-remaining'), '0');
  assert.equal((await register()).status, 429);
});

test('a page of another origin may call the API, and read what it needs', async () => {
  const preflight = await ask('OPTIONS', `/api/v10/channels/${CHANNEL}`, {
    token: '',
    headers: { origin: 'https://page.example' },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/);
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /DELETE/);
  const get = await ask('GET', `/api/v10/channels/${CHANNEL}`, { headers: { origin: 'https://page.example' } });
  assert.equal(get.headers.get('access-control-allow-origin'), '*');
  assert.equal(get.headers.get('access-control-allow-credentials'), null);
  const refused = await ask('GET', '/api/v10/nothing', { headers: { origin: 'https://page.example' } });
  assert.equal(refused.headers.get('access-control-allow-origin'), '*');
});

test('no two routes of the resources collide', async () => {
  const { ROUTES } = await import('./resources/index.ts');
  createRestHandler({} as RestContext, {
    ...({} as RestOptions),
    rateLimits: createRateLimitTable(),
    clock,
    routes: ROUTES,
  });
  const names = ROUTES.map((route) => `${route.method} ${route.path.replace(/:\w+/g, ':')}`);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
});
