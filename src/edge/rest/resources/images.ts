// Pictures of users, at the paths of Discord's CDN. They may be cached for ever: a name is the hash of what it names.

import { apiError } from '../../../protocol/errors.ts';
import { AVATARS, findImage } from '../../../service/account/images.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

async function getAvatar(call: RestCall): Promise<RestAnswer> {
  const { user_id = '', file = '' } = call.params;
  const image = await findImage(call.context.dataDir, AVATARS, user_id, file);
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

export const imageRoutes: readonly Route[] = [
  { method: 'GET', path: '/avatars/:user_id/:file', root: true, auth: 'none', handle: getAvatar },
  { method: 'GET', path: '/banners/:user_id/:file', root: true, auth: 'none', handle: getAvatar },
];
