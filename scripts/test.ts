// npm test: every *.test.ts beside its source and under test/, then the tests of the crates.
//
//   npm test -- src/actor native/wake.test.ts crates     only these files and folders

import { existsSync, globSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { CORE_CRATES, hasCargo, isCi, root, run } from './tasks.ts';

const FOLDERS = ['src', 'native', 'scripts', 'test', 'bench'];
/** Test files that run at a time: two slow cores, and files that start servers of their own. */
const CONCURRENCY = 2;
/** A file of tests should take well under 20 s; this ends one that hangs, so that a run ends with a name. */
const TEST_TIMEOUT_MS = 240_000;

const wanted = process.argv.slice(2).map((path) => relative(root, resolve(path)) || '.');
for (const path of wanted) {
  if (!existsSync(resolve(root, path))) fail(`no such file or folder: ${path}`);
}

const files = globSync(
  FOLDERS.map((folder) => `${folder}/**/*.test.ts`),
  { cwd: root, exclude: ['**/node_modules/**'] },
)
  .filter((file) => isWanted(file))
  .sort();
const wantsCrates = isWanted('crates/x') || wanted.some((path) => path === 'crates' || path.startsWith('crates/'));
if (files.length === 0 && !wantsCrates) fail('no tests there');

let isOk = true;
if (files.length > 0) isOk = await runNodeTests();
if (wantsCrates) isOk = (await runCrateTests()) && isOk;
process.exitCode = isOk ? 0 : 1;

function isWanted(file: string): boolean {
  if (wanted.length === 0) return true;
  return wanted.some((path) => path === '.' || path === file || (isFolder(path) && file.startsWith(`${path}/`)));
}

function isFolder(path: string): boolean {
  return statSync(resolve(root, path)).isDirectory();
}

async function runNodeTests(): Promise<boolean> {
  const options = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
  ];
  return (await run(process.execPath, [...options, ...files], 'inherit')).isOk;
}

async function runCrateTests(): Promise<boolean> {
  if (!hasCargo()) {
    console.log(`\ncrates: ${isCi ? 'cargo is missing, and CI is set: failed' : 'no cargo here, skipped'}`);
    return !isCi;
  }
  console.log(`\ncrates: ${CORE_CRATES.join(', ')}`);
  const packages = CORE_CRATES.flatMap((name) => ['-p', name]);
  return (await run('cargo', ['test', '--release', '--locked', '--quiet', ...packages], 'inherit')).isOk;
}

function fail(reason: string): never {
  console.error(`test: ${reason}`);
  process.exit(2);
}
