import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOSE, clientCloseEndsSession } from './close-codes.ts';

test('close codes tell whether to resume, and only 1000 and 1001 from a client end its session', () => {
  assert.equal(CLOSE.AUTHENTICATION_FAILED.code, 4004);
  assert.equal(CLOSE.DECODE_ERROR.resumable, true);
  assert.equal(CLOSE.INVALID_SEQUENCE.resumable, false);
  const ending = [1000, 1001, 1006, 1012, 3000, 4000, 4200, 4901].filter(clientCloseEndsSession);
  assert.deepEqual(ending, [1000, 1001]);
});
