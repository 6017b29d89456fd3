import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configReference, REFERENCE_PATH } from './reference.ts';

test('docs/operating/configuration.md is what the schema says', () => {
  assert.equal(readFileSync(REFERENCE_PATH, 'utf8'), configReference(), 'run scripts/node src/config/reference.ts');
});
