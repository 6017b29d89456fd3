// Custom emojis of a guild, and their pictures at the CDN's path.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSnowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { array, imageData, maybe, object, snowflake, string, validate, withDefault } from '../../../protocol/form.ts';
import { findImage, saveImage } from '../../../service/account/images.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { param } from './channel-request.ts';
import { pictureReply } from './images.ts';
import { askGuild, forwardGuild } from './guild-request.ts';
import { answer } from '../reply.ts';
import { defined } from './guilds.ts';

/** Folder below images/, by emoji id. */
const EMOJIS = 'emojis';
/** As on Discord. */
const IMAGE_BYTES_MAX = 256 * 1024;

const name = string({ min: 2, max: 32, pattern: /^\w+$/ });
const roles = array(snowflake(), { max: 250 });
const createForm = object({ name, image: imageData(IMAGE_BYTES_MAX), roles: withDefault(roles, []) });
const patchForm = object({ name: maybe(name), roles: maybe(roles) });

async function createEmoji(call: RestCall): Promise<RestAnswer> {
  const { image, ...form } = validate(createForm, call.body);
  // Not a picture on disk for who is not even in the guild.
  await askGuild(call, 'guild.get');
  const id = call.context.ids.next();
  await saveImage(call.context.dataDir, EMOJIS, id, image);
  const animated = image.contentType === 'image/gif';
  return answer(await askGuild(call, 'emoji.create', { id, ...form, animated }));
}

async function getPicture(call: RestCall): Promise<RestAnswer> {
  const { dataDir } = call.context;
  const id = param(call, 'file').replace(/\.[a-z]{3,4}$/, '');
  if (!isSnowflake(id)) throw apiError('NOT_FOUND');
  const files = await readdir(join(dataDir, 'images', EMOJIS, id)).catch(() => []);
  const file = files.find((entry) => !entry.startsWith('.'));
  return pictureReply(file === undefined ? null : await findImage(dataDir, EMOJIS, id, file));
}

function withEmoji(call: RestCall, args: { readonly [key: string]: unknown } = {}) {
  return { emoji_id: param(call, 'emoji_id'), ...args };
}

export const emojiRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/guilds/:guild_id/emojis',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'emoji.list'),
  },
  { method: 'POST', path: '/guilds/:guild_id/emojis', auth: 'required', handle: createEmoji },
  {
    method: 'GET',
    path: '/guilds/:guild_id/emojis/:emoji_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'emoji.get', withEmoji(call)),
  },
  {
    method: 'PATCH',
    path: '/guilds/:guild_id/emojis/:emoji_id',
    auth: 'required',
    handle: (call) =>
      forwardGuild(call, 'emoji.modify', withEmoji(call, { patch: defined(validate(patchForm, call.body)) })),
  },
  {
    method: 'DELETE',
    path: '/guilds/:guild_id/emojis/:emoji_id',
    auth: 'required',
    handle: (call) => forwardGuild(call, 'emoji.delete', withEmoji(call)),
  },
  { method: 'GET', path: '/emojis/:file', root: true, auth: 'none', handle: getPicture },
];
