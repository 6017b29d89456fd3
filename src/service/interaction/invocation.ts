// What an application hears when somebody invokes it: the command looked up, its options checked, everything they name
// filled in (`resolved`). Pure reading; who may invoke is decided in the resource.

import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import {
  array,
  boolean,
  type Form,
  formError,
  type Infer,
  integer,
  maybe,
  object,
  snowflake,
  string,
  unknown,
} from '../../protocol/form.ts';
import {
  channelPayload,
  messageMemberPayload,
  messagePayload,
  rolePayload,
  userPayload,
} from '../../protocol/payload.ts';
import type { ChannelRecord, CommandRecord, MessageDoc, RoleRecord, UserRecord } from '../../protocol/records.ts';
import type { StoreReader } from '../../state/store/port.ts';
import { CommandType } from '../account/commands.ts';
import { gather, present } from '../channel/present.ts';
import { type Place, standingOf } from './standing.ts';

const OPTIONS_MAX = 25;

interface GivenOption {
  readonly type: number;
  readonly name: string;
  readonly value?: unknown;
  readonly focused?: boolean;
  readonly options?: readonly GivenOption[];
}

/** Options nest twice, as commands do. */
function optionForm(depth: number): Form<GivenOption> {
  return object({
    type: integer({ min: 1, max: 11 }),
    name: string({ min: 1, max: 32 }),
    value: maybe(unknown()),
    focused: maybe(boolean()),
    ...(depth < 2 ? { options: maybe(array(optionForm(depth + 1), { max: OPTIONS_MAX })) } : {}),
  }) as Form<GivenOption>;
}

export const commandDataForm = object({
  id: snowflake(),
  name: maybe(string({ max: 32 })),
  type: maybe(integer({ min: 1, max: 4 })),
  options: maybe(array(optionForm(0), { max: OPTIONS_MAX })),
  target_id: maybe(snowflake()),
});

export const componentDataForm = object({
  component_type: integer({ min: 1, max: 100 }),
  custom_id: string({ min: 1, max: 100 }),
  values: maybe(array(string({ max: 100 }), { max: 25 })),
});

export const modalDataForm = object({
  id: maybe(snowflake()),
  custom_id: string({ min: 1, max: 100 }),
  components: array(unknown(), { max: 40 }),
});

export type CommandData = Infer<typeof commandDataForm>;

/** Ids that options name, by kind. */
interface Named {
  readonly users: Set<Snowflake>;
  readonly roles: Set<Snowflake>;
  readonly channels: Set<Snowflake>;
  /** A user's or a role's. */
  readonly mentionables: Set<Snowflake>;
}

const Option = { SUB_COMMAND: 1, GROUP: 2, STRING: 3, INTEGER: 4, BOOLEAN: 5, USER: 6, CHANNEL: 7, ROLE: 8 } as const;
const MENTIONABLE = 9;
const NUMBER = 10;

/** The given options against the command's: known names, right types, nothing required left out (unless still typing). */
function checkOptions(
  given: readonly GivenOption[],
  defined: readonly { readonly [key: string]: unknown }[],
  typing: boolean,
  named: Named,
  path: readonly (string | number)[],
): void {
  given.forEach((option, i) => {
    const at = [...path, i];
    const definition = defined.find((one) => one['name'] === option.name && one['type'] === option.type);
    if (definition === undefined) {
      throw formError([...at, 'name'], 'APPLICATION_COMMAND_OPTION_UNKNOWN', 'This command has no such option');
    }
    if (option.type <= Option.GROUP) {
      const inner = (definition['options'] ?? []) as { [key: string]: unknown }[];
      checkOptions(option.options ?? [], inner, typing, named, [...at, 'options']);
    } else if (!typing) {
      checkValue(option, [...at, 'value'], named);
    }
  });
  const missing = defined.find((one) => {
    return one['required'] === true && !given.some((option) => option.name === one['name']);
  });
  if (missing !== undefined && !typing) {
    const message = `Required option ${String(missing['name'])} is missing`;
    throw formError(path, 'APPLICATION_COMMAND_OPTION_REQUIRED', message);
  }
}

function checkValue(option: GivenOption, path: readonly (string | number)[], named: Named): void {
  const { type, value } = option;
  const wrong = (): Error => formError(path, 'APPLICATION_COMMAND_OPTION_VALUE_INVALID', 'Not a value of this option');
  if (type === Option.INTEGER) {
    if (!Number.isSafeInteger(value)) throw wrong();
  } else if (type === NUMBER) {
    if (typeof value !== 'number') throw wrong();
  } else if (type === Option.BOOLEAN) {
    if (typeof value !== 'boolean') throw wrong();
  } else if (typeof value !== 'string' || value.length > 6000) {
    throw wrong();
  } else if (type >= Option.USER && type <= MENTIONABLE) {
    if (!/^[1-9]\d{0,19}$/.test(value)) throw wrong();
    if (type === Option.USER) named.users.add(value);
    else if (type === Option.CHANNEL) named.channels.add(value);
    else if (type === Option.ROLE) named.roles.add(value);
    else named.mentionables.add(value);
  }
}

