import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson } from '../base/json.ts';
import { ApiError, type ErrorTree } from './errors.ts';
import * as f from './form.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

function refusal(form: f.Form<unknown>, value: unknown): { code: number; errors: ErrorTree } {
  try {
    f.validate(form, value);
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return JSON.parse(JSON.stringify(error.toJSON()));
  }
  assert.fail('was accepted');
}

const field = (code: string, message: string) => ({ _errors: [{ code, message }] });

const person = f.object({
  name: f.string({ min: 2, max: 5 }),
  age: f.optional(f.integer({ min: 0, max: 150 })),
  nick: f.optional(f.nullable(f.string({ max: 3 }))),
  tags: f.maybe(f.array(f.object({ id: f.snowflake() }), { max: 2 })),
});

test('errors stand under nested keys and indexes, all of them at once', () => {
  const answer = refusal(person, { name: 'x', age: -1, nick: 'long', tags: [{ id: '1' }, { id: 'two' }] });
  assert.equal(answer.code, 50035);
  assert.deepEqual(answer.errors, {
    name: field('BASE_TYPE_BAD_LENGTH', 'Must be between 2 and 5 in length.'),
    age: field('NUMBER_TYPE_MIN', 'int value should be greater than or equal to 0.'),
    nick: field('BASE_TYPE_MAX_LENGTH', 'Must be 3 or fewer in length.'),
    tags: { '1': { id: field('NUMBER_TYPE_COERCE', 'Value "two" is not snowflake.') } },
  });
});

test('a missing key is named, an unknown key is dropped, null counts as absent only where it may', () => {
  const required = field('BASE_TYPE_REQUIRED', 'This field is required');
  assert.deepEqual(refusal(person, {}).errors, { name: required });
  assert.deepEqual(refusal(person, undefined).errors, { name: required });
  assert.deepEqual(refusal(person, { name: null }).errors, { name: required });
  assert.deepEqual(refusal(person, { name: 'ada', age: null }).errors, { age: required });
  assert.deepEqual(f.validate(person, { name: 'ada', nick: null, tags: null, more: 1 }), { name: 'ada', nick: null });
});

test('what is no dictionary or list is called so', () => {
  for (const wrong of [null, 5, 'text', true, []]) {
    assert.equal(refusal(person, wrong).errors._errors?.[0]?.code, 'MODEL_TYPE_CONVERT');
  }
  assert.equal(refusal(f.array(f.unknown()), 'text').errors._errors?.[0]?.code, 'LIST_TYPE_CONVERT');
  assert.equal(refusal(f.record(f.string()), []).errors._errors?.[0]?.code, 'DICT_TYPE_CONVERT');
  assert.deepEqual(refusal(f.array(f.integer(), { min: 2, max: 3 }), [1]).errors, {
    ...field('BASE_TYPE_BAD_LENGTH', 'Must be between 2 and 3 in length.'),
  });
});

test('lengths count code points', () => {
  const five = f.string({ max: 5 });
  assert.equal(f.validate(five, '👍👍👍👍👍'), '👍👍👍👍👍');
  refusal(five, '👍👍👍👍👍👍');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(f.codePointLength(text), [...text].length);
    }),
    { seed },
  );
});

test('ids come as text, as long integers that the reader kept, or as safe integers', () => {
  const id = f.object({ id: f.snowflake() });
  assert.deepEqual(f.validate(id, parseJson('{"id":1234567890123456789}')), { id: '1234567890123456789' });
  assert.deepEqual(f.validate(id, { id: 77 }), { id: '77' });
  for (const wrong of ['0', '', '-1', 1.5, 2 ** 60, '99999999999999999999999', {}, true]) refusal(id, { id: wrong });
});

test('permissions are canonical decimal text within 64 bits', () => {
  const of = (value: unknown) => f.validate(f.permissions(), value);
  assert.equal(of('0008'), '8');
  assert.equal(of(2048), '2048');
  assert.equal(of(String((1n << 64n) - 1n)), '18446744073709551615');
  for (const wrong of ['-1', -1, 1.5, String(1n << 64n), 'x', null, '1e3', []]) refusal(f.permissions(), wrong);
});

