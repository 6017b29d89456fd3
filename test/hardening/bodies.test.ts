// Every route of the API against bodies, queries and paths that no client would send: the answer is a refusal in Discord's form
// or a success, never an error of ours, never silence; and the server is what it was.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ROUTES } from '../../src/edge/rest/resources/index.ts';
import type { Route } from '../../src/edge/rest/route.ts';
import { GatewayClient } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
/** Requests to each route. */
const RUNS = 60;
/** Far longer than any answer takes; only silence reaches it. */
const SILENCE_MS = 20_000;
const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));

/** Names of fields as the forms in the code have them, so that garbage reaches deep. */
function fieldNames(): string[] {
  const names = new Set<string>(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']);
  for (const file of globSync(['edge/rest/**/*.ts', 'service/**/*.ts', 'protocol/**/*.ts'], { cwd: SOURCES })) {
    if (file.includes('.test')) continue;
    const text = readFileSync(`${SOURCES}/${file}`, 'utf8');
    for (const [, name] of text.matchAll(
      /\b([a-z][a-z_]+): (?:maybe|optional|nullable|string|integer|number|boolean|flag|snowflake|array|list|object|oneOf|record|imageData|bits)\b/g,
    )) {
      names.add(name as string);
    }
  }
  return [...names].sort();
}

const FIELDS = fieldNames();
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const ODD: unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  1.5,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  1e308,
  '',
  ' ',
  '0',
  '-1',
  'x',
  '\0',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  '1'.repeat(19),
  '9'.repeat(40),
  'x'.repeat(5000),
  '<@&1>@everyone',
  '../../etc/passwd',
  'data:image/png;base64,AAAA',
  'data:image/svg+xml,<svg/>',
  [],
  [[]],
  [null],
  {},
  { a: { b: {} } },
];
const scalar = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD) },
  { weight: 1, arbitrary: fc.constantFrom('GUILD', 'CHANNEL', 'MESSAGE', 'USER', 'ROLE') },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 70 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
);
const { body: value } = fc.letrec<{ body: unknown; object: unknown }>((tie) => ({
  object: fc.dictionary(fc.constantFrom(...FIELDS), tie('body'), { maxKeys: 10 }),
  body: fc.oneof({ maxDepth: 3 }, scalar, tie('object'), fc.array(tie('body'), { maxLength: 4 })),
}));
const object = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 14 });
/** A form that is whole but for one wrong thing: every likely field with a likely value, and some replaced. */
const LIKELY: Record<string, unknown> = {
  name: 'aname',
  id: 'ROLE',
  content: 'text',
  username: 'somebody',
  password: 'long enough',
  type: 0,
  topic: 't',
  permissions: '0',
  color: 1,
  position: 0,
  nick: 'n',
  roles: [],
  messages: ['1', '2'],
  recipient_id: 'USER',
  allow: '0',
  deny: '0',
  max_age: 60,
  embeds: [{ title: 't' }],
  options: [],
  description: 'd',
  data: { content: 'c' },
  rate_limit_per_user: 0,
  delete_message_seconds: 0,
  user_ids: ['1'],
  session_id: 'x',
};
const whole = fc
  .tuple(
    fc.constantFrom(0, 1, 2, undefined),
    fc.dictionary(fc.constantFrom(...Object.keys(LIKELY)), value, { maxKeys: 3 }),
  )
  .map(([type, wrong]) => ({ ...LIKELY, ...(type === undefined ? {} : { type }), ...wrong }));

