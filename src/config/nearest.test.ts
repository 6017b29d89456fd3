import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from './nearest.ts';

test('edit distance counts insertions, deletions, substitutions and transpositions of neighbours', () => {
  for (const [a, b, distance] of [
    ['', '', 0],
    ['', 'abc', 3],
    ['port', 'port', 0],
    ['prot', 'port', 1],
    ['pot', 'port', 1],
    ['poort', 'port', 1],
    ['part', 'port', 1],
    ['kitten', 'sitting', 3],
  ] as const) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} ${a}`);
  }
});

test('the nearest name is found with and without its section, in any case', () => {
  const known = ['http.host', 'http.port', 'log.level'];
  assert.equal(nearest('HTTP.Prot', known, '.'), 'http.port');
  assert.equal(nearest('level', known, '.'), 'log.level');
  assert.equal(nearest('x'.repeat(100_000), known, '.'), 'http.host');
});
