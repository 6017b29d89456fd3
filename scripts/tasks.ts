// Commands as test.ts and check.ts run them.

import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('..', import.meta.url));

export interface Outcome {
  readonly isOk: boolean;
  /** What it printed, both streams in the order of arrival; empty when it printed to the terminal itself. */
  readonly output: string;
  readonly seconds: number;
}

/** Output kept of one command; a check that fails so often that this is not enough is read from its beginning. */
const OUTPUT_CHARS_MAX = 4 * 1024 * 1024;

/** Runs a command in the root folder. `inherit` shows its output as it comes, `capture` keeps it. */
export function run(command: string, args: readonly string[], show: 'inherit' | 'capture'): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const stdio = show === 'inherit' ? 'inherit' : 'pipe';
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', stdio, stdio] });
    let output = '';
    const keep = (chunk: string): void => {
      if (output.length < OUTPUT_CHARS_MAX) output += chunk;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    const finish = (isOk: boolean): void => resolve({ isOk, output, seconds: (performance.now() - started) / 1000 });
    child.once('error', (error) => {
      keep(error.message);
      finish(false);
    });
    child.once('close', (code) => finish(code === 0));
  });
}

export function hasCargo(): boolean {
  return spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** CI has every service and toolchain, so that nothing is skipped there unseen. */
export const isCi: boolean =
  process.env['CI'] !== undefined && process.env['CI'] !== 'false' && process.env['CI'] !== '';

/** The crates, always built by this selection: another would unify features anew and compile everything again. */
export const CORE_CRATES: readonly string[] = ['guildhall-wake', 'guildhall-compress'];
export const BINDING_CRATE = 'guildhall-core';