const json = fc.oneof(
  { weight: 5, arbitrary: object.map((v) => JSON.stringify(v)) },
  { weight: 5, arbitrary: whole.map((v) => JSON.stringify(v)) },
  { weight: 2, arbitrary: fc.array(whole, { maxLength: 3 }).map((v) => JSON.stringify(v)) },
  { weight: 2, arbitrary: value.map((v) => JSON.stringify(v) ?? '') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '{',
      '[',
      '"',
      '{"a":',
      'nul',
      '\ufeff{}',
      '{"name":"a","name":1,"name":null}',
      '{"__proto__":{"polluted":1}}',
      '{"\\u005f_proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      '{"name":{"__proto__":{"polluted":1}}}',
      '['.repeat(60) + ']'.repeat(60),
      '['.repeat(50_000),
      '{"a":'.repeat(40_000),
      '{"name":"\\ud800","content":"\\udc00\\u0000"}',
      '{"content":1e999}',
      '{"content":-0,"type":99999999999999999999999999}',
      '{"name":"\\u0000"}',
      `{"content":"${'x'.repeat(100_000)}"}`,
      '{"content":"x"}{}',
      "{'a':1}",
      '[1,]',
      'NaN',
      `{${Array.from({ length: 5000 }, (_, i) => `"k${i}":1`).join(',')}}`,
      `{"embeds":[${'{},'.repeat(500)}{}]}`,
      `{"roles":[${'"1",'.repeat(2000)}"1"]}`,
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 100 }) },
);
const bytes = fc.oneof(
  { weight: 8, arbitrary: json.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one)) },
);
const part = fc.record({
  name: fc.constantFrom(
    'payload_json',
    'files[0]',
    'files[0]',
    'files[99999999999]',
    'file',
    'content',
    '__proto__',
    '',
    'a"b',
    'files[-1]',
  ),
  filename: fc.constantFrom(undefined, 'a.txt', '', '../../x', 'a\r\nb', '\0', 'x'.repeat(3000), '..', '%2e%2e%2f'),
  extra: fc.constantFrom(
    '',
    'Content-Type: text/html\r\n',
    'Content-Transfer-Encoding: base64\r\n',
    ': \r\n',
    `X: ${'y'.repeat(9000)}\r\n`,
  ),
  data: bytes,
});
const multipart = fc
  .tuple(fc.array(part, { maxLength: 12 }), fc.constantFrom('--', '', '-', '\r\n'))
  .map(([parts, end]) => {
    const pieces: Buffer[] = [];
    for (const { name, filename, extra, data } of parts) {
      const file = filename === undefined ? '' : `; filename="${filename}"`;
      pieces.push(
        Buffer.from(`--XX\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${extra}\r\n`, 'latin1'),
        data,
        Buffer.from('\r\n'),
      );
    }
    return Buffer.concat([...pieces, Buffer.from(`--XX${end}\r\n`)]);
  });
const query = fc.oneof(
  fc.constant(''),
  fc
    .dictionary(
      fc.constantFrom(
        'limit',
        'before',
        'after',
        'around',
        'with_counts',
        'query',
        'wait',
        'thread_id',
        'with_response',
        'before_x',
        'user_id',
        'action_type',
        '__proto__',
        'with_localizations',
      ),
      fc.constantFrom(
        '',
        '-1',
        '0',
        '1',
        '101',
        'NaN',
        '1e3',
        '9'.repeat(30),
        'true',
        'maybe',
        '\0',
        '%',
        '%zz',
        '%ff',
        '[]',
        '1,2',
      ),
      { maxKeys: 4 },
    )
    .map(
      (pairs) =>
        `?${Object.entries(pairs)
          .map(([name, one]) => `${name}=${one.startsWith('%') ? one : encodeURIComponent(one)}`)
          .join('&')}`,
    ),
);
const attempt = fc.record({
  bytes,
  multipart,
  isMultipart: fc.boolean(),
  isBot: fc.boolean(),
  type: fc.constantFrom(
    'application/json',
    'application/json; charset=utf-8',
    'application/json',
    'text/plain',
    '',
    'multipart/form-data',
    'multipart/form-data; boundary=',
  ),
  query,
  /** Which of the path's parameters are odd as well. */
  odd: fc.constantFrom(
    undefined,
    undefined,
    undefined,
    '0',
    '-1',
    '9'.repeat(20),
    'x',
    '%00',
    '%2e%2e',
    '%zz',
    '@me',
    '__proto__',
    '1'.repeat(600),
    '%F0%9F%91%8D',
  ),
  reason: fc.constantFrom(undefined, 'because', '%zz', '%00%0a', 'x'.repeat(2000), '%ED%A0%80'),
});
type Attempt = typeof attempt extends fc.Arbitrary<infer T> ? T : never;

