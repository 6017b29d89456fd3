// The command line: `guildhall <command> [--json]`. One file per command in commands/, registered in one table.

import { Command, CommanderError } from 'commander';
import { CONFIG_KEYS } from '../config/schema.ts';
import { type Config, loadConfig } from '../config/load.ts';
import type { Register, Run, RunUnconfigured } from './command.ts';
import { printError, printResult, UsageError } from './output.ts';
import { register as bot } from './commands/bot.ts';
import { register as checkConfig } from './commands/check-config.ts';
import { register as doctor } from './commands/doctor.ts';
import { register as guild } from './commands/guild.ts';
import { register as serve } from './commands/serve.ts';
import { register as token } from './commands/token.ts';
import { register as user } from './commands/user.ts';

const COMMANDS: readonly Register[] = [serve, user, bot, guild, token, checkConfig, doctor];

export async function main(args: readonly string[]): Promise<void> {
  // Known before parsing, so that a usage error is printed in the form asked for as well.
  const json = args.includes('--json');
  const { rest, flags, file } = takeConfigFlags(args);

  const load = (): Config => loadConfig({ env: process.env, flags, ...(file === undefined ? {} : { file }) });
  const finish = async (action: () => Promise<Readonly<Record<string, unknown>> | undefined>): Promise<void> => {
    try {
      const result = await action();
      if (result !== undefined) printResult(result, json);
    } catch (error) {
      process.exitCode = printError(error, json);
    }
  };
  const run: Run = (action) => finish(async () => action(load()));
  const runUnconfigured: RunUnconfigured = (action) => finish(() => action(load));

  const program = new Command('guildhall')
    .description("a self-hosted gateway for chat that speaks Discord's protocol")
    .addHelpText('after', CONFIG_HELP);
  for (const register of COMMANDS) register(program, run, runUnconfigured);
  prepare(program);
  try {
    await program.parseAsync(rest, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const usage =
      error instanceof CommanderError
        ? new UsageError(error.message.replace(/^error: /, '') || 'no command given')
        : error;
    process.exitCode = printError(usage, json);
  }
}

const CONFIG_HELP = `
Every command takes --json (one JSON object on standard output), --config FILE, and every setting as --section.key VALUE,
for example --http.port 9000. Settings may also stand in guildhall.toml or in the environment as GUILDHALL_SECTION_KEY;
docs/operating/configuration.md lists them.`;

/** Every command answers errors by throwing, prints no usage text of its own to standard output, and knows --json. */
function prepare(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  if (command.commands.length === 0) command.option('--json', 'print one JSON object');
  for (const child of command.commands) prepare(child);
}

interface ConfigFlags {
  readonly rest: string[];
  readonly flags: Record<string, string>;
  readonly file: string | undefined;
}

/** Takes `--section.key VALUE`, `--section.key=VALUE` and `--config FILE` out of the arguments. */
function takeConfigFlags(args: readonly string[]): ConfigFlags {
  const rest: string[] = [];
  const flags: Record<string, string> = {};
  let file: string | undefined;
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i] ?? '';
    const match = /^--([a-z_]+(?:[.-][a-z_-]+)*)(?:=(.*))?$/s.exec(arg);
    const name = match?.[1];
    const key = name === undefined ? undefined : configKey(name);
    if (match === null || (key === undefined && name !== 'config')) {
      rest.push(arg);
      continue;
    }
    let value = match[2];
    if (value === undefined) {
      i += 1;
      value = args[i];
      if (value === undefined) throw new UsageError(`--${name} needs a value`);
    }
    if (key === undefined) file = value;
    else flags[key] = value;
  }
  return { rest, flags, file };
}

/** A flag with a dot always means a setting, known or not (loadConfig names the nearest); --section-key only a known one. */
function configKey(name: string): string | undefined {
  if (name.includes('.')) return name;
  const dashed = name.replaceAll('-', '_');
  return CONFIG_KEYS.find((key) => key.replace('.', '_') === dashed);
}

// `guildhall --help | head`: who reads us has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
try {
  await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = printError(error, process.argv.includes('--json'));
}
