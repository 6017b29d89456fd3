import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { ElfError, lowerGlibc } from './elf.ts';

const folder = new URL('../node_modules/uWebSockets.js/', import.meta.url);

const symbols = { 'uws_linux_x64_137.node': 3, 'uws_linux_arm64_137.node': 2 };
for (const [name, count] of Object.entries(symbols)) {
  test(`${name}: the names of ${count} symbols and one version change, nothing else`, () => {
    const original = readFileSync(new URL(name, folder));
    const edited = lowerGlibc(original);
    assert.equal(edited.length, original.length);
    const words = new Set<number>();
    for (let i = 0; i < original.length; i += 1) if (original[i] !== edited[i]) words.add(i >> 2);
    // Each symbol's name, the version's hash and its name: words of four bytes.
    assert.equal(words.size, count + 2);
    assert.throws(() => lowerGlibc(edited), /does not ask for GLIBC_2\.38/);
  });
}

test('what is no ELF file, or a damaged one, is refused and never walked for ever', () => {
  assert.throws(() => lowerGlibc(new Uint8Array(0)), ElfError);
  assert.throws(() => lowerGlibc(Buffer.from('#!/bin/sh\n'.repeat(20))), ElfError);
  const original = readFileSync(new URL('uws_linux_x64_137.node', folder));
  const headers = Buffer.from(original.subarray(0, 4096));
  fc.assert(
    fc.property(fc.integer({ min: 64, max: 4096 }), (length) => {
      assert.throws(() => lowerGlibc(headers.subarray(0, length)));
    }),
    { numRuns: 50 },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
      const damaged = Buffer.from(original.subarray(0, 600_000));
      for (const [at, value] of changes) damaged[at] = value;
      try {
        lowerGlibc(damaged);
      } catch (error) {
        assert.ok(error instanceof ElfError || error instanceof RangeError, String(error));
      }
    }),
    { numRuns: 60 },
  );
});
