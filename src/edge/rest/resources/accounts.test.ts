import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Runtime } from '../../../actor/types.ts';
import { missingObjectFields } from '../../../protocol/required-fields.ts';
import { aGuild, aMember, aRole } from '../../../protocol/samples.ts';
import { Authenticator } from '../../../service/account/authenticator.ts';
import { accountFixture } from '../../../service/account/fixtures.ts';
import { LOGINS, loginsActor, WRONG_PASSWORDS_MAX } from '../../../service/account/logins.ts';
import { AUTH } from '../../../service/account/tokens.ts';
import type { RestContext } from '../context.ts';
import { createRestHandler } from '../handler.ts';
import { createRateLimitTable } from '../rate-limits.ts';
import { applicationRoutes } from './applications.ts';
import { authRoutes } from './auth.ts';
import { commandRoutes } from './commands.ts';
import { gatewayRoutes } from './gateway.ts';
import { imageRoutes } from './images.ts';
import { userRoutes } from './users.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-accounts-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

const routes = [...authRoutes, ...gatewayRoutes, ...userRoutes, ...applicationRoutes, ...commandRoutes, ...imageRoutes];
const encoder = new TextEncoder();

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any answer
  readonly body: any;
}

function fixture(over: Partial<RestContext> = {}) {
  const base = accountFixture();
  const { store, ids, clock, runtime, start } = base;
  start(0, LOGINS, loginsActor(clock));
  const auth = new Authenticator(store, clock);
  for (const thread of [1, 2]) start(thread, AUTH, auth.actor());
  const logged: unknown[] = [];
  const context: RestContext = {
    runtime: runtime as Runtime,
    store,
    ids,
    dataDir,
    attachmentBytesMax: 1024,
    commit: (ops) => store.commit(ops),
    ownerOf: async () => null,
    request: async () => ({ status: 204 }),
    ...over,
  };
  const handle = createRestHandler(context, {
    rateLimits: createRateLimitTable(1024),
    rateLimitsEnforced: false,
    publicUrl: null,
    authenticate: (token) => auth.authenticate(token),
    clock,
    log: (event) => logged.push(event),
    requestBytesMax: 1 << 20,
    fileBytesMax: 1 << 20,
    routes,
  } as Parameters<typeof createRestHandler>[1]);
  const ask = async (method: string, path: string, token: string | null, body?: unknown, from = '192.0.2.1') => {
    const bytes = body === undefined ? new Uint8Array() : encoder.encode(JSON.stringify(body));
    const headers = new Map([['host', 'chat.example:8080']]);
    if (token !== null) headers.set('authorization', token);
    if (body !== undefined) {
      headers.set('content-type', 'application/json');
      headers.set('content-length', String(bytes.length));
    }
    const [bare = '', query = ''] = path.split('?');
    const prefix = bare.startsWith('/avatars') ? '' : '/api/v10';
    const reply = await handle({ method, path: prefix + bare, query, headers, address: from, body: async () => bytes });
    const text = typeof reply.body === 'string' ? reply.body : new TextDecoder().decode(reply.body ?? new Uint8Array());
    return {
      status: reply.status,
      headers: reply.headers ?? {},
      body: text === '' ? undefined : JSON.parse(text),
    } as Reply;
  };
  const person = async (username: string) => {
    const made = await ask('POST', '/auth/register', null, { username, password: 'correct horse' });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    return made.body as { token: string; user_id: string };
  };
  return { ...base, ask, person, logged };
}

test('a person signs up, logs in with any case of the name, and logs out', async () => {
  const { ask, person } = fixture();
  const ada = await person('Ada');
  const login = await ask('POST', '/auth/login', null, { username: 'aDA', password: 'correct horse' });
  assert.equal(login.status, 200);
  assert.equal(login.body.user_id, ada.user_id);
  assert.notEqual(login.body.token, ada.token);
  assert.equal((await ask('GET', '/users/@me', login.body.token)).body.username, 'Ada');
  assert.equal((await ask('POST', '/auth/logout', login.body.token)).status, 204);
  assert.equal((await ask('GET', '/users/@me', login.body.token)).status, 401);
  assert.equal((await ask('GET', '/users/@me', ada.token)).status, 200);
});

test('a wrong name and a wrong password get the same answer', async () => {
  const { ask, person } = fixture();
  await person('ada');
  const wrongPassword = await ask('POST', '/auth/login', null, { login: 'ada', password: 'wrong horse' });
  const wrongName = await ask('POST', '/auth/login', null, { login: 'nobody', password: 'wrong horse' });
  assert.equal(wrongPassword.status, 400);
  assert.deepEqual(wrongName, wrongPassword);
});

