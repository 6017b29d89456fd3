import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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
