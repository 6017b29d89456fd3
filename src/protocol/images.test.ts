import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageHash } from './images.ts';

test('an image hash is 32 hex digits, moving ones after a_', () => {
  assert.equal(isImageHash('0123456789abcdef0123456789abcdef'), true);
  assert.equal(isImageHash('a_0123456789abcdef0123456789abcdef'), true);
  for (const wrong of ['', 'x', '0123456789ABCDEF0123456789ABCDEF', null, 5, 'b_0123456789abcdef0123456789abcdef']) {
    assert.equal(isImageHash(wrong), false);
  }
});
