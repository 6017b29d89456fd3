import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disallowedIntents, EVENT_INTENTS, INTENTS, isValidIntents, PRIVILEGED, VALID } from './intents.ts';

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
