// Channels: of a guild made, ordered, changed, deleted, with their permission overwrites; a private channel is read here too.

import type { Snowflake } from '../../../base/snowflake.ts';
import { ChannelType, CREATABLE_CHANNEL_TYPES } from '../../../protocol/channel-types.ts';
import { apiError } from '../../../protocol/errors.ts';
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
  withDefault,
} from '../../../protocol/form.ts';
import { dmChannelPayload } from '../../../protocol/payload.ts';
import type { ChannelRecord, UserRecord } from '../../../protocol/records.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { askChannel, param } from './channel-request.ts';
import { forwardGuild } from './guild-request.ts';
import { defined } from './guilds.ts';

/** Six hours, as on Discord. */
const SLOW_MODE_S_MAX = 21_600;
const POSITIONS_MAX = 500;

/** Libraries of the old API say 'role' and 'member'. */
const overwriteType = {
  read(value: unknown, errors: Parameters<ReturnType<typeof integer>['read']>[1]): number {
    const type = value === 'role' ? 0 : value === 'member' ? 1 : value;
    return integer({ choices: [0, 1] }).read(type, errors);
  },
};

const overwrite = object({
  id: snowflake(),
  type: overwriteType,
  allow: withDefault(permissions(), '0'),
  deny: withDefault(permissions(), '0'),
});

const shape = {
  type: maybe(integer({ choices: CREATABLE_CHANNEL_TYPES })),
  position: maybe(integer({ min: 0, max: 100_000 })),
  topic: optional(nullable(string({ max: 1024 }))),
  nsfw: maybe(boolean()),
  parent_id: optional(nullable(snowflake())),
  permission_overwrites: maybe(array(overwrite, { max: 1000 })),
  rate_limit_per_user: maybe(integer({ min: 0, max: SLOW_MODE_S_MAX })),
  bitrate: maybe(integer({ min: 8_000, max: 384_000 })),
  user_limit: maybe(integer({ min: 0, max: 99 })),
  rtc_region: optional(nullable(string({ max: 32 }))),
  video_quality_mode: maybe(integer({ choices: [1, 2] })),
  default_auto_archive_duration: optional(nullable(integer({ choices: [60, 1440, 4320, 10_080] }))),
};

const name = string({ min: 1, max: 100, trim: true });
const createForm = object({ ...shape, name });
const patchForm = object({ ...shape, name: maybe(name), flags: maybe(integer({ min: 0, max: 0x7fff_ffff })) });

const positionsForm = array(
  object({
    id: snowflake(),
    position: optional(nullable(integer({ min: 0, max: 100_000 }))),
    parent_id: optional(nullable(snowflake())),
    lock_permissions: optional(nullable(boolean())),
  }),
  { max: POSITIONS_MAX },
);

const overwriteForm = object({
  type: overwriteType,
  allow: withDefault(permissions(), '0'),
  deny: withDefault(permissions(), '0'),
});

/** Text channels have no spaces and capitals in their names, as on Discord. */
function written(text: string, type: number): string {
  const textual = type === ChannelType.GUILD_TEXT || type === ChannelType.GUILD_ANNOUNCEMENT;
  return textual ? text.toLowerCase().replaceAll(/\s+/g, '-') : text;
}

function createChannel(call: RestCall): Promise<RestAnswer> {
  const form = validate(createForm, call.body);
  const patch = { ...defined(form), name: written(form.name, form.type ?? ChannelType.GUILD_TEXT) };
  return forwardGuild(call, 'channel.create', { patch: { ...patch, ...uniqueOverwrites(form.permission_overwrites) } });
}

async function patchChannel(call: RestCall): Promise<RestAnswer> {
  const id = param(call, 'channel_id');
  if ((await privateChannel(call, id)) !== null) throw apiError('DM_CHANNEL');
  const form = validate(patchForm, call.body);
  const patch: { [key: string]: unknown } = { ...defined(form), ...uniqueOverwrites(form.permission_overwrites) };
  if (form.name !== undefined) {
    const owner = await call.context.store.get<{ type: number }>('channel_owner', [id]);
    patch['name'] = written(form.name, form.type ?? owner?.type ?? ChannelType.GUILD_VOICE);
  }
  return answer(await askChannel(call, id, 'channel.modify', { patch }));
}

/** Of two overwrites for one id the last counts. */
function uniqueOverwrites(list: { id: Snowflake }[] | undefined): { permission_overwrites?: { id: Snowflake }[] } {
  if (list === undefined) return {};
  return { permission_overwrites: [...new Map(list.map((entry) => [entry.id, entry])).values()] };
}

async function getChannel(call: RestCall): Promise<RestAnswer> {
  const id = param(call, 'channel_id');
  const own = await privateChannel(call, id);
  if (own !== null) return { json: own };
  return answer(await askChannel(call, id, 'channel.get'));
}

/** Deletes a guild's channel; a private one is only closed on the asker's side, which is the client's own business. */
async function deleteChannel(call: RestCall): Promise<RestAnswer> {
  const id = param(call, 'channel_id');
  const own = await privateChannel(call, id);
  if (own !== null) return { json: own };
  return answer(await askChannel(call, id, 'channel.delete'));
}

/** The private channel as its recipient sees it; null when the channel is a guild's. */
async function privateChannel(call: RestCall, id: Snowflake) {
  const { context, requester } = call;
  const owner = await context.ownerOf(id);
  if (owner === null || !owner.startsWith('dm:')) return null;
  const channel = await context.store.get<ChannelRecord>('channel', [id, id]);
  const recipients = channel?.recipient_ids ?? [];
  if (channel === null || !recipients.includes(requester.user_id)) throw apiError('MISSING_ACCESS');
  const others = recipients.filter((user) => user !== requester.user_id);
  const users = await context.store.getMany<UserRecord>(
    'user',
    others.map((user) => [user]),
  );
  const last_message_id = await context.store.lastMessageId(id);
  return dmChannelPayload(
    channel,
    users.filter((user) => user !== null),
    { last_message_id },
  );
}

async function putOverwrite(call: RestCall): Promise<RestAnswer> {
  const form = validate(overwriteForm, call.body);
  const id = param(call, 'channel_id');
  const args = { overwrite: { id: param(call, 'overwrite_id'), ...form } };
  if ((await privateChannel(call, id)) !== null) throw apiError('DM_CHANNEL');
  return answer(await askChannel(call, id, 'overwrite.put', args));
}

async function deleteOverwrite(call: RestCall): Promise<RestAnswer> {
  const id = param(call, 'channel_id');
  if ((await privateChannel(call, id)) !== null) throw apiError('DM_CHANNEL');
  return answer(await askChannel(call, id, 'overwrite.delete', { overwrite_id: param(call, 'overwrite_id') }));
}

export const channelRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/guilds/:guild_id/channels',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'channel.list'),
  },
  { method: 'POST', path: '/guilds/:guild_id/channels', auth: 'required', handle: createChannel },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/channels',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'channel.positions', { positions: validate(positionsForm, call.body) }),
  },
  { method: 'GET', path: '/channels/:channel_id', auth: 'required', handle: getChannel },
  { method: 'PATCH', path: '/channels/:channel_id', auth: 'required', handle: patchChannel },
  { method: 'DELETE', path: '/channels/:channel_id', auth: 'required', handle: deleteChannel },
  { method: 'PUT', path: '/channels/:channel_id/permissions/:overwrite_id', auth: 'required', handle: putOverwrite },
  {
    method: 'DELETE',
    path: '/channels/:channel_id/permissions/:overwrite_id',
    auth: 'required',
    handle: deleteOverwrite,
  },
];
