// Invites: made in a channel, listed, shown to anybody who has the code, accepted by people.

import { apiError } from '../../../protocol/errors.ts';
import { boolean, integer, maybe, object, queryObject, validate, withDefault } from '../../../protocol/form.ts';
import type { InviteRecord } from '../../../protocol/records.ts';
import type { Requester } from '../../../service/request.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { askChannel, param } from './channel-request.ts';
import { forwardGuild } from './guild-request.ts';

const DAY_S = 86_400;
const AGE_S_MAX = 604_800;
const USES_MAX = 100;
/** Longer is no code: nothing is looked up. */
const CODE_LENGTH_MAX = 64;
/** Who asks without a token. */
const NOBODY: Requester = { user_id: '0', bot: false, application_id: null };

const createForm = object({
  max_age: withDefault(integer({ min: 0, max: AGE_S_MAX }), DAY_S),
  max_uses: withDefault(integer({ min: 0, max: USES_MAX }), 0),
  temporary: withDefault(boolean(), false),
  unique: withDefault(boolean(), false),
});
const getQuery = object({ with_counts: maybe(boolean()) });

async function createInvite(call: RestCall): Promise<RestAnswer> {
  const form = validate(createForm, call.body ?? undefined);
  return answer(await askChannel(call, param(call, 'channel_id'), 'invite.create', { form }));
}

async function listOfChannel(call: RestCall): Promise<RestAnswer> {
  return answer(await askChannel(call, param(call, 'channel_id'), 'invite.listChannel'));
}

/** Asks the guild that the code leads to. */
async function ask(call: RestCall, op: string, requester: Requester, args: { [key: string]: unknown } = {}) {
  const code = param(call, 'code');
  const invite = code.length > CODE_LENGTH_MAX ? null : await call.context.store.get<InviteRecord>('invite', [code]);
  if (invite === null) throw apiError('UNKNOWN_INVITE');
  return answer(await call.context.request(`guild:${invite.guild_id}`, op, requester, { code, ...args }, call.reason));
}

function acceptInvite(call: RestCall): Promise<RestAnswer> {
  if (call.requester.bot) throw apiError('USERS_ONLY');
  return ask(call, 'invite.accept', call.requester);
}

export const inviteRoutes: readonly Route[] = [
  { method: 'POST', path: '/channels/:channel_id/invites', auth: 'required', handle: createInvite },
  { method: 'GET', path: '/channels/:channel_id/invites', auth: 'required', handle: listOfChannel },
  {
    method: 'GET',
    path: '/guilds/:guild_id/invites',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'invite.listGuild'),
  },
  {
    method: 'GET',
    path: '/invites/:code',
    auth: 'none',
    handle: (call) => ask(call, 'invite.get', NOBODY, validate(getQuery, queryObject(call.query))),
  },
  { method: 'POST', path: '/invites/:code', auth: 'required', handle: acceptInvite },
  {
    method: 'DELETE',
    path: '/invites/:code',
    auth: 'required',
    handle: (call) => ask(call, 'invite.delete', call.requester),
  },
];
