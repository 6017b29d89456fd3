import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLOSE, clientCloseEndsSession } from './close-codes.ts';
import { isImageHash } from './images.ts';
import { disallowedIntents, EVENT_INTENTS, INTENTS, isValidIntents, PRIVILEGED, VALID } from './intents.ts';
import { filterMentions, parseMentions } from './mentions.ts';
import { isoTimestamp, parseTimestamp } from './timestamp.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test('a timestamp has six digits and a numeric offset, and reads back as it was', () => {
  assert.equal(isoTimestamp(1_704_067_200_123), '2024-01-01T00:00:00.123000+00:00');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      assert.equal(parseTimestamp(isoTimestamp(ms)), ms);
      assert.equal(parseTimestamp(new Date(ms).toISOString()), ms);
    }),
    { seed },
  );
  for (const wrong of ['', '2024', '2024-01-01', '2024-99-01T00:00:00Z', 'Mon Jan 01 2024', '2024-01-01T00:00:00+0']) {
    assert.equal(parseTimestamp(wrong), null, wrong);
  }
  assert.equal(parseTimestamp('2024-01-01T01:00:00+0100'), 1_704_067_200_000);
});

test('intents: known bits only, privileged ones by grant', () => {
  assert.equal(VALID, 53_608_447);
  assert.equal(PRIVILEGED, (1 << 1) | (1 << 8) | (1 << 15));
  assert.equal(isValidIntents(53_608_189), true);
  for (const wrong of [-1, 1.5, '513', null, 1 << 17, 2 ** 40, Number.NaN]) assert.equal(isValidIntents(wrong), false);
  assert.equal(disallowedIntents(VALID, ['members', 'presences', 'content']), 0);
  assert.equal(disallowedIntents(VALID, ['members']), INTENTS.GUILD_PRESENCES | INTENTS.MESSAGE_CONTENT);
  for (const [event, mask] of Object.entries(EVENT_INTENTS)) {
    assert.equal((mask.guild | mask.dm) & ~VALID, 0, event);
  }
});

test('close codes tell whether to resume, and only 1000 and 1001 from a client end its session', () => {
  assert.equal(CLOSE.AUTHENTICATION_FAILED.code, 4004);
  assert.equal(CLOSE.DECODE_ERROR.resumable, true);
  assert.equal(CLOSE.INVALID_SEQUENCE.resumable, false);
  const ending = [1000, 1001, 1006, 1012, 3000, 4000, 4200, 4901].filter(clientCloseEndsSession);
  assert.deepEqual(ending, [1000, 1001]);
});

test('an image hash is 32 hex digits, moving ones after a_', () => {
  assert.equal(isImageHash('0123456789abcdef0123456789abcdef'), true);
  assert.equal(isImageHash('a_0123456789abcdef0123456789abcdef'), true);
  for (const wrong of ['', 'x', '0123456789ABCDEF0123456789ABCDEF', null, 5, 'b_0123456789abcdef0123456789abcdef']) {
    assert.equal(isImageHash(wrong), false);
  }
});

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
