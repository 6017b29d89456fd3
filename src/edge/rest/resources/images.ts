// Pictures of users, at the paths of Discord's CDN. They may be cached for ever: a name is the hash of what it names.

import { apiError } from '../../../protocol/errors.ts';
import { AVATARS, findImage, type ImageFile } from '../../../service/account/images.ts';
import type { HttpReply } from '../../transport/types.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

/** Any stored picture; NOT_FOUND without one. */
export function pictureReply(image: ImageFile | null): HttpReply {
  if (image === null) throw apiError('NOT_FOUND');
  return {
    status: 200,
    headers: {
      'Content-Type': image.contentType,
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
    },
    file: { path: image.path, size: image.size },
  };
}

async function getAvatar(call: RestCall): Promise<RestAnswer> {
  const { user_id = '', file = '' } = call.params;
  return pictureReply(await findImage(call.context.dataDir, AVATARS, user_id, file));
}

export const imageRoutes: readonly Route[] = [
  { method: 'GET', path: '/avatars/:user_id/:file', root: true, auth: 'none', handle: getAvatar },
  { method: 'GET', path: '/banners/:user_id/:file', root: true, auth: 'none', handle: getAvatar },
];