describe(`every route against garbage (seed ${SEED})`, { timeout: 240_000 }, () => {
  let server: Server;
  let guild: Provision;
  let witness: GatewayClient;
  let messageId: string;
  let roleId: string;
  let webhook: { id: string; token: string } | undefined;
  let memberId: string;
  let applicationId: string;
  let commandId: string;
  let emojiId: string;
  let inviteCode: string;
  let botToken: string;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
    memberId = server.bot(guild, 'target').id;
    const bot = server.bot(guild, 'actor');
    applicationId = bot.id;
    botToken = `Bot ${bot.token}`;
    const witnessGuild = server.provision('Elsewhere');
    witness = await GatewayClient.identify(server.origin, { token: witnessGuild.ownerToken });
    await world();
  });

  after(async () => {
    witness?.cut();
    await server?.dispose();
  });

  /** What the paths name; made anew when a request has done away with it, as some may. */
  async function world(): Promise<void> {
    const channel = await server.request('GET', `/channels/${guild.channelId}`, guild.ownerToken);
    if (channel.status !== 200) {
      guild = server.provision();
      server.cli('guild', 'join', '--guild', guild.guildId, '--user', memberId);
      server.cli('guild', 'join', '--guild', guild.guildId, '--user', applicationId);
    }
    // A ban that went through: it must not keep later requests from the forms of members.
    const member = await server.request('GET', `/guilds/${guild.guildId}/members/${memberId}`, guild.ownerToken);
    if (member.status !== 200) {
      await server.request('DELETE', `/guilds/${guild.guildId}/bans/${memberId}`, guild.ownerToken);
      server.cli('guild', 'join', '--guild', guild.guildId, '--user', memberId);
    }
    const post = async (path: string, token: string, body: object): Promise<any> =>
      (await server.request('POST', path, token, body)).body;
    const command = { name: 'target', description: 'd', type: 1 };
    commandId = (await post(`/applications/${applicationId}/commands`, botToken, command)).id ?? commandId;
    emojiId ??= (await post(`/guilds/${guild.guildId}/emojis`, guild.ownerToken, { name: 'target', image: PIXEL })).id;
    inviteCode = (await post(`/channels/${guild.channelId}/invites`, guild.ownerToken, {})).code ?? inviteCode;
    const message = await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, {
      content: 'target',
    });
    assert.equal(message.status, 200);
    messageId = message.body.id;
    roleId =
      (await server.request('POST', `/guilds/${guild.guildId}/roles`, guild.ownerToken, { name: 'target' })).body?.id ??
      guild.guildId;
    const known =
      webhook === undefined ? 404 : (await server.request('GET', `/webhooks/${webhook.id}`, guild.ownerToken)).status;
    if (known === 200) return;
    const hook = await server.request('POST', `/channels/${guild.channelId}/webhooks`, guild.ownerToken, {
      name: 'hook',
    });
    if (hook.status === 200) webhook = hook.body;
  }

  function parameter(name: string): string {
    switch (name) {
      case 'channel_id':
        return guild.channelId;
      case 'guild_id':
        return guild.guildId;
      case 'message_id':
      case 'message':
        return messageId;
      case 'role_id':
      case 'overwrite_id':
        return roleId;
      case 'user_id':
        return memberId;
      case 'webhook_id':
        return webhook?.id ?? '1';
      case 'token':
        return webhook?.token ?? 'x';
      case 'application_id':
        return applicationId;
      case 'command_id':
        return commandId;
      case 'emoji_id':
        return emojiId;
      case 'code':
        return inviteCode;
      case 'emoji':
        return '%F0%9F%91%8D';
      default:
        return '1234567890123456789';
    }
  }

  const real = (data: Buffer): Buffer => {
    const text = data.toString('latin1');
    if (!/"(GUILD|CHANNEL|MESSAGE|USER|ROLE)"/.test(text)) return data;
    return Buffer.from(
      text
        .replaceAll('"GUILD"', `"${guild.guildId}"`)
        .replaceAll('"CHANNEL"', `"${guild.channelId}"`)
        .replaceAll('"MESSAGE"', `"${messageId}"`)
        .replaceAll('"USER"', `"${memberId}"`)
        .replaceAll('"ROLE"', `"${roleId}"`),
      'latin1',
    );
  };

  /** DELETE and log-out succeed on anything: they only get names of what there is not. */
  const isDestructive = (route: Route): boolean => route.method === 'DELETE' || route.path.endsWith('/logout');

  async function send(route: Route, one: Attempt): Promise<void> {
    let isFirst = true;
    const path = route.path
      .replaceAll(/\((?:[^()]|\([^()]*\))*\)/g, '')
      .replaceAll(/:([a-z_]+)/g, (_, name: string) => {
        const use = one.odd !== undefined && (isFirst || one.bytes.length % 2 === 0);
        isFirst = false;
        if (use) return one.odd as string;
        return isDestructive(route) ? '1234567890123456789' : parameter(name);
      })
      .replaceAll('*', 'x');
    const hasBody = route.method !== 'GET';
    const isMultipart = route.body === 'multipart' && one.isMultipart;
    const headers: Record<string, string> = {};
    // Of applications' routes some are for bots, some for their owners.
    if (route.auth === 'required' && !route.path.endsWith('/logout')) {
      headers['authorization'] =
        one.isBot && /^\/(applications|oauth2|users)/.test(route.path) ? botToken : guild.ownerToken;
    }
    if (hasBody) headers['content-type'] = isMultipart ? 'multipart/form-data; boundary=XX' : one.type;
    if (one.reason !== undefined) headers['x-audit-log-reason'] = one.reason;
    const url = `${route.root === true ? server.origin : server.api}${path}${one.query}`;
    const data = isMultipart ? one.multipart : real(one.bytes);
    const what = `${route.method} ${path}${one.query} ${JSON.stringify(headers)} ${data.subarray(0, 300).toString('latin1')}`;
    const reply = await fetch(url, {
      method: route.method,
      headers,
      signal: AbortSignal.timeout(SILENCE_MS),
      ...(hasBody ? { body: new Uint8Array(data) } : {}),
    });
    const text = await reply.text();
    assert.ok(reply.status < 500, `${reply.status} ${text} for ${what}`);
    // Heads that are too large are answered before they are read.
    if (reply.status === 431) return;
    assert.equal(reply.headers.get('x-content-type-options'), 'nosniff', what);
    if (reply.status === 204) return;
    if (reply.status < 300) {
      if (route.root !== true) assert.doesNotThrow(() => JSON.parse(text), what);
      return;
    }
    assert.match(reply.headers.get('content-type') ?? '', /^application\/json/, what);
    const error = JSON.parse(text);
    assert.equal(typeof error.message, 'string', what);
    assert.equal(typeof error.code, 'number', what);
    if (error.errors !== undefined) assertTree(error.errors, what);
    assert.equal(error.polluted, undefined);
  }

  /** Discord's tree: keys down to `_errors`, a list of {code, message}. */
  function assertTree(tree: any, what: string): void {
    assert.ok(typeof tree === 'object' && tree !== null && !Array.isArray(tree), what);
    for (const [key, below] of Object.entries<any>(tree)) {
      if (key !== '_errors') assertTree(below, what);
      else for (const leaf of below) assert.ok(typeof leaf.code === 'string' && typeof leaf.message === 'string', what);
    }
  }

  it('answers each in its form', async () => {
    assert.ok(ROUTES.length > 60 && FIELDS.length > 40, `${ROUTES.length} routes, ${FIELDS.length} fields`);
    for (const route of ROUTES) {
      await fc.assert(
        fc.asyncProperty(fc.array(attempt, { minLength: 6, maxLength: 6 }), (attempts) =>
          Promise.all(attempts.map((one) => send(route, one))).then(() => undefined),
        ),
        { seed: SEED, numRuns: RUNS / 6, endOnFailure: true },
      );
      if (!isDestructive(route) && route.method !== 'GET') await world();
    }
    assert.doesNotMatch(server.stderr, /"level":"error"/);
  });

  it('is what it was: nothing polluted, others served', async () => {
    const answers = [
      await server.request('GET', '/users/@me', guild.ownerToken),
      await server.request('GET', `/guilds/${guild.guildId}`, guild.ownerToken),
      await server.request('GET', '/gateway', null),
    ];
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      assert.doesNotMatch(JSON.stringify(body), /polluted/);
    }
    witness.send(1, null);
    await witness.next((payload) => payload.op === 11);
    const fresh = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    assert.equal((await fresh.dispatch('READY')).d.polluted, undefined);
    fresh.cut();
  });
});
