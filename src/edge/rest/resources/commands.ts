// Application commands, global and of one guild: read, create, change, delete, and all at once.

import { apiError } from '../../../protocol/errors.ts';
import { validate } from '../../../protocol/form.ts';
import { commandPayload } from '../../../protocol/payload.ts';
import {
  buildCommand,
  checkRoom,
  commandChangeForm,
  commandForm,
  commandListForm,
  deleteCommand,
  getCommand,
  listCommands,
  overwrite,
  putCommand,
} from '../../../service/account/commands.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

interface Scope {
  readonly application_id: string;
  readonly guild_id: string | null;
}

/** An application's commands are its own; those of a guild only while its bot is in it. */
async function scopeOf(call: RestCall): Promise<Scope> {
  const { application_id = '', guild_id = null } = call.params;
  if (call.requester.application_id !== application_id) throw apiError('MISSING_ACCESS');
  if (guild_id !== null && (await call.context.store.get('member', [guild_id, application_id])) === null) {
    throw apiError('MISSING_ACCESS');
  }
  return { application_id, guild_id };
}

async function list(call: RestCall): Promise<RestAnswer> {
  const scope = await scopeOf(call);
  const commands = await listCommands(call.context.store, scope.application_id, scope.guild_id);
  return { json: commands.map(commandPayload) };
}

async function create(call: RestCall): Promise<RestAnswer> {
  const scope = await scopeOf(call);
  const body = validate(commandForm, call.body);
  const { context } = call;
  const commands = await listCommands(context.store, scope.application_id, scope.guild_id);
  const type = body.type ?? 1;
  const same = commands.find((command) => command.type === type && command.name === body.name);
  if (same === undefined) checkRoom(commands, type);
  const built = buildCommand(context.ids, scope, body, null);
  const command = same === undefined ? built : { ...built, id: same.id };
  await context.commit([putCommand(command)]);
  return { json: commandPayload(command), status: same === undefined ? 201 : 200 };
}

async function overwriteAll(call: RestCall): Promise<RestAnswer> {
  const scope = await scopeOf(call);
  const bodies = validate(commandListForm, call.body);
  const { context } = call;
  const before = await listCommands(context.store, scope.application_id, scope.guild_id);
  const { commands, ops } = overwrite(context.ids, scope, bodies, before);
  if (ops.length > 0) await context.commit(ops);
  return { json: commands.map(commandPayload) };
}

async function read(call: RestCall) {
  const scope = await scopeOf(call);
  const { command_id = '' } = call.params;
  return { scope, command: await getCommand(call.context.store, scope.application_id, scope.guild_id, command_id) };
}

async function get(call: RestCall): Promise<RestAnswer> {
  return { json: commandPayload((await read(call)).command) };
}

async function patch(call: RestCall): Promise<RestAnswer> {
  const body = validate(commandChangeForm, call.body);
  const { scope, command } = await read(call);
  const changed = buildCommand(call.context.ids, scope, body, command);
  await call.context.commit([putCommand(changed)]);
  return { json: commandPayload(changed) };
}

async function remove(call: RestCall): Promise<RestAnswer> {
  const { command } = await read(call);
  await call.context.commit([deleteCommand(command)]);
  return undefined;
}

/** Who may use a guild's commands is decided by default_member_permissions alone: nobody has set more. */
async function listPermissions(call: RestCall): Promise<RestAnswer> {
  await scopeOf(call);
  return { json: [] };
}

const LIMIT = { requests: 20, windowMs: 5000 };

function routesOf(base: string): Route[] {
  const limit = (name: string) => ({ ...LIMIT, name: `${name} ${base}` });
  const one = `${base}/:command_id`;
  return [
    { method: 'GET', path: base, auth: 'required', handle: list },
    { method: 'POST', path: base, auth: 'required', limit: limit('command-create'), handle: create },
    { method: 'PUT', path: base, auth: 'required', limit: limit('command-overwrite'), handle: overwriteAll },
    { method: 'GET', path: one, auth: 'required', handle: get },
    { method: 'PATCH', path: one, auth: 'required', handle: patch },
    { method: 'DELETE', path: one, auth: 'required', handle: remove },
  ];
}

export const commandRoutes: readonly Route[] = [
  ...routesOf('/applications/:application_id/commands'),
  ...routesOf('/applications/:application_id/guilds/:guild_id/commands'),
  {
    method: 'GET',
    path: '/applications/:application_id/guilds/:guild_id/commands/permissions',
    auth: 'required',
    handle: listPermissions,
  },
];
