import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aUser } from '../../protocol/samples.ts';
import type { TokenRecord } from '../../state/store/records.ts';
import { Authenticator, TOKENS_CACHED_MAX } from './authenticator.ts';
import { accountFixture } from './fixtures.ts';
import { AUTH, createToken, isTokenShaped, makeToken, revokeTokens, tokenHash, USER_TOKENS_MAX } from './tokens.ts';

test('a token has the form clients know, 256 random bits, and only its hash is stored', async () => {
  const { deps, store } = accountFixture();
  const user = aUser();
  const { token } = await createToken(deps, user);
  const [id = '', , secret = ''] = token.split('.');
  assert.equal(Buffer.from(id, 'base64url').toString(), user.id);
  assert.equal(Buffer.from(secret, 'base64url').length, 32);
  assert.equal(isTokenShaped(token), true);
  const row = await store.get<TokenRecord>('token', [tokenHash(token)]);
  assert.equal(row?.user_id, user.id);
  for (const doc of [...(await store.list('token', [])), ...(await store.list('user_token', [user.id]))]) {
    assert.equal(JSON.stringify(doc).includes(secret), false);
  }
});

test('authenticate takes the token with and without its scheme, and nothing else', async () => {
  const { deps, store, clock } = accountFixture();
  const bot = aUser({ bot: true });
  const { token } = await createToken(deps, bot);
  const auth = new Authenticator(store, clock);
  for (const text of [token, `Bot ${token}`, `Bearer ${token}`, `bot  ${token} `]) {
    const account = await auth.authenticate(text);
    assert.deepEqual([account?.user_id, account?.bot, account?.application_id], [bot.id, true, bot.id], text);
  }
  const forged = makeToken(bot.id, clock.nowMs());
  for (const text of ['', 'Bot ', forged, `${token}x`, token.slice(0, -1), 'x'.repeat(100_000), '..']) {
    assert.equal(await auth.authenticate(text), null);
  }
  const person = await createToken(deps, aUser());
  assert.equal((await auth.authenticate(person.token))?.application_id, null);
});

test('revocation is refused on every thread when it resolves, and the relays are told', async () => {
  const { deps, store, clock, start, casts } = accountFixture();
  const user = aUser();
  const { token } = await createToken(deps, user);
  const other = await createToken(deps, aUser({ id: '1200000000000000002' }));
  const auths = [1, 2].map((thread) => {
    const auth = new Authenticator(store, clock);
    start(thread, AUTH, auth.actor());
    return auth;
  });
  for (const auth of auths) assert.notEqual(await auth.authenticate(token), null);
  assert.equal(await revokeTokens(deps, user.id), 1);
  for (const auth of auths) {
    assert.equal(await auth.authenticate(token), null);
    assert.notEqual(await auth.authenticate(other.token), null);
  }
  assert.deepEqual(
    casts.map(({ to, message }) => [to.thread, to.name, message['user_id'], message['hashes']]),
    [1, 2].map((thread) => [thread, 'relay', user.id, [tokenHash(token)]]),
  );
  assert.equal(await revokeTokens(deps, user.id), 0);
});

test('a look-up that was under way when its token was revoked does not bring it back', async () => {
  const { deps, store, clock } = accountFixture();
  const user = aUser();
  const { token } = await createToken(deps, user);
  let release: (() => void) | undefined;
  const slow = {
    get: (async (table: 'token', key: string[]) => {
      const row = await store.get(table, key);
      if (release === undefined) await new Promise<void>((resolve) => (release = resolve));
      return row;
    }) as typeof store.get,
  };
  const auth = new Authenticator(slow, clock);
  const asking = auth.authenticate(token);
  await new Promise(setImmediate);
  await revokeTokens(deps, user.id);
  auth.revoked({ k: 'revoked', user_id: user.id, hashes: [tokenHash(token)] });
  release?.();
  assert.equal(await asking, null);
  assert.equal(await auth.authenticate(token), null);
});

test('a thread that was not reached forgets by itself, and after a gap at once', async () => {
  const { deps, store, clock } = accountFixture();
  const user = aUser();
  const { token } = await createToken(deps, user);
  const auth = new Authenticator(store, clock);
  assert.notEqual(await auth.authenticate(token), null);
  await store.commit([{ op: 'delete', table: 'token', key: [tokenHash(token)] }]);
  assert.notEqual(await auth.authenticate(token), null);
  clock.advance(60_000);
  assert.equal(await auth.authenticate(token), null);

  const second = await createToken(deps, user);
  assert.notEqual(await auth.authenticate(second.token), null);
  await store.commit([{ op: 'delete', table: 'token', key: [tokenHash(second.token)] }]);
  await auth.actor().handleInfo?.({ k: '$gap' });
  assert.equal(await auth.authenticate(second.token), null);
});

test('an account holds a bounded number of tokens, the oldest end', async () => {
  const { deps, store, clock } = accountFixture();
  const user = aUser();
  const first = await createToken(deps, user);
  for (let i = 0; i < USER_TOKENS_MAX; i += 1) {
    clock.advance(1);
    await createToken(deps, user);
  }
  assert.equal((await store.list('user_token', [user.id])).length, USER_TOKENS_MAX);
  assert.equal(await store.get('token', [tokenHash(first.token)]), null);
  assert.ok(TOKENS_CACHED_MAX > USER_TOKENS_MAX);
});
