// Application commands: the form of what a bot registers, and the rows they are kept in. Scope is 'global' or a guild's id. A
// command is known by its type and name within its scope: creating one of the same name replaces it and keeps its id.

import type { Snowflake, SnowflakeGenerator } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import {
  array,
  boolean,
  type Form,
  formError,
  type Infer,
  integer,
  maybe,
  nullable,
  number,
  object,
  optional,
  permissions,
  record,
  snowflake,
  string,
  unknown,
} from '../../protocol/form.ts';
import type { CommandRecord } from '../../protocol/records.ts';
import type { StoreOp, StoreReader } from '../../state/store/port.ts';

export const CommandType = { CHAT_INPUT: 1, USER: 2, MESSAGE: 3, PRIMARY_ENTRY_POINT: 4 } as const;
const OptionType = { SUB_COMMAND: 1, SUB_COMMAND_GROUP: 2 } as const;

/** Commands of one type in one scope, as on Discord; bots test against these limits. */
const COMMANDS_MAX: Readonly<Record<number, number>> = { 1: 100, 2: 15, 3: 15, 4: 1 };
const OPTIONS_MAX = 25;
const CHOICES_MAX = 25;
const NAME_MAX = 32;
const DESCRIPTION_MAX = 100;
/** Characters of names, descriptions and values of one command together. */
const COMMAND_CHARACTERS_MAX = 8_000;
const LOCALES_MAX = 40;

/** Slash commands and their options: no spaces, no capitals. */
const SLASH_NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u;

const localizations = maybe(record(nullable(string({ max: DESCRIPTION_MAX })), { max: LOCALES_MAX }));

const choice = object({
  name: string({ min: 1, max: 100 }),
  name_localizations: localizations,
  value: unknown(),
});

type Option = { [key: string]: unknown };

/** Options nest twice: group, subcommand, option. */
function optionForm(depth: number): Form<Option> {
  const deeper = depth < 2 ? optionForm(depth + 1) : null;
  return object({
    type: integer({ min: 1, max: 11 }),
    name: string({ min: 1, max: NAME_MAX }),
    name_localizations: localizations,
    description: string({ min: 1, max: DESCRIPTION_MAX }),
    description_localizations: localizations,
    required: maybe(boolean()),
    choices: maybe(array(choice, { max: CHOICES_MAX })),
    channel_types: maybe(array(integer({ min: 0 }), { max: 20 })),
    min_value: maybe(number()),
    max_value: maybe(number()),
    min_length: maybe(integer({ min: 0, max: 6000 })),
    max_length: maybe(integer({ min: 1, max: 6000 })),
    autocomplete: maybe(boolean()),
    ...(deeper === null ? {} : { options: maybe(array(deeper, { max: OPTIONS_MAX })) }),
  });
}

const fields = {
  id: maybe(snowflake()),
  name: string({ min: 1, max: NAME_MAX }),
  name_localizations: localizations,
  description: maybe(string({ max: DESCRIPTION_MAX })),
  description_localizations: localizations,
  options: maybe(array(optionForm(0), { max: OPTIONS_MAX })),
  default_member_permissions: optional(nullable(permissions())),
  dm_permission: maybe(boolean()),
  nsfw: maybe(boolean()),
  integration_types: maybe(array(integer({ min: 0, max: 1 }), { max: 2 })),
  contexts: optional(nullable(array(integer({ min: 0, max: 2 }), { max: 3 }))),
};

export const commandForm = object({ ...fields, type: maybe(integer({ choices: [1, 2, 3, 4] })) });
export const commandChangeForm = object({ ...fields, name: optional(fields.name) });
export const commandListForm = array(commandForm, { max: 130 });

export type CommandBody = Infer<typeof commandForm>;
type CommandChange = Infer<typeof commandChangeForm>;

/** The record of a command. `path` is where its errors stand (its index in a bulk overwrite). */
export function buildCommand(
  ids: SnowflakeGenerator,
  scope: { readonly application_id: Snowflake; readonly guild_id: Snowflake | null },
  body: CommandBody | CommandChange,
  before: CommandRecord | null,
  path: readonly (string | number)[] = [],
): CommandRecord {
  const type = before?.type ?? ('type' in body ? body.type : undefined) ?? CommandType.CHAT_INPUT;
  const name = body.name ?? before?.name ?? '';
  const version = ids.next();
  const command: CommandRecord = {
    id: before?.id ?? version,
    application_id: scope.application_id,
    ...(scope.guild_id === null ? {} : { guild_id: scope.guild_id }),
    type,
    name,
    name_localizations: locales(body.name_localizations) ?? before?.name_localizations ?? null,
    description: type === CommandType.CHAT_INPUT ? (body.description ?? before?.description ?? '') : '',
    description_localizations: locales(body.description_localizations) ?? before?.description_localizations ?? null,
    options: body.options ?? before?.options ?? [],
    default_member_permissions:
      body.default_member_permissions === undefined
        ? (before?.default_member_permissions ?? null)
        : body.default_member_permissions,
    dm_permission: body.dm_permission ?? before?.dm_permission ?? true,
    nsfw: body.nsfw ?? before?.nsfw ?? false,
    integration_types: body.integration_types ?? before?.integration_types ?? [0],
    contexts: body.contexts === undefined ? (before?.contexts ?? null) : body.contexts,
    version,
  };
  checkCommand(command, path);
  return command;
}

function locales(from: { [locale: string]: string | null } | undefined): { [locale: string]: string } | undefined {
  if (from === undefined) return undefined;
  const out: { [locale: string]: string } = {};
  for (const [locale, text] of Object.entries(from)) if (text !== null) out[locale] = text;
  return out;
}

