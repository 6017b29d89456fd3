import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../protocol/errors.ts';
import { queryBoolean, queryCursor, queryInteger } from './query.ts';

const of = (text: string) => new URLSearchParams(text);
const isFormError = (error: unknown) => error instanceof ApiError && error.code === 50035;

test('booleans are 1, true and True, or 0, false and False', () => {
  for (const value of ['1', 'true', 'True', 'TRUE']) assert.equal(queryBoolean(of(`x=${value}`), 'x'), true);
  for (const value of ['0', 'false', 'False']) assert.equal(queryBoolean(of(`x=${value}`), 'x', true), false);
  assert.equal(queryBoolean(of(''), 'x'), false);
  assert.equal(queryBoolean(of('x='), 'x', true), true);
  assert.throws(() => queryBoolean(of('x=yes'), 'x'), isFormError);
});

test('integers keep their bounds', () => {
  assert.equal(queryInteger(of('n=7'), 'n', 1, 100, 50), 7);
  assert.equal(queryInteger(of(''), 'n', 1, 100, 50), 50);
  for (const value of ['0', '101', '1.5', '1e2', 'x', '0x10', ' 7', '9'.repeat(30), 'Infinity']) {
    assert.throws(() => queryInteger(of(`n=${encodeURIComponent(value)}`), 'n', 1, 100, 50), isFormError, value);
  }
});

test('bounds of pages are ids or 0, the beginning', () => {
  assert.equal(queryCursor(of('after=123'), 'after'), '123');
  assert.equal(queryCursor(of('after='), 'after'), null);
  assert.throws(() => queryCursor(of('after=abc'), 'after'), isFormError);
  assert.equal(queryCursor(of('after=0'), 'after'), '0');
  assert.throws(() => queryCursor(of('after=00'), 'after'), isFormError);
});
