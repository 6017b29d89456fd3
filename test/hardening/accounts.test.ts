// Accounts: names that only look different, guessed passwords, revoked tokens, and secrets that must be on no disk and in no log.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GatewayClient } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';

/** The bound. */
const WRONG_PASSWORDS_MAX = 100;
const REVOKED_WITHIN_MS = 1_000;

describe('accounts', { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  const secrets = new Set<string>();

  before(async () => {
    server = await Server.start({ GUILDHALL_LOG_LEVEL: 'debug' });
    guild = server.provision();
    secrets.add(guild.ownerToken);
  });

  after(() => server?.dispose());

  async function register(
    username: string,
    password = `pw-${Math.random().toString(36)}-${username.length}`,
  ): Promise<{ status: number; body: any; password: string }> {
    secrets.add(password);
    const { status, body } = await server.request('POST', '/auth/register', null, { username, password });
    if (status === 200) secrets.add(body.token);
    return { status, body, password };
  }

  const login = (username: string, password: string) =>
    server.request('POST', '/auth/login', null, { username, password });

  it('a name is taken whatever its case, width or composition', async () => {
    assert.equal((await register('Zoë Straße')).status, 200);
    for (const name of ['zoë straße', 'ZOË STRAßE', 'Zoe\u0308 Straße', '  zoë   straße ', 'ＺＯË Straße']) {
      const { status, body } = await register(name);
      assert.equal(status, 400, name);
      assert.equal(body.errors.username._errors[0].code, 'USERNAME_ALREADY_TAKEN', name);
    }
    const racers = await Promise.all(['racer', 'RACER', 'Racer', 'rAcer', 'ｒacer'].map((name) => register(name)));
    assert.deepEqual(racers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400]);
  });

  it('names that would deceive are not to be had', async () => {
    for (const name of [
      'everyone',
      'HERE',
      'a',
      '',
      ' ',
      'x'.repeat(33),
      'a@b',
      'a#b',
      'a:b',
      'a```b',
      'a\u200bb',
      'a\u202eb',
      'a\0b',
      'a\u0001b',
      'ad\u2060min',
      'a\u00adb',
      '＠everyone',
    ]) {
      const { status } = await register(name);
      assert.equal(status, 400, JSON.stringify(name));
    }
  });

  it('a wrong name and a wrong password get the same answer', async () => {
    const { password } = await register('known');
    const wrong = [
      await login('known', 'not the password'),
      await login('unknown', 'not the password'),
      await login('unknown', password),
    ];
    for (const { status, body } of wrong) {
      assert.equal(status, 400);
      assert.deepEqual(body, wrong[0]?.body);
    }
    const right = await login('KNOWN', password);
    assert.equal(right.status, 200);
    secrets.add(right.body.token);
    // Passwords are compared whole: neither cut at a NUL nor folded.
    const odd = await register('oddpassword', 'Pass\0word with \u00fc');
    assert.equal(odd.status, 200);
    for (const other of ['Pass', 'Pass\0word with u\u0308x', 'pass\0word with \u00fc', 'Pass\0word with \u00fc '])
      assert.equal((await login('oddpassword', other)).status, 400);
  });

  it('guessing is stopped by 429 with Retry-After for that address and account; others go on', async () => {
    const { password } = await register('target');
    const other = await register('bystander');
    let guesses = 0;
    for (; guesses <= WRONG_PASSWORDS_MAX; guesses += 1) {
      const { status, headers, body } = await login(guesses % 2 === 0 ? 'target' : ' TARGET ', `guess ${guesses}`);
      if (status === 429) {
        assert.ok(Number(headers.get('retry-after')) >= 1);
        assert.ok(body.retry_after > 0);
        break;
      }
      assert.equal(status, 400);
    }
    assert.ok(guesses <= WRONG_PASSWORDS_MAX, `${guesses} guesses`);
    assert.equal((await login('target', password)).status, 429, 'the right one is not told apart');
    const { status, body } = await login('bystander', other.password);
    assert.equal(status, 200);
    secrets.add(body.token);
    // Who is logged in stays so.
    const target = await server.request('GET', '/users/@me', (await register('third')).body.token);
    assert.equal(target.status, 200);
    // Many at once get no further than one after the other.
    await register('parallel');
    const many = await Promise.all(Array.from({ length: 60 }, (_, i) => login('parallel', `guess ${i}`)));
    assert.ok(many.filter((reply) => reply.status === 400).length <= WRONG_PASSWORDS_MAX);
    assert.ok(many.some((reply) => reply.status === 429));
  });

  it('a header does not make another address of a client', async () => {
    await register('forwarded');
    let refused = 0;
    for (let i = 0; i <= WRONG_PASSWORDS_MAX && refused === 0; i += 1) {
      const reply = await fetch(`${server.api}/auth/login`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-forwarded-for': `10.0.0.${i}`,
          'x-real-ip': `10.0.1.${i}`,
          forwarded: `for=10.0.2.${i}`,
        },
        body: JSON.stringify({ username: 'forwarded', password: `guess ${i}` }),
      });
      await reply.arrayBuffer();
      if (reply.status === 429) refused = i;
    }
    assert.ok(refused > 0);
  });

  it('a revoked token ends its sessions within a second by 4004, and is 401', async () => {
    const bot = server.bot(guild, 'revoked');
    secrets.add(bot.token);
    const clients = await Promise.all(Array.from({ length: 6 }, () => GatewayClient.connect(server.origin)));
    for (const [i, client] of clients.entries()) {
      client.send(2, {
        token: i % 2 === 0 ? bot.token : `Bot ${bot.token}`,
        intents: 1,
        properties: {},
        shard: [i, 6],
      });
      await client.dispatch('READY');
    }
    const authorization = `Bot ${bot.token}`;
    assert.equal((await server.request('GET', '/users/@me', authorization)).status, 200);
    const { revoked } = server.cli<{ revoked: unknown }>('token', 'revoke', '--user', bot.id);
    const since = performance.now();
    assert.ok(revoked);
    assert.equal((await server.request('GET', '/users/@me', authorization)).status, 401);
    for (const client of clients) assert.equal(await client.closed(), 4004);
    // The command has answered before: what is left is on the way already.
    assert.ok(performance.now() - since < REVOKED_WITHIN_MS * 5, 'a loaded machine, not a poll');
    const late = await GatewayClient.connect(server.origin);
    late.send(2, { token: bot.token, intents: 1, properties: {} });
    assert.equal(await late.closed(), 4004);
    const back = await GatewayClient.resume(server.origin, { token: bot.token, session_id: 'x', seq: 1 });
    assert.equal(await back.closed(), 4004);
    const { token } = server.cli('token', 'create', '--user', bot.id);
    secrets.add(token as string);
    assert.equal((await server.request('GET', '/users/@me', `Bot ${token}`)).status, 200);
  });

  it('logging out ends one token, not the others', async () => {
    const { body, password } = await register('twodevices');
    const second = (await login('twodevices', password)).body.token;
    secrets.add(second);
    // Identify keys of their own: people have them as well.
    const client = await GatewayClient.identify(server.origin, { token: second, shard: [0, 2] });
    const other = await GatewayClient.identify(server.origin, { token: body.token, shard: [1, 2] });
    assert.equal((await server.request('POST', '/auth/logout', second, {})).status, 204);
    assert.equal(await client.closed(), 4004);
    assert.equal((await server.request('GET', '/users/@me', second)).status, 401);
    assert.equal((await server.request('GET', '/users/@me', body.token)).status, 200);
    assert.equal(other.closeCode, undefined);
    other.cut();
  });

  it('tokens are 256 bits of chance, and their scheme is optional', async () => {
    const tokens = [...secrets].filter((secret) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(secret));
    const tails = tokens.map((token) => token.split('.')[2] as string);
    assert.ok(tails.length > 5);
    for (const tail of tails) assert.equal(Buffer.from(tail, 'base64url').length, 32);
    assert.equal(new Set(tails).size, tails.length);
    for (const prefix of ['', 'Bot ', 'bot ', 'BOT  ', 'Bearer ']) {
      assert.equal((await server.request('GET', '/users/@me', prefix + guild.ownerToken)).status, 200);
    }
    for (const text of [
      'Bot',
      'Bot Bot x',
      `Bot ${guild.ownerToken} x`,
      `${guild.ownerToken.slice(0, -2)}AA`,
      `x${guild.ownerToken}`,
    ]) {
      assert.equal((await server.request('GET', '/users/@me', text)).status, 401, text);
    }
  });

  it('no secret is in any file of the data directory, nor in the log, nor on standard output', async () => {
    const hook = await server.request('POST', `/channels/${guild.channelId}/webhooks`, guild.ownerToken, {
      name: 'hook',
    });
    assert.equal(hook.status, 200);
    secrets.add(hook.body.token);
    await server.request('POST', `/webhooks/${hook.body.id}/${hook.body.token}`, null, { content: 'x' });
    await server.request('POST', `/webhooks/${hook.body.id}/${hook.body.token}?wait=x`, null, { content: 7 });
    // A session that is saved at the stop, with events.
    const client = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    await client.dispatch('GUILD_CREATE');
    const log = server.stderr + server.stdout;
    await server.stop();
    const heard = server.stderr + log;
    assert.ok(secrets.size > 15);
    const files = readdirSync(server.dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(server.dataDir, name)).isFile(),
    );
    assert.ok(files.length > 1);
    const contents = files.map((name) => ({ name, bytes: readFileSync(join(server.dataDir, name)) }));
    for (const secret of secrets) {
      // The last part is the secret; what stands before it is the account's id.
      const core = secret.includes('.') && secret.length > 60 ? (secret.split('.')[2] as string) : secret;
      for (const needle of [core, Buffer.from(core, 'utf8').toString('base64'), Buffer.from(core, 'base64url')]) {
        if (needle.length < 6) continue;
        for (const { name, bytes } of contents) assert.equal(bytes.indexOf(needle), -1, `a secret in ${name}`);
      }
      assert.ok(!heard.includes(core), 'a secret in the log');
    }
    for (const name of [...files, '.']) {
      assert.equal(statSync(join(server.dataDir, name)).mode & 0o007, 0, `${name} is open to everybody`);
    }
  });
});
