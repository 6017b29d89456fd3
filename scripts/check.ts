// npm run check: everything that is checked without running the product. Each check is a row; what one has to say follows it
// only when it fails.

import { BINDING_CRATE, CORE_CRATES, hasCargo, isCi, type Outcome, run } from './tasks.ts';

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** How to put it right, where a command can. */
  readonly remedy?: string;
  readonly needsCargo?: true;
}

const bin = (name: string): string => `node_modules/.bin/${name}`;
const packages = [...CORE_CRATES, BINDING_CRATE].flatMap((name) => ['-p', name]);

const CHECKS: readonly Check[] = [
  { name: 'types (tsc)', command: bin('tsc'), args: ['-p', '.'] },
  {
    name: 'format (biome)',
    command: bin('biome'),
    args: ['format'],
    remedy: 'node_modules/.bin/biome format --write',
  },
  { name: 'lint (oxlint)', command: bin('oxlint'), args: ['--deny-warnings'] },
  {
    name: 'layers',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', '--test', 'test/layering.test.ts'],
  },
  { name: 'format (cargo fmt)', command: 'cargo', args: ['fmt', '--check'], remedy: 'cargo fmt', needsCargo: true },
  {
    name: 'lint (clippy)',
    command: 'cargo',
    args: ['clippy', '--release', '--locked', '--quiet', ...packages, '--', '-D', 'warnings'],
    needsCargo: true,
  },
];

const cargoIsHere = hasCargo();
let isOk = true;
for (const check of CHECKS) isOk = (await perform(check)) && isOk;
console.log(isOk ? '\nall checks passed' : '\nsome checks failed');
process.exitCode = isOk ? 0 : 1;

/** One after another: each of these tools uses all cores by itself. */
async function perform(check: Check): Promise<boolean> {
  if (check.needsCargo === true && !cargoIsHere) {
    row(check.name, isCi ? 'FAILED' : 'skipped', isCi ? 'no cargo, and CI is set' : 'no cargo');
    return !isCi;
  }
  const outcome: Outcome = await run(check.command, check.args, 'capture');
  row(check.name, outcome.isOk ? 'ok' : 'FAILED', `${outcome.seconds.toFixed(1)} s`);
  if (!outcome.isOk) {
    console.log(outcome.output.trimEnd().replaceAll(/^/gm, '    '));
    if (check.remedy !== undefined) console.log(`    to put it right: ${check.remedy}`);
  }
  return outcome.isOk;
}

function row(name: string, state: string, remark: string): void {
  console.log(`${name.padEnd(22)}${state.padEnd(9)}${remark}`);
}
