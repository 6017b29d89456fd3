import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bindingAbsence, core } from './binding.ts';

const crates = fileURLToPath(new URL('../crates/', import.meta.url));
const bindingSources = readdirSync(join(crates, 'bindings'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.rs'))
  .map((file) => join(crates, 'bindings', file));

/** Functions that an attribute `#[napi…]` exports, with that attribute. */
function exportedFunctions(source: string): { name: string; attribute: string }[] {
  const pattern =
    /#\[napi(?<options>\([^\]]*\))?\]\s*(?:\/\/[^\n]*\s*|#\[[^\]]*\]\s*)*(?:pub\s+)?(?:async\s+)?fn\s+(?<name>\w+)/g;
  return [...source.matchAll(pattern)].map((match) => ({
    name: match.groups!['name']!,
    attribute: match.groups!['options'] ?? '',
  }));
}

test('every exported function catches panics, which would end the process', () => {
  const found = bindingSources.flatMap((file) => exportedFunctions(readFileSync(file, 'utf8')));
  assert.ok(found.length >= 8, `only ${found.length} exports found: has the pattern grown old?`);
  const careless = found.filter(({ attribute }) => !/\bcatch_unwind\b/.test(attribute)).map(({ name }) => name);
  assert.deepEqual(careless, []);
});

test('the lint sees a careless export', () => {
  const source =
    '#[napi]\n/// Words.\n#[allow(dead_code)]\npub fn careless() {}\n#[napi(getter, catch_unwind)]\nfn careful() {}';
  assert.deepEqual(exportedFunctions(source), [
    { name: 'careless', attribute: '' },
    { name: 'careful', attribute: '(getter, catch_unwind)' },
  ]);
});

test('unsafe code is in the bindings only', () => {
  const coreCrates = readdirSync(crates).filter((crate) => crate !== 'bindings');
  for (const crate of coreCrates) {
    assert.match(readFileSync(join(crates, crate, 'src/lib.rs'), 'utf8'), /#!\[forbid\(unsafe_code\)\]/, crate);
  }
});

test('where cargo is expected, the binding is there and matches its sources', () => {
  if (process.env['CI'] === undefined && core === undefined) return;
  assert.equal(bindingAbsence, undefined);
  assert.equal(core?.interfaceVersion(), 1);
});