test('timestamps are given back in our own form', () => {
  assert.equal(f.validate(f.timestamp(), '2024-05-01T10:00:00Z'), '2024-05-01T10:00:00.000000+00:00');
  assert.equal(f.validate(f.timestamp(), '2024-05-01T12:00:00.5+02:00'), '2024-05-01T10:00:00.500000+00:00');
  for (const wrong of ['tomorrow', 5, '2024-13-01T00:00:00Z', '']) refusal(f.timestamp(), wrong);
});

test('choices, numbers as text and flags of queries', () => {
  assert.deepEqual(refusal(f.integer({ choices: [0, 2] }), 1).errors, {
    ...field('BASE_TYPE_CHOICES', 'Value must be one of {0, 2}.'),
  });
  assert.deepEqual(refusal(f.integer(), 'x').errors, field('NUMBER_TYPE_COERCE', 'Value "x" is not int.'));
  const query = f.object({ limit: f.optional(f.integer({ max: 100 })), wait: f.optional(f.boolean()) });
  const read = (text: string) => f.validate(query, f.queryObject(new URLSearchParams(text)));
  assert.deepEqual(read('limit=50&wait=True'), { limit: 50, wait: true });
  assert.deepEqual(read('wait=1'), { wait: true });
  assert.deepEqual(read('__proto__=1&constructor=2'), {});
});

test('a picture is what its first bytes say, and not larger than allowed', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64');
  assert.equal(f.validate(f.imageData(), `data:image/jpeg;base64,${png}`).contentType, 'image/png');
  refusal(f.imageData(), `data:image/png;base64,${Buffer.from('<svg onload=1>aaaaaaaaaa').toString('base64')}`);
  refusal(f.imageData(), 'https://example.org/x.png');
  refusal(f.imageData(4), `data:image/png;base64,${png}`);
});

test('keys of the language are harmless, in bodies and in answers', () => {
  const any = f.record(f.integer());
  const evil = JSON.parse('{"__proto__":"x","constructor":"y","toString":"z"}');
  const answer = refusal(any, evil);
  assert.deepEqual(Object.keys(answer.errors).sort(), ['constructor', 'toString']);
  const inherited = Object.create({ name: 'inherited' });
  assert.deepEqual(Object.keys(refusal(person, inherited).errors), ['name']);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('a hostile body gets a short answer', () => {
  const answer = refusal(
    f.array(f.array(f.integer())),
    Array.from({ length: 5000 }, () => ['x', 'y']),
  );
  assert.ok(JSON.stringify(answer).length < 20_000);
});

test('whatever the body is, the form answers with a value or with Discord’s tree', () => {
  const all = f.object({
    a: f.optional(f.string({ min: 1, max: 4, trim: true, pattern: /^\w+$/ })),
    b: f.maybe(f.number({ min: 0 })),
    c: f.withDefault(f.boolean(), false),
    d: f.optional(f.nullable(f.snowflake())),
    e: f.optional(f.array(f.object({ x: f.permissions(), y: f.maybe(f.timestamp()) }))),
    g: f.optional(f.record(f.nullable(f.string()))),
    h: f.optional(f.imageData()),
  });
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'g', 'h', 'x', 'y', '__proto__', '_errors');
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.jsonValue()));
  fc.assert(
    fc.property(body, (value) => {
      try {
        const out = f.validate(all, value);
        assert.equal(typeof out.c, 'boolean');
      } catch (error) {
        assert.ok(error instanceof ApiError, String(error));
        assert.equal(error.code, 50035);
        assert.ok(JSON.stringify(error.toJSON()).includes('_errors'));
      }
    }),
    { seed, numRuns: 500, verbose: true },
  );
});

test('a bound of a page is an id or 0, which means the beginning', () => {
  const page = f.object({ after: f.maybe(f.cursor()) });
  for (const after of ['0', 0]) assert.deepEqual(f.validate(page, { after }), { after: '0' });
  assert.deepEqual(f.validate(page, { after: '12' }), { after: '12' });
  for (const after of ['00', '-1', 'x', 0.5]) {
    assert.equal(refusal(page, { after }).errors?.['after'] !== undefined, true, String(after));
  }
});
