// Members of a guild.

import { apiError } from '../../../protocol/errors.ts';
import {
  array,
  boolean,
  cursor,
  integer,
  maybe,
  nullable,
  object,
  optional,
  queryObject,
  snowflake,
  string,
  timestamp,
  validate,
} from '../../../protocol/form.ts';
import type { ApplicationRecord } from '../../../protocol/records.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { param } from './channel-request.ts';
import { askGuild, bodyOf, forwardGuild } from './guild-request.ts';
import { defined } from './guilds.ts';

const PAGE_MAX = 1_000;

const nick = optional(nullable(string({ max: 32, trim: true })));
const listQuery = object({ limit: maybe(integer({ min: 1, max: PAGE_MAX })), after: maybe(cursor()) });
const searchQuery = object({ query: string({ min: 1, max: 100 }), limit: maybe(integer({ min: 1, max: PAGE_MAX })) });
/** An access token is Discord's way to prove consent; here it may be left out. */
const addForm = object({ nick, mute: maybe(boolean()), deaf: maybe(boolean()) });
const selfForm = object({ nick });
const patchForm = object({
  nick,
  roles: optional(nullable(array(snowflake(), { max: 250 }))),
  mute: maybe(boolean()),
  deaf: maybe(boolean()),
  channel_id: optional(nullable(snowflake())),
  communication_disabled_until: optional(nullable(timestamp())),
  flags: maybe(integer({ min: 0, max: 0x7fff_ffff })),
});

/** The member list is for applications with the privilege, and for people. */
async function listMembers(call: RestCall): Promise<RestAnswer> {
  const query = validate(listQuery, queryObject(call.query));
  const { application_id, bot } = call.requester;
  if (bot && application_id !== null) {
    const application = await call.context.store.get<ApplicationRecord>('application', [application_id]);
    if (application?.privileged.includes('members') !== true) throw apiError('MISSING_ACCESS');
  }
  return forwardGuild(call, 'member.list', { ...defined(query), limit: query.limit ?? 1 });
}

function searchMembers(call: RestCall): Promise<RestAnswer> {
  const { query, limit = 1 } = validate(searchQuery, queryObject(call.query));
  return forwardGuild(call, 'member.search', { query, limit });
}

function withUser(call: RestCall, args: { readonly [key: string]: unknown } = {}) {
  return { user_id: param(call, 'user_id'), ...args };
}

async function patchOwnNick(call: RestCall): Promise<RestAnswer> {
  const reply = await askGuild(call, 'member.modifySelf', { patch: validate(selfForm, call.body) });
  if (reply.status !== 200) return answer(reply);
  return { json: { nick: bodyOf<{ nick: string | null }>(reply).nick } };
}

export const memberRoutes: readonly Route[] = [
  { method: 'GET', path: '/guilds/:guild_id/members', auth: 'required', handle: listMembers },
  { method: 'GET', path: '/guilds/:guild_id/members/search', auth: 'required', handle: searchMembers },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/members/@me',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'member.modifySelf', { patch: validate(selfForm, call.body) }),
  },
  { method: 'PATCH', path: '/guilds/:guild_id/members/@me/nick', auth: 'required', handle: patchOwnNick },
  {
    method: 'GET',
    path: '/guilds/:guild_id/members/:user_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'member.get', withUser(call)),
  },
  {
    method: 'PUT',
    path: '/guilds/:guild_id/members/:user_id',
    auth: 'required',
    handle: (call) =>
      forwardGuild(call, 'member.add', withUser(call, { member: defined(validate(addForm, call.body)) })),
  },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/members/:user_id',
    auth: 'required',
    handle: (call) =>
      forwardGuild(call, 'member.modify', withUser(call, { patch: defined(validate(patchForm, call.body)) })),
  },
  {
    method: 'DELETE',
    path: '/guilds/:guild_id/members/:user_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'member.kick', withUser(call)),
  },
  {
    method: 'PUT',
    path: '/guilds/:guild_id/members/:user_id/roles/:role_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'member.role.add', withUser(call, { role_id: param(call, 'role_id') })),
  },
  {
    method: 'DELETE',
    path: '/guilds/:guild_id/members/:user_id/roles/:role_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'member.role.remove', withUser(call, { role_id: param(call, 'role_id') })),
  },
];
