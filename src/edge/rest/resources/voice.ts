// Voice: regions, and who is in which channel.

import { boolean, maybe, nullable, object, optional, snowflake, timestamp, validate } from '../../../protocol/form.ts';
import { voiceRegionPayload } from '../../../protocol/payload.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { param } from './channel-request.ts';
import { askGuild, forwardGuild } from './guild-request.ts';
import { defined } from './guilds.ts';

/** One server is one region. */
const REGIONS = [voiceRegionPayload('guildhall', 'Guildhall')];

const patchForm = object({
  channel_id: optional(nullable(snowflake())),
  suppress: maybe(boolean()),
  request_to_speak_timestamp: optional(nullable(timestamp())),
});

async function guildRegions(call: RestCall): Promise<RestAnswer> {
  await askGuild(call, 'guild.get');
  return { json: REGIONS };
}

function patchState(call: RestCall, user_id: string): Promise<RestAnswer> {
  return forwardGuild(call, 'voice.modify', { user_id, patch: defined(validate(patchForm, call.body)) });
}

export const voiceRoutes: readonly Route[] = [
  { method: 'GET', path: '/voice/regions', auth: 'required', handle: () => ({ json: REGIONS }) },
  { method: 'GET', path: '/guilds/:guild_id/regions', auth: 'required', handle: guildRegions },
  {
    method: 'GET',
    path: '/guilds/:guild_id/voice-states',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'voice.list'),
  },
  {
    method: 'GET',
    path: '/guilds/:guild_id/voice-states/@me',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'voice.get', { user_id: call.requester.user_id }),
  },
  {
    method: 'GET',
    path: '/guilds/:guild_id/voice-states/:user_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'voice.get', { user_id: param(call, 'user_id') }),
  },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/voice-states/@me',
    auth: 'required',
    handle: (call) => patchState(call, call.requester.user_id),
  },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/voice-states/:user_id',
    auth: 'required',
    handle: (call) => patchState(call, param(call, 'user_id')),
  },
];
