// What a command prints. With --json: one object on standard output and nothing else there; without: lines for a person.

import { errorBody, OperatorError, type RpcErrorBody } from '../control/rpc.ts';

/** The command line itself was wrong: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export function printResult(result: Readonly<Record<string, unknown>>, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  process.stdout.write(lines(result).join(''));
}

/** A row a field; a list of objects (the checks of a report) is a row each. */
function lines(result: Readonly<Record<string, unknown>>): string[] {
  const width = Math.max(...Object.keys(result).map((key) => key.length));
  return Object.entries(result).flatMap(([key, value]) => {
    if (!Array.isArray(value))
      return [`${key.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}\n`];
    return (value as Check[]).map(({ name, ok, detail, hint }) => {
      return `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(CHECK_WIDTH)}  ${detail}\n${hint === '' ? '' : `      ${hint}\n`}`;
    });
  });
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint: string;
}

/** Longest name of a check. */
const CHECK_WIDTH = 16;

/** Prints the error in the form asked for and answers the exit code: 2 for usage, 1 for everything else. */
export function printError(error: unknown, json: boolean): number {
  const usage = error instanceof UsageError;
  const body: RpcErrorBody = usage
    ? { code: 'usage', message: error.message, hint: '`guildhall --help` lists the commands and their options' }
    : errorBody(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: body })}\n`);
  else process.stderr.write(`guildhall: ${body.message}\n  ${body.hint}\n`);
  if (
    !usage &&
    !(error instanceof OperatorError) &&
    error instanceof Error &&
    process.env['GUILDHALL_LOG_LEVEL'] === 'debug'
  ) {
    process.stderr.write(`${error.stack}\n`);
  }
  return usage ? 2 : 1;
}