function checkCommand(command: CommandRecord, path: readonly (string | number)[]): void {
  if (command.type === CommandType.CHAT_INPUT) {
    checkSlashName(command.name, [...path, 'name']);
    if (command.description === '') throw required([...path, 'description']);
    checkOptions(command.options, [...path, 'options']);
  } else if (command.options.length > 0) {
    throw formError(
      [...path, 'options'],
      'APPLICATION_COMMAND_OPTIONS_NOT_ALLOWED',
      'Only slash commands have options',
    );
  }
  if (JSON.stringify(command).length > COMMAND_CHARACTERS_MAX * 4 || charactersOf(command) > COMMAND_CHARACTERS_MAX) {
    const message = `Command exceeds maximum size (${COMMAND_CHARACTERS_MAX})`;
    throw formError(path.length === 0 ? ['name'] : path, 'APPLICATION_COMMAND_TOO_LARGE', message);
  }
}

function checkOptions(options: readonly Option[], path: readonly (string | number)[]): void {
  const names = new Set<unknown>();
  let optional = false;
  options.forEach((option, i) => {
    const at = [...path, i];
    checkSlashName(String(option['name']), [...at, 'name']);
    if (names.has(option['name'])) {
      throw formError(at, 'APPLICATION_COMMAND_OPTIONS_NAME_INVALID', 'Option name is already in use');
    }
    names.add(option['name']);
    const nested = option['type'] === OptionType.SUB_COMMAND || option['type'] === OptionType.SUB_COMMAND_GROUP;
    if (!nested && option['required'] === true && optional) {
      const message = 'Required options must be placed before non-required options';
      throw formError(at, 'APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID', message);
    }
    if (!nested && option['required'] !== true) optional = true;
    if (Array.isArray(option['options'])) checkOptions(option['options'] as Option[], [...at, 'options']);
    for (const [n, { value }] of ((option['choices'] ?? []) as { value: unknown }[]).entries()) {
      if (typeof value !== 'string' && typeof value !== 'number') throw required([...at, 'choices', n, 'value']);
    }
  });
}

function checkSlashName(name: string, path: readonly (string | number)[]): void {
  if (!SLASH_NAME.test(name) || name !== name.toLowerCase()) {
    throw formError(path, 'APPLICATION_COMMAND_INVALID_NAME', 'Command name is invalid');
  }
}

function required(path: readonly (string | number)[]): Error {
  return formError(path, 'BASE_TYPE_REQUIRED', 'This field is required');
}

function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + charactersOf(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, item]) => {
    return key.endsWith('_localizations') ? sum : sum + charactersOf(item);
  }, 0);
}

// ---- rows

export function scopeOf(guildId: Snowflake | null): string {
  return guildId ?? 'global';
}

export function listCommands(
  store: Pick<StoreReader, 'list'>,
  applicationId: Snowflake,
  guildId: Snowflake | null,
): Promise<CommandRecord[]> {
  return store.list<CommandRecord>('command', [applicationId, scopeOf(guildId)]);
}

export async function getCommand(
  store: Pick<StoreReader, 'get'>,
  applicationId: Snowflake,
  guildId: Snowflake | null,
  id: Snowflake,
): Promise<CommandRecord> {
  const command = await store.get<CommandRecord>('command', [applicationId, scopeOf(guildId), id]);
  if (command === null) throw apiError('UNKNOWN_COMMAND');
  return command;
}

export function putCommand(command: CommandRecord): StoreOp {
  const key = [command.application_id, scopeOf(command.guild_id ?? null), command.id];
  return { op: 'put', table: 'command', key, doc: { ...command } };
}

export function deleteCommand(command: CommandRecord): StoreOp {
  const key = [command.application_id, scopeOf(command.guild_id ?? null), command.id];
  return { op: 'delete', table: 'command', key };
}

/** Is there room for one more of this type? */
export function checkRoom(commands: readonly CommandRecord[], type: number): void {
  const same = commands.filter((command) => command.type === type).length;
  if (same >= (COMMANDS_MAX[type] ?? 1)) throw apiError('MAX_COMMANDS');
}

/** The whole scope anew: commands of the same type and name keep their ids, those not named are gone. */
export function overwrite(
  ids: SnowflakeGenerator,
  scope: { readonly application_id: Snowflake; readonly guild_id: Snowflake | null },
  bodies: readonly CommandBody[],
  before: readonly CommandRecord[],
): { commands: CommandRecord[]; ops: StoreOp[] } {
  const keyOf = (type: number, name: string) => `${type} ${name}`;
  const known = new Map(before.map((command) => [keyOf(command.type, command.name), command]));
  const commands: CommandRecord[] = [];
  const names = new Set<string>();
  bodies.forEach((body, i) => {
    const key = keyOf(body.type ?? CommandType.CHAT_INPUT, body.name);
    if (names.has(key)) {
      throw formError([i], 'APPLICATION_COMMANDS_DUPLICATE_NAME', 'Application command names must be unique');
    }
    names.add(key);
    checkRoom(commands, body.type ?? CommandType.CHAT_INPUT);
    const same = known.get(key);
    // Only its id is kept: what an overwrite leaves out goes back to its default.
    const command = buildCommand(ids, scope, body, null, [i]);
    commands.push(same === undefined ? command : { ...command, id: same.id });
  });
  const kept = new Set(commands.map((command) => command.id));
  const gone = before.filter((command) => !kept.has(command.id));
  return { commands, ops: [...gone.map(deleteCommand), ...commands.map(putCommand)] };
}
