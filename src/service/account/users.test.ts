import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, type ErrorTree } from '../../protocol/errors.ts';
import type { UserRecord } from '../../state/store/records.ts';
import { applicationOf, createApplication, updateApplication } from './applications.ts';
import { Authenticator } from './authenticator.ts';
import { accountFixture } from './fixtures.ts';
import { verifyPassword } from './passwords.ts';
import { createUser, createUsers, updateUser } from './users.ts';

async function refusal(work: Promise<unknown>): Promise<ErrorTree> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.code, 50035);
    return JSON.parse(JSON.stringify(error.errors)) as ErrorTree;
  }
  assert.fail('was accepted');
}

test('names are unique whatever their case, width or spaces', async () => {
  const { deps } = accountFixture();
  await createUser(deps, { username: 'Ada Lovelace', password: null });
  for (const username of ['ada lovelace', 'ADA LOVELACE', '  Ada   Lovelace ', 'Ａｄａ Lovelace']) {
    const errors = await refusal(createUser(deps, { username, password: null }));
    assert.equal((errors['username'] as ErrorTree)._errors?.[0]?.code, 'USERNAME_ALREADY_TAKEN', username);
  }
  await createUser(deps, { username: 'Ada Lovelace2', password: null });
});

test('of two that ask for a name at once, one gets it', async () => {
  const { deps } = accountFixture();
  const outcomes = await Promise.allSettled(
    ['Grace', 'grace', 'GRACE', 'gRACE'].map((username) => createUser(deps, { username, password: null })),
  );
  assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1);
});

test('names that would be read as something else are refused', async () => {
  const { deps } = accountFixture();
  const zeroWidth = `a${String.fromCodePoint(0x200b)}da`;
  const override = `a${String.fromCodePoint(0x202e)}da`;
  for (const username of ['a', 'x'.repeat(33), 'everyone', 'Here', 'a@b', 'a#b', 'a:b', zeroWidth, override, '   ']) {
    await refusal(createUser(deps, { username, password: null }));
  }
  const user = await createUser(deps, { username: 'Zoë', password: null, global_name: '  ' });
  assert.deepEqual([user.username, user.global_name, user.discriminator], ['Zoë', null, '0']);
});

test('a password is kept as argon2id only', async () => {
  const { deps, store } = accountFixture();
  const user = await createUser(deps, { username: 'linus', password: 'correct horse' });
  const row = await store.get<UserRecord>('user', [user.id]);
  assert.match(row?.password_hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(JSON.stringify(row).includes('correct horse'), false);
  assert.equal(await verifyPassword(row?.password_hash ?? null, 'correct horse'), true);
  assert.equal(await verifyPassword(row?.password_hash ?? null, 'wrong horse'), false);
  assert.equal(await verifyPassword(null, 'no such account'), false);
  for (const password of ['short', 'x'.repeat(513)]) {
    await refusal(createUser(deps, { username: 'other', password }));
  }
});

test('many accounts at once have distinct names and working tokens', async () => {
  const { deps, store, clock } = accountFixture();
  const accounts = await createUsers(deps, { count: 2_500, tokens: true });
  assert.equal(new Set(accounts.map(({ user }) => user.username)).size, 2_500);
  assert.equal(new Set(accounts.map(({ user }) => user.id)).size, 2_500);
  const auth = new Authenticator(store, clock);
  for (const { user, token } of accounts.slice(-3)) {
    assert.equal((await auth.authenticate(token ?? ''))?.user_id, user.id);
  }
  const [plain] = await createUsers(deps, { count: 1, tokens: false });
  assert.equal(plain?.token, null);
});

test('a renamed person gives the old name back, and can take none that is taken', async () => {
  const { deps } = accountFixture();
  const ada = await createUser(deps, { username: 'ada', password: null });
  await createUser(deps, { username: 'grace', password: null });
  const errors = await refusal(updateUser(deps, ada.id, { username: 'Grace' }));
  assert.ok('username' in errors);
  assert.equal((await updateUser(deps, ada.id, { username: 'Ada' }))?.username, 'Ada');
  assert.equal((await updateUser(deps, ada.id, { username: 'countess', global_name: 'Ada' }))?.global_name, 'Ada');
  await createUser(deps, { username: 'ada', password: null });
});

test('an application has the id of its bot, which may share a name', async () => {
  const { deps } = accountFixture();
  const owner = await createUser(deps, { username: 'owner', password: null });
  const first = await createApplication(deps, { name: 'clerk', ownerId: owner.id, privileged: ['members', 'members'] });
  const second = await createApplication(deps, { name: 'clerk', ownerId: owner.id, privileged: [] });
  assert.equal(first.application.id, first.user.id);
  assert.notEqual(first.user.id, second.user.id);
  assert.equal(first.user.bot, true);
  assert.match(first.user.discriminator, /^\d{4}$/);
  assert.match(first.application.verify_key, /^([0-9a-f]{2})+$/);
  assert.deepEqual(first.application.privileged, ['members']);
  await updateApplication(deps, first.application.id, { description: 'files things' });
  assert.equal((await applicationOf(deps, first.application.id)).description, 'files things');
  await assert.rejects(
    createApplication(deps, { name: 'x y', ownerId: first.user.id, privileged: [] }),
    /Unknown User/,
  );
});
