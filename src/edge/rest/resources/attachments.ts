// Serves uploaded files, at the root. Nothing that a browser would run is ever live: only pictures, sound and film are shown in
// place, all else is a download. The row in the store decides: a file without one is not there.

import { stat } from 'node:fs/promises';
import { apiError } from '../../../protocol/errors.ts';
import { attachmentPath } from '../../../service/channel/attachment-files.ts';
import { servedAs } from '../../../service/channel/attachment-meta.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { param } from './channel-request.ts';

/** A file never changes under its id. */
const CACHE_CONTROL = 'public, max-age=31536000, immutable';

export const attachmentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/attachments/:channel_id/:attachment_id/:filename',
    auth: 'none',
    root: true,
    handle: serve,
  },
];

async function serve(call: RestCall): Promise<RestAnswer> {
  const channelId = param(call, 'channel_id');
  const id = param(call, 'attachment_id');
  const row = await call.context.store.get<{ filename: string; size: number }>('attachment', [channelId, id]);
  if (row === null || row.filename !== param(call, 'filename')) throw apiError('NOT_FOUND');
  const path = attachmentPath(call.context.dataDir, channelId, id);
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) throw apiError('NOT_FOUND');
  const { type, inline } = servedAs(row.filename);
  return {
    status: 200,
    headers: {
      'Content-Type': type,
      'Content-Disposition': `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(row.filename)}`,
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      'Cache-Control': CACHE_CONTROL,
    },
    file: { path, size: found.size },
  };
}
