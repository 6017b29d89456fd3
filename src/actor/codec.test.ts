import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError, apiError } from '../protocol/errors.ts';
import {
  encodeValue,
  K_CAST,
  readFrom,
  readName,
  readRef,
  readTo,
  readValue,
  recordBytesMax,
  writeRecord,
} from './codec.ts';
import type { Outgoing } from './codec.ts';
import { decodeError, encodeError, registerError } from './errors.ts';
import { align8, recordMemory } from './ring.ts';
import { CallError } from './types.ts';

function outgoing(value: unknown, to: number, name: string): Outgoing {
  const out: Outgoing = { kind: K_CAST, to, from: 77, ref: 5, name, json: undefined, bytes: undefined };
  encodeValue(value, out);
  return out;
}

function roundTrip(value: unknown, to = 0, name = 'n'): unknown {
  const out = outgoing(value, to, name);
  const most = recordBytesMax(out);
  const memory = recordMemory(new SharedArrayBuffer(align8(most) + 64));
  const length = writeRecord(out, memory, 16);
  assert.ok(length <= most, `${length} bytes, bound ${most}`);
  assert.equal(readTo(memory, 16), to);
  assert.equal(readFrom(memory, 16), 77);
  assert.equal(readRef(memory, 16), 5);
  if (to === 0) assert.equal(readName(memory, 16), name);
  return readValue(memory, 16);
}

test('any JSON value with any bytes and any name comes out of a record as it went in', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => key !== 'bytes' && key !== '__proto__'),
        fc.jsonValue(),
      ),
      fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
      fc.string({ unit: 'binary', maxLength: 40 }).map((name) => name.toWellFormed()),
      fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: 0 }),
      (fields, bytes, name, to) => {
        const value = { ...fields, ...(bytes === undefined ? {} : { bytes }) };
        const back = roundTrip(value, to, name);
        assert.deepEqual(back, {
          ...(JSON.parse(JSON.stringify(fields)) as object),
          ...(bytes === undefined ? {} : { bytes }),
        });
      },
    ),
    { verbose: 1 },
  );
});

test('replies that are no objects, and bytes alone, pass as they are', () => {
  for (const value of [null, undefined, 0, '', 'ü', true, [], [1, { a: 2 }], {}, { bytes: new Uint8Array(0) }]) {
    assert.deepEqual(roundTrip(value), value);
  }
  assert.deepEqual(roundTrip({ bytes: Buffer.from('abc') }), { bytes: new Uint8Array([97, 98, 99]) });
});

test('an ApiError comes back as itself with its tree', () => {
  const error = apiError('INVALID_FORM', { errors: { name: { _errors: [{ code: 'X', message: 'no' }] } } });
  const back = decodeError(JSON.parse(JSON.stringify(encodeError(error))));
  assert.ok(back instanceof ApiError);
  assert.deepEqual(back.toJSON(), error.toJSON());
  assert.equal(back.status, 400);
  const limited = decodeError(encodeError(apiError('SLOWMODE', { retryAfter: 3 })));
  assert.ok(limited instanceof ApiError && limited.retryAfter === 3);
});

test('an error keeps code, fields and causes; one that nobody registered keeps its name', () => {
  const cause = Object.assign(new Error('disk'), { code: 'ENOSPC', errno: -28 });
  cause.name = 'DiskError';
  const back = decodeError(JSON.parse(JSON.stringify(encodeError(new CallError('crashed', 'gone', { cause })))));
  assert.ok(back instanceof CallError);
  assert.equal(back.code, 'crashed');
  const inner = back.cause as Error & { code: string; errno: number };
  assert.deepEqual([inner.name, inner.message, inner.code, inner.errno], ['DiskError', 'disk', 'ENOSPC', -28]);
});

test('an error class can be registered for revival', () => {
  class Conflict extends Error {
    override name = 'TestConflict';
    readonly key: readonly string[];
    constructor(key: readonly string[]) {
      super(`${key.join('/')} exists`);
      this.key = key;
    }
  }
  registerError('TestConflict', (fields) => new Conflict(fields['key'] as string[]));
  const back = decodeError(encodeError(new Conflict(['a', 'b'])));
  assert.ok(back instanceof Conflict);
  assert.deepEqual(back.key, ['a', 'b']);
});

test('an error with a cycle or a bigint still crosses', () => {
  const error: Error & { self?: unknown; big?: unknown; fine?: number } = new Error('odd');
  error.self = error;
  error.big = 1n;
  error.fine = 1;
  error.cause = error;
  const fields = JSON.parse(JSON.stringify(encodeError(error))) as Record<string, unknown>;
  assert.equal(fields['fine'], 1);
  assert.equal(fields['big'], undefined);
});
