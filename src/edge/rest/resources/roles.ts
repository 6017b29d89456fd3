// Roles of a guild.

import {
  array,
  boolean,
  integer,
  maybe,
  nullable,
  object,
  optional,
  permissions,
  snowflake,
  string,
  validate,
} from '../../../protocol/form.ts';
import type { Route } from '../route.ts';
import { param } from './channel-request.ts';
import { forwardGuild } from './guild-request.ts';
import { defined } from './guilds.ts';

const COLOUR = { min: 0, max: 0xff_ff_ff } as const;

const form = object({
  name: maybe(string({ min: 1, max: 100 })),
  permissions: maybe(permissions()),
  color: maybe(integer(COLOUR)),
  colors: maybe(
    object({
      primary_color: integer(COLOUR),
      secondary_color: optional(nullable(integer(COLOUR))),
      tertiary_color: optional(nullable(integer(COLOUR))),
    }),
  ),
  hoist: maybe(boolean()),
  mentionable: maybe(boolean()),
  unicode_emoji: optional(nullable(string({ max: 32 }))),
});

const positionsForm = array(
  object({ id: snowflake(), position: optional(nullable(integer({ min: 0, max: 10_000 }))) }),
  { max: 251 },
);

function patchOf(body: unknown): { [key: string]: unknown } {
  const { colors, ...rest } = validate(form, body);
  if (colors === undefined) return defined(rest);
  const { primary_color, secondary_color = null, tertiary_color = null } = colors;
  return { ...defined(rest), colors: { primary_color, secondary_color, tertiary_color } };
}

export const roleRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/guilds/:guild_id/roles',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.list'),
  },
  {
    method: 'POST',
    path: '/guilds/:guild_id/roles',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.create', { patch: patchOf(call.body) }),
  },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/roles',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.positions', { positions: validate(positionsForm, call.body) }),
  },
  {
    method: 'GET',
    path: '/guilds/:guild_id/roles/member-counts',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.counts'),
  },
  {
    method: 'GET',
    path: '/guilds/:guild_id/roles/:role_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.get', { role_id: param(call, 'role_id') }),
  },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/roles/:role_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.modify', { role_id: param(call, 'role_id'), patch: patchOf(call.body) }),
  },
  {
    method: 'DELETE',
    path: '/guilds/:guild_id/roles/:role_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'role.delete', { role_id: param(call, 'role_id') }),
  },
];
