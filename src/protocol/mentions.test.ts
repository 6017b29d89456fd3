import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filterMentions, parseMentions } from './mentions.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test('mentions of every kind, each once, in the order of the text', () => {
  const found = parseMentions('<@2> hi <@!1> <@2> <@&3> <#4> @everyone <@0> <@> <@&x> @heretic');
  assert.deepEqual(found, { users: ['2', '1'], roles: ['3'], channels: ['4'], everyone: true, here: false });
  assert.equal(parseMentions('@here, look').here, true);
});

test('allowed_mentions: absent lets all through, an empty one nothing, lists only what they name', () => {
  const found = parseMentions('<@1> <@2> <@&3> <@&4> @everyone');
  const all = filterMentions(found, undefined);
  assert.deepEqual([all.users, all.roles, all.everyone, all.repliedUser], [['1', '2'], ['3', '4'], true, true]);
  const none = filterMentions(found, {});
  assert.deepEqual([none.users, none.roles, none.everyone, none.repliedUser], [[], [], false, false]);
  const some = filterMentions(found, { parse: ['roles'], users: ['2', '9'], replied_user: true });
  assert.deepEqual([some.users, some.roles, some.everyone, some.repliedUser], [['2'], ['3', '4'], false, true]);
});

test('mentions are found in any text without harm', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
      for (const id of parseMentions(text).users) assert.match(id, /^[1-9]\d*$/);
    }),
    { seed },
  );
});