test('too many wrong passwords: 429 with Retry-After for this address and name, others unaffected', async () => {
  const { ask, person, clock } = fixture();
  await person('ada');
  await person('grace');
  const guess = (username: string, password: string, from?: string) =>
    ask('POST', '/auth/login', null, { username, password }, from);
  for (let i = 0; i < WRONG_PASSWORDS_MAX; i += 1) assert.equal((await guess('ada', `guess ${i}`)).status, 400);
  const refused = await guess('ADA', 'correct horse');
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['Retry-After']) > 0);
  assert.equal((await guess('ada', 'correct horse', '192.0.2.2')).status, 200);
  assert.equal((await guess('grace', 'correct horse')).status, 200);
  clock.advance(Number(refused.headers['Retry-After']) * 1000);
  assert.equal((await guess('ada', 'correct horse')).status, 200);
});

test('closed registration makes no accounts', async () => {
  const { ask } = fixture({ registration: 'closed' });
  const reply = await ask('POST', '/auth/register', null, { username: 'ada', password: 'correct horse' });
  assert.equal(reply.status, 403);
});

test('the gateway is where the client asked', async () => {
  const { ask, person } = fixture({ maxConcurrency: 32 });
  assert.deepEqual((await ask('GET', '/gateway', null)).body, { url: 'ws://chat.example:8080' });
  const { token } = await person('ada');
  const bot = await ask('GET', '/gateway/bot', token);
  assert.deepEqual(missingObjectFields('GatewayBot', bot.body), []);
  assert.equal(bot.body.session_start_limit.max_concurrency, 32);
  assert.equal((await ask('GET', '/gateway/bot', null)).status, 401);
});

test('a person makes a bot, whose application holds what clients require', async () => {
  const { ask, person } = fixture();
  const { token, user_id } = await person('ada');
  const made = await ask('POST', '/applications', token, { name: 'clerk', privileged: ['members'] });
  assert.equal(made.status, 201);
  for (const path of ['/applications/@me', '/oauth2/applications/@me']) {
    const own = await ask('GET', path, `Bot ${made.body.token}`);
    assert.deepEqual(missingObjectFields('Application', own.body), []);
    assert.equal(own.body.owner.id, user_id);
    assert.equal('token' in own.body, false);
  }
  const changed = await ask('PATCH', '/applications/@me', made.body.token, { description: 'files things' });
  assert.equal(changed.body.description, 'files things');
  assert.equal((await ask('GET', '/applications', token)).body.length, 1);
  assert.equal((await ask('GET', '/applications/@me', token)).body.code, 20002);
  assert.equal((await ask('POST', '/applications', made.body.token, { name: 'other' })).body.code, 20001);
});

test('a changed user is told to its sessions and guilds, without its password', async () => {
  const { ask, person, store, casts } = fixture();
  const { token, user_id } = await person('ada');
  const guild = aGuild();
  await store.commit([{ op: 'put', table: 'user_guild', key: [user_id, guild.id], doc: { guild_id: guild.id } }]);
  const png = '89504e470d0a1a0a0000000d4948445200000001000000010806000000';
  const avatar = `data:image/png;base64,${Buffer.from(png, 'hex').toString('base64')}`;
  const changed = await ask('PATCH', '/users/@me', token, { global_name: 'Countess', avatar });
  assert.equal(changed.status, 200);
  assert.deepEqual(missingObjectFields('CurrentUser', changed.body), []);
  const names = casts.map(({ to }) => to.name);
  assert.deepEqual(names.sort(), [`guild:${guild.id}`, `user:${user_id}`]);
  const told = casts.find(({ to }) => to.name === `guild:${guild.id}`)?.message;
  assert.ok(told !== undefined);
  assert.equal((told['user'] as { global_name: string }).global_name, 'Countess');
  assert.equal(JSON.stringify(told).includes('argon2'), false);
  const picture = await ask('GET', `/avatars/${user_id}/${changed.body.avatar}.png?size=64`, null);
  assert.equal(picture.status, 200);
  assert.equal(picture.headers['Content-Type'], 'image/png');
  for (const path of ['/avatars/1/..%2f..%2fx.png', `/avatars/${user_id}/nothing.png`]) {
    assert.ok((await ask('GET', path, null)).status >= 400);
  }
  assert.equal((await ask('PATCH', '/users/@me', token, { avatar: null })).body.avatar, null);
});

