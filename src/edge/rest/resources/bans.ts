// Bans of a guild.

import { array, cursor, integer, maybe, object, queryObject, snowflake, validate } from '../../../protocol/form.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { param } from './channel-request.ts';
import { forwardGuild } from './guild-request.ts';
import { defined } from './guilds.ts';

const PAGE_MAX = 1_000;
/** A week, as on Discord. */
const DELETE_S_MAX = 604_800;
const DAY_S = 86_400;
const BULK_MAX = 200;

const listQuery = object({
  before: maybe(cursor()),
  after: maybe(cursor()),
  limit: maybe(integer({ min: 1, max: PAGE_MAX })),
});
const deletion = {
  delete_message_seconds: maybe(integer({ min: 0, max: DELETE_S_MAX })),
  /** The old way to say it. */
  delete_message_days: maybe(integer({ min: 0, max: 7 })),
};
const putForm = object(deletion);
const bulkForm = object({ ...deletion, user_ids: array(snowflake(), { min: 1, max: BULK_MAX }) });

function secondsOf(form: {
  delete_message_seconds?: number | undefined;
  delete_message_days?: number | undefined;
}): number {
  return form.delete_message_seconds ?? (form.delete_message_days ?? 0) * DAY_S;
}

function listBans(call: RestCall): Promise<RestAnswer> {
  const query = validate(listQuery, queryObject(call.query));
  return forwardGuild(call, 'ban.list', { ...defined(query), limit: query.limit ?? PAGE_MAX });
}

/** discordgo says the reason and the days in the query. */
function putBan(call: RestCall): Promise<RestAnswer> {
  const fromBody = validate(putForm, call.body ?? undefined);
  const fromQuery = validate(putForm, queryObject(call.query));
  const seconds = secondsOf({ ...defined(fromQuery), ...defined(fromBody) });
  const reason = call.reason ?? call.query.get('reason')?.slice(0, 512) ?? null;
  const args = { user_id: param(call, 'user_id'), delete_message_seconds: seconds };
  return forwardGuild({ ...call, reason }, 'ban.put', args);
}

function bulkBan(call: RestCall): Promise<RestAnswer> {
  const form = validate(bulkForm, call.body);
  return forwardGuild(call, 'ban.bulk', { user_ids: form.user_ids, delete_message_seconds: secondsOf(form) });
}

export const banRoutes: readonly Route[] = [
  { method: 'GET', path: '/guilds/:guild_id/bans', auth: 'required', handle: listBans },
  {
    method: 'GET',
    path: '/guilds/:guild_id/bans/:user_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'ban.get', { user_id: param(call, 'user_id') }),
  },
  { method: 'PUT', path: '/guilds/:guild_id/bans/:user_id', auth: 'required', handle: putBan },
  {
    method: 'DELETE',
    path: '/guilds/:guild_id/bans/:user_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'ban.delete', { user_id: param(call, 'user_id') }),
  },
  { method: 'POST', path: '/guilds/:guild_id/bulk-ban', auth: 'required', handle: bulkBan },
];
