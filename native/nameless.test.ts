import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withoutNames } from './nameless.ts';

test('the pages of the vendored build lose their foot and keep their length', () => {
  const path = `../node_modules/uWebSockets.js/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const bytes = readFileSync(fileURLToPath(new URL(path, import.meta.url)));
  const blank = Buffer.from(withoutNames(bytes));
  assert.equal(blank.length, bytes.length);
  assert.ok(bytes.includes('uWebSockets/20 Server'));
  assert.ok(!blank.includes('uWebSockets/20 Server'));
  assert.ok(blank.includes('<h1>Bad Request</h1>'));
});

test('bytes without a foot come back as they are', () => {
  const bytes = Buffer.from('nothing');
  assert.equal(withoutNames(bytes), bytes);
});
