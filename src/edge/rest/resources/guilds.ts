// Guilds: made, read, changed, deleted; their audit log, and their pictures at the CDN's paths.

import { apiError } from '../../../protocol/errors.ts';
import {
  boolean,
  cursor,
  imageData,
  integer,
  maybe,
  nullable,
  object,
  optional,
  queryObject,
  snowflake,
  string,
  validate,
} from '../../../protocol/form.ts';
import type { ImageData } from '../../../protocol/images.ts';
import type { UserRecord } from '../../../protocol/records.ts';
import { AVATARS, findImage, saveImage } from '../../../service/account/images.ts';
import { guildCreation } from '../../../service/guild/provision.ts';
import { topicAddress } from '../../../service/shard/table.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { param } from './channel-request.ts';
import { pictureReply } from './images.ts';
import { askGuild, forwardGuild } from './guild-request.ts';

/** Kinds of pictures of a guild: column of its record, folder below images/, and path at the CDN. */
/** Banners share their path at the CDN with those of users, and so their folder. */
const PICTURES = { icon: 'icons', splash: 'splashes', banner: AVATARS } as const;

const createForm = object({ name: string({ min: 2, max: 100, trim: true }), icon: maybe(imageData()) });

const patchForm = object({
  name: maybe(string({ min: 2, max: 100, trim: true })),
  owner_id: maybe(snowflake()),
  icon: optional(nullable(imageData())),
  splash: optional(nullable(imageData())),
  banner: optional(nullable(imageData())),
  description: optional(nullable(string({ max: 300 }))),
  afk_channel_id: optional(nullable(snowflake())),
  afk_timeout: maybe(integer({ choices: [60, 300, 900, 1800, 3600] })),
  system_channel_id: optional(nullable(snowflake())),
  system_channel_flags: maybe(integer({ min: 0, max: 0xffff })),
  rules_channel_id: optional(nullable(snowflake())),
  public_updates_channel_id: optional(nullable(snowflake())),
  default_message_notifications: maybe(integer({ choices: [0, 1] })),
  explicit_content_filter: maybe(integer({ choices: [0, 1, 2] })),
  verification_level: maybe(integer({ choices: [0, 1, 2, 3, 4] })),
  preferred_locale: maybe(string({ min: 2, max: 10, pattern: /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,4})?$/ })),
  premium_progress_bar_enabled: maybe(boolean()),
});

const auditQuery = object({
  user_id: maybe(snowflake()),
  action_type: maybe(integer({ min: 1, max: 1000 })),
  target_id: maybe(snowflake()),
  before: maybe(cursor()),
  after: maybe(cursor()),
  limit: maybe(integer({ min: 1, max: 100 })),
});

const getQuery = object({ with_counts: maybe(boolean()) });

async function createGuild(call: RestCall): Promise<RestAnswer> {
  const { context, requester } = call;
  const { name, icon } = validate(createForm, call.body);
  const owner = await context.store.get<UserRecord>('user', [requester.user_id]);
  if (owner === null) throw apiError('UNKNOWN_USER');
  const made = guildCreation({ name, owner, ids: context.ids, nowMs: context.runtime.clock.nowMs() });
  const { guildId } = made;
  await context.commit(made.ops);
  if (icon !== undefined) {
    const hash = await saveImage(context.dataDir, PICTURES.icon, guildId, icon);
    await askGuild(call, 'guild.modify', { patch: { icon: hash } }, guildId);
  }
  // The owner's live sessions hear of it as of any guild they join.
  context.runtime.cast(topicAddress(context.runtime, `guild:${guildId}`), { k: 'announce', user_id: owner.id });
  return answer({ ...(await askGuild(call, 'guild.get', {}, guildId)), status: 201 });
}

async function patchGuild(call: RestCall): Promise<RestAnswer> {
  const { icon, splash, banner, ...rest } = validate(patchForm, call.body);
  const pictures: { [key: string]: string | null } = {};
  for (const [key, image] of Object.entries({ icon, splash, banner })) {
    if (image !== undefined) pictures[key] = await stored(call, key as keyof typeof PICTURES, image);
  }
  return forwardGuild(call, 'guild.modify', { patch: { ...defined(rest), ...pictures } });
}

async function stored(call: RestCall, key: keyof typeof PICTURES, image: ImageData | null): Promise<string | null> {
  if (image === null) return null;
  const guildId = param(call, 'guild_id');
  // Only for who is in the guild; whether they may change it is the guild's to say.
  const known = await call.context.store.get('user_guild', [call.requester.user_id, guildId]);
  if (known === null) throw apiError('UNKNOWN_GUILD');
  return saveImage(call.context.dataDir, PICTURES[key], guildId, image);
}

/** Without the keys that `maybe` left undefined: a patch says only what it changes. */
export function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function picture(kind: string) {
  return async (call: RestCall): Promise<RestAnswer> => {
    return pictureReply(await findImage(call.context.dataDir, kind, param(call, 'guild_id'), param(call, 'file')));
  };
}

export const guildRoutes: readonly Route[] = [
  { method: 'POST', path: '/guilds', auth: 'required', handle: createGuild },
  {
    method: 'GET',
    path: '/guilds/:guild_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'guild.get', validate(getQuery, queryObject(call.query))),
  },
  { method: 'PATCH', path: '/guilds/:guild_id', auth: 'required', handle: patchGuild },
  {
    method: 'DELETE',
    path: '/guilds/:guild_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'guild.delete'),
  },
  {
    method: 'GET',
    path: '/guilds/:guild_id/audit-logs',
    auth: 'required',
    handle: (call) => {
      const query = validate(auditQuery, queryObject(call.query));
      return forwardGuild(call, 'audit.list', { ...defined(query), limit: query.limit ?? 50 });
    },
  },
  // Threads are not offered yet; libraries ask for the list at start.
  {
    method: 'GET',
    path: '/guilds/:guild_id/threads/active',
    auth: 'required',
    handle: async (call) => {
      await askGuild(call, 'guild.get');
      return { json: { threads: [], members: [] } };
    },
  },
  { method: 'GET', path: '/icons/:guild_id/:file', root: true, auth: 'none', handle: picture(PICTURES.icon) },
  { method: 'GET', path: '/splashes/:guild_id/:file', root: true, auth: 'none', handle: picture(PICTURES.splash) },
];