test('a page of guilds is ascending, and holds the permissions one has', async () => {
  const { ask, person, store } = fixture();
  const { token, user_id } = await person('ada');
  const ids = ['1100000000000000001', '1100000000000000002', '1100000000000000003'];
  for (const id of ids) {
    await store.commit([
      { op: 'put', table: 'guild', key: [id], doc: { ...aGuild({ id, owner_id: '1' }) } },
      { op: 'put', table: 'role', key: [id, id], doc: { ...aRole({ id, guild_id: id, permissions: '1024' }) } },
      { op: 'put', table: 'member', key: [id, user_id], doc: { ...aMember({ guild_id: id, user_id }) } },
      { op: 'put', table: 'user_guild', key: [user_id, id], doc: { guild_id: id } },
    ]);
  }
  const page = async (query: string) => {
    const reply = await ask('GET', `/users/@me/guilds?${query}`, token);
    return (reply.body as { id: string }[]).map(({ id }) => id);
  };
  assert.deepEqual(await page(''), ids);
  assert.deepEqual(await page(`after=${ids[0]}`), ids.slice(1));
  assert.deepEqual(await page(`before=${ids[2]}&limit=1`), [ids[1]]);
  assert.deepEqual(await page(`after=${ids[2]}`), []);
  const [first] = (await ask('GET', '/users/@me/guilds?with_counts=1', token)).body;
  assert.deepEqual([first.permissions, first.owner, first.approximate_member_count], ['1024', false, 1]);
  assert.equal((await ask('GET', '/users/@me/guilds?limit=0', token)).body.code, 50035);
  assert.equal((await ask('GET', `/users/@me/guilds/${ids[0]}/member`, token)).body.user.id, user_id);
});

test('commands are an application’s own, and those of a guild only while its bot is in it', async () => {
  const { ask, person, store } = fixture();
  const { token } = await person('ada');
  const app = (await ask('POST', '/applications', token, { name: 'clerk' })).body;
  const other = (await ask('POST', '/applications', token, { name: 'other' })).body;
  const base = `/applications/${app.id}/commands`;
  const made = await ask('POST', base, app.token, { name: 'ping', description: 'pongs' });
  assert.equal(made.status, 201);
  const again = await ask('POST', base, app.token, { name: 'ping', description: 'pongs louder' });
  assert.deepEqual([again.status, again.body.id], [200, made.body.id]);
  const one = `${base}/${made.body.id}`;
  assert.equal((await ask('PATCH', one, app.token, { description: 'x' })).body.description, 'x');
  assert.equal((await ask('GET', base, app.token)).body.length, 1);
  for (const stranger of [token, other.token]) assert.equal((await ask('GET', base, stranger)).body.code, 50001);
  const inGuild = `/applications/${app.id}/guilds/1100000000000000000/commands`;
  assert.equal((await ask('PUT', inGuild, app.token, [])).body.code, 50001);
  const member = aMember({ user_id: app.id });
  await store.commit([{ op: 'put', table: 'member', key: [member.guild_id, app.id], doc: { ...member } }]);
  const put = await ask('PUT', inGuild, app.token, [{ name: 'local', description: 'x' }]);
  assert.equal(put.body[0].guild_id, member.guild_id);
  assert.equal((await ask('DELETE', one, app.token)).status, 204);
  assert.equal((await ask('GET', one, app.token)).body.code, 10063);
});

test('wrong types in any body get the protocol’s own error, and nothing fails inside', async () => {
  const { ask, person, logged } = fixture();
  const { token } = await person('ada');
  const app = (await ask('POST', '/applications', token, { name: 'clerk' })).body;
  const key = fc.constantFrom('username', 'password', 'login', 'global_name', 'avatar', 'name', 'options', '__proto__');
  const body = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(key, fc.jsonValue({ maxDepth: 2 })));
  const target = fc.constantFrom(
    ['POST', '/auth/login', null],
    ['PATCH', '/users/@me', token],
    ['POST', '/applications', token],
    ['PATCH', '/applications/@me', app.token],
    ['POST', `/applications/${app.id}/commands`, app.token],
    ['PUT', `/applications/${app.id}/commands`, app.token],
  );
  await fc.assert(
    fc.asyncProperty(target, body, async ([method, path, by], value) => {
      // Hashing is not what is tested here, and slow.
      if (path === '/auth/login' && typeof value === 'object' && value !== null && 'password' in value) return;
      const reply = await ask(method as string, path as string, by as string | null, value);
      assert.ok(reply.status < 500, `${method} ${path} ${JSON.stringify(value)}: ${reply.status}`);
      if (reply.status >= 400) assert.equal(typeof reply.body.code, 'number');
    }),
    { seed, numRuns: 300 },
  );
  assert.deepEqual(logged, []);
});
