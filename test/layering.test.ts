// Imports go down (docs/ARCHITECTURE, "Rooms"): a room may look at itself and at the rooms its line names, and that holds for
// types, for dynamic imports and for the files a Worker is started from. Tests may look where they like.

import { strict as assert } from 'node:assert';
import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const BELOW_SERVICE = ['state', 'actor', 'protocol', 'base'];
const BELOW_EDGE = ['service', ...BELOW_SERVICE];
const ALL_PLANES = ['edge', 'voice', ...BELOW_EDGE, 'config', 'native'];

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ['base'],
  native: ['base'],
  protocol: ['base'],
  actor: ['protocol', 'base', 'native'],
  state: ['actor', 'protocol', 'base', 'native'],
  service: BELOW_SERVICE,
  edge: [...BELOW_EDGE, 'native', 'config'],
  voice: [...BELOW_EDGE, 'native', 'config'],
  control: ALL_PLANES,
  web: ALL_PLANES,
  main: [...ALL_PLANES, 'control', 'web'],
  cli: [...ALL_PLANES, 'control', 'web', 'main'],
};

/** What a thread runs first: it composes its thread as main composes the process, so it may read the configuration. */
const isThreadBoot = (file: string): boolean => /-thread\.ts$|\/worker-entry\.ts$/.test(file);

/** The room of a file, undefined outside of src/ and native/. */
function roomOf(file: string): string | undefined {
  if (file === 'src/main.ts') return 'main';
  const [top, room] = file.split('/');
  return top === 'native' ? 'native' : top === 'src' ? room : undefined;
}

/** Relative paths that a source names: static imports and exports, import(), and URLs of modules. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|[\s;{}])\/\/.*$/gm, '');
  const patterns = [
    /\b(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])(?<path>\.[^'"]+)\1/g,
    /\bimport\s*\(?\s*(['"])(?<path>\.[^'"]+)\1/g,
    /\bnew\s+URL\(\s*(['"])(?<path>\.[^'"]+\.ts)\1\s*,\s*import\.meta\.url/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match.groups!['path']!));
}

function violations(file: string, source: string): string[] {
  const room = roomOf(file);
  if (room === undefined) return [];
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) return [`${file}: room "${room}" is not in MAY_IMPORT of test/layering.test.ts`];
  return importsOf(source).flatMap((path) => {
    const target = relative(root, resolve(root, dirname(file), path));
    const targetRoom = roomOf(target);
    if (targetRoom === room) return [];
    if (targetRoom !== undefined && allowed.includes(targetRoom)) return [];
    if (targetRoom === 'config' && isThreadBoot(file)) return [];
    return [`${file} imports ${target}`];
  });
}

test('imports go down', () => {
  const files = globSync(['src/**/*.ts', 'native/**/*.ts'], { cwd: root }).filter(
    (file) => !/\.test\.ts$|\/testing\.ts$|\/fixtures\//.test(file),
  );
  assert.ok(files.length > 20);
  const found = files.sort().flatMap((file) => violations(file, readFileSync(resolve(root, file), 'utf8')));
  assert.deepEqual(found, []);
});

test('base does no input or output', () => {
  for (const file of globSync('src/base/**/*.ts', { cwd: root }).filter((name) => !name.endsWith('.test.ts'))) {
    const source = readFileSync(resolve(root, file), 'utf8');
    assert.doesNotMatch(source, /\bfrom\s*['"]node:(?!crypto|perf_hooks|assert)/, file);
  }
});

test('the rule sees what it has to see', () => {
  const cases: [file: string, source: string, count: number][] = [
    ['src/base/a.ts', `import { x } from '../protocol/x.ts';`, 1],
    ['src/protocol/a.ts', `import type { x } from '../base/x.ts';\nimport type {\n  y,\n} from '../actor/y.ts';`, 1],
    ['src/service/guild/a.ts', `export * from '../../edge/x.ts';`, 1],
    ['src/service/guild/a.ts', `import { core } from '../../../native/binding.ts';`, 1],
    ['src/edge/gateway/a.ts', `import { core } from '../../../native/binding.ts';`, 0],
    ['src/edge/gateway/a.ts', `import { x } from '../../voice/x.ts';`, 1],
    ['src/edge/gateway/a.ts', `const x = await import('../../control/x.ts');`, 1],
    ['src/edge/io-thread.ts', `import { load } from '../config/load.ts';`, 0],
    ['src/service/guild/a.ts', `import { load } from '../../config/load.ts';`, 1],
    ['src/actor/a.ts', `new Worker(new URL('../edge/io-thread.ts', import.meta.url))`, 1],
    ['src/control/a.ts', `import '../edge/x.ts';\nimport { y } from '../service/y.ts';`, 0],
    ['src/service/a.ts', `import { x } from '../control/x.ts';`, 1],
    ['src/main.ts', `import { x } from './control/x.ts';`, 0],
    ['src/cli/a.ts', `import { x } from '../main.ts';\nimport fs from 'node:fs';`, 0],
    ['src/edge/a.ts', `import { x } from '../main.ts';`, 1],
    ['src/state/a.ts', `// import { x } from '../edge/x.ts';\n/* import '../edge/y.ts' */`, 0],
    ['src/state/a.ts', `import { x } from '../../scripts/x.ts';`, 1],
  ];
  for (const [file, source, count] of cases) assert.equal(violations(file, source).length, count, `${file}: ${source}`);
});
