// Configuration: defaults < TOML file < environment (GUILDHALL_SECTION_KEY) < flags (--section.key). What is unknown or not allowed
// anywhere is an error, and all of them are told at once: a setting that is silently ignored is worse than a server that won't start.

import { readFileSync, statSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { Refused, type Setting } from './kinds.ts';
import { nearest } from './nearest.ts';
import { CONFIG_KEYS, type Config, OTHER_VARIABLES, SCHEMA, SETTINGS, variableOf } from './schema.ts';

export type { Config } from './schema.ts';

export interface ConfigSources {
  /** The file to read; else what GUILDHALL_CONFIG names; else DEFAULT_FILE, if it exists. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** 'section.key' or 'section-key' -> text, as on the command line without its dashes. */
  readonly flags?: Readonly<Record<string, string>>;
}

export const DEFAULT_FILE = './guildhall.toml';
/** A configuration of every setting is some 2 KB; what is larger is not one. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Errors told at once; more would hide the first. */
const PROBLEMS_MAX = 20;

export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly code = 'config';
  readonly hint = 'docs/operating/configuration.md lists every setting';
  readonly problems: readonly string[];
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.slice(0, PROBLEMS_MAX).join('\n'), options);
    this.problems = problems;
  }
}

/** Throws ConfigError. */
export function loadConfig({ file, env, flags = {} }: ConfigSources): Config {
  const values = new Map<string, unknown>(CONFIG_KEYS.map((key) => [key, SETTINGS.get(key)?.default]));
  const problems: string[] = [];
  readFile(file, env, values, problems);
  readEnvironment(env, values, problems);
  readFlags(flags, values, problems);
  checkTogether(values, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return nest(values);
}

function readFile(
  file: string | undefined,
  env: ConfigSources['env'],
  values: Map<string, unknown>,
  problems: string[],
): void {
  const named = file ?? (env.GUILDHALL_CONFIG || undefined);
  const path = named ?? DEFAULT_FILE;
  let document: Record<string, unknown>;
  try {
    const stat = statSync(path, { throwIfNoEntry: named !== undefined });
    if (stat === undefined) return;
    if (stat.size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
    document = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    problems.push(`cannot read the configuration file ${path}: ${fileProblem(error)}`);
    return;
  }
  for (const [section, content] of Object.entries(document)) {
    if (!isTable(content)) {
      problems.push(unknownKey(`${path}: unknown key ${section}`, section));
      continue;
    }
    const names = Object.entries(content);
    if (names.length === 0 && !CONFIG_KEYS.some((key) => key.startsWith(`${section}.`))) {
      const near = nearest(section, Object.keys(SCHEMA), '.');
      problems.push(`${path}: unknown section [${section}]: the nearest is [${near}]`);
    }
    for (const [name, value] of names) {
      const key = `${section}.${name}`;
      const setting = SETTINGS.get(key);
      if (setting === undefined) problems.push(unknownKey(`${path}: unknown key ${key}`, key));
      else take(key, `in ${path}`, value, () => setting.read(value), values, problems);
    }
  }
}

function readEnvironment(env: ConfigSources['env'], values: Map<string, unknown>, problems: string[]): void {
  const keys = new Map(CONFIG_KEYS.map((key) => [variableOf(key), key]));
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('GUILDHALL_') || Object.hasOwn(OTHER_VARIABLES, variable)) continue;
    const key = keys.get(variable);
    if (key === undefined) {
      const near = nearest(variable, [...keys.keys(), ...Object.keys(OTHER_VARIABLES)], 'GUILDHALL_');
      problems.push(`unknown environment variable ${variable}: the nearest is ${near}`);
      continue;
    }
    // An empty variable is one that a script or a compose file left unset.
    if (value === undefined || value === '') continue;
    take(key, `from ${variable}`, value, () => settingOf(key).parse(value), values, problems);
  }
}

function readFlags(flags: Readonly<Record<string, string>>, values: Map<string, unknown>, problems: string[]): void {
  for (const [name, value] of Object.entries(flags)) {
    const key = SETTINGS.has(name) ? name : CONFIG_KEYS.find((one) => dashed(one) === dashed(name));
    if (key === undefined) problems.push(unknownKey(`unknown flag --${name}`, name, '--'));
    else take(key, `from --${name}`, value, () => settingOf(key).parse(value), values, problems);
  }
}

function take(
  key: string,
  source: string,
  given: unknown,
  read: () => unknown,
  values: Map<string, unknown>,
  problems: string[],
): void {
  try {
    values.set(key, read());
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problems.push(`${key} ${source} is ${shown(given)}, but must be ${error.message}`);
  }
}

function checkTogether(values: ReadonlyMap<string, unknown>, problems: string[]): void {
  const request = values.get('limits.request_bytes') as number;
  const attachment = values.get('limits.attachment_bytes') as number;
  if (attachment > request) {
    problems.push(
      `limits.attachment_bytes (${attachment}) is more than a whole request may have: limits.request_bytes (${request})`,
    );
  }
}

function nest(values: ReadonlyMap<string, unknown>): Config {
  const config: Record<string, Record<string, unknown>> = {};
  for (const [key, value] of values) {
    const [section = '', name = ''] = key.split('.');
    config[section] ??= {};
    config[section][name] = value;
  }
  for (const section of Object.values(config)) Object.freeze(section);
  return Object.freeze(config) as unknown as Config;
}

function settingOf(key: string): Setting<unknown> {
  const setting = SETTINGS.get(key);
  if (setting === undefined) throw new Error(`no setting ${key}`);
  return setting;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function unknownKey(what: string, name: string, prefix = ''): string {
  return `${what}: the nearest is ${prefix}${nearest(name, CONFIG_KEYS, '.')}`;
}

function dashed(name: string): string {
  return name.replaceAll(/[._]/g, '-');
}

function fileProblem(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (error instanceof TomlError) return `line ${error.line}, column ${error.column}: ${message.split('\n')[0]}`;
  return message;
}

const SHOWN_CHARS_MAX = 80;

function shown(value: unknown): string {
  const written =
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? String(value);
  return written.length > SHOWN_CHARS_MAX ? `${written.slice(0, SHOWN_CHARS_MAX)}…` : written;
}