/** `data` of the interaction of a command. `typing`: autocomplete, where values are unfinished. */
export async function commandData(
  store: StoreReader,
  place: Place,
  command: CommandRecord,
  given: CommandData,
  typing: boolean,
  nowMs: number,
  origin: string,
): Promise<{ readonly [key: string]: unknown }> {
  const named: Named = { users: new Set(), roles: new Set(), channels: new Set(), mentionables: new Set() };
  checkOptions(given.options ?? [], command.options, typing, named, ['data', 'options']);
  const target = given.target_id;
  if (command.type !== CommandType.CHAT_INPUT && target === undefined) {
    throw formError(['data', 'target_id'], 'BASE_TYPE_REQUIRED', 'This field is required');
  }
  if (command.type === CommandType.USER && target !== undefined) named.users.add(target);
  const resolved = await resolve(store, place, named, nowMs);
  if (command.type === CommandType.MESSAGE && target !== undefined) {
    resolved['messages'] = { [target]: await messageView(store, place, target, origin) };
  }
  return {
    id: command.id,
    name: command.name,
    type: command.type,
    ...(command.guild_id === undefined ? {} : { guild_id: command.guild_id }),
    ...(given.options === undefined ? {} : { options: given.options }),
    ...(target === undefined ? {} : { target_id: target }),
    ...(Object.keys(resolved).length === 0 ? {} : { resolved }),
  };
}

async function resolve(
  store: StoreReader,
  place: Place,
  named: Named,
  nowMs: number,
): Promise<{ [kind: string]: { [id: string]: unknown } }> {
  const users: { [id: string]: unknown } = {};
  const members: { [id: string]: unknown } = {};
  const roles: { [id: string]: unknown } = {};
  const channels: { [id: string]: unknown } = {};
  for (const id of [...named.users, ...named.mentionables]) {
    const user = await store.get<UserRecord>('user', [id]);
    if (user === null) {
      if (named.users.has(id)) throw apiError('UNKNOWN_USER');
      continue;
    }
    users[id] = userPayload(user);
    const standing = place.guild === null ? null : await standingOf(store, place, id, nowMs);
    if (standing?.member !== undefined) {
      members[id] = { ...messageMemberPayload(standing.member), permissions: String(standing.permissions) };
    }
  }
  for (const id of [...named.roles, ...named.mentionables]) {
    const role = place.guild === null ? null : await store.get<RoleRecord>('role', [place.guild.id, id]);
    if (role !== null) roles[id] = rolePayload(role);
    else if (named.roles.has(id)) throw apiError('UNKNOWN_ROLE');
  }
  for (const id of named.channels) {
    const channel = place.guild === null ? null : await store.get<ChannelRecord>('channel', [place.guild.id, id]);
    if (channel === null) throw apiError('UNKNOWN_CHANNEL');
    channels[id] = { ...channelPayload(channel), permissions: '0' };
  }
  const out: { [kind: string]: { [id: string]: unknown } } = {};
  for (const [kind, found] of Object.entries({ users, members, roles, channels })) {
    if (Object.keys(found).length > 0) out[kind] = found;
  }
  return out;
}

/** A message with its author and those it mentions, as an interaction carries it. Throws UNKNOWN_MESSAGE. */
export async function messageView(
  store: StoreReader,
  place: Place,
  messageId: Snowflake,
  origin: string,
): Promise<unknown> {
  const record = await store.message(place.channel.id, messageId);
  if (record === null) throw apiError('UNKNOWN_MESSAGE');
  return present(record, await gather(NO_HOST, store, [record]), { origin });
}

/** For reading messages without their channel's owner: it knows nobody, so that all is read from the store. */
export const NO_HOST = {
  user: () => undefined,
  member: () => undefined,
} as unknown as Parameters<typeof gather>[0];

export interface EphemeralParts {
  readonly id: Snowflake;
  readonly channel_id: Snowflake;
  readonly author: UserRecord;
  readonly doc: MessageDoc;
  readonly attachments: readonly unknown[];
}

/** A message that only its invoker sees, and no channel keeps. */
export function ephemeralPayload(parts: EphemeralParts) {
  return messagePayload({ ...parts, mentions: [] });
}
