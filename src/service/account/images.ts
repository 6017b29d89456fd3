// Pictures of users on disk: <data>/images/<kind>/<owner id>/<hash>.<extension>. The name is the hash of the bytes, so a
// picture is written once and never changes; a picture whose owner shows another one now stays readable, as on Discord.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import { isSnowflake, type Snowflake } from '../../base/snowflake.ts';
import { type ImageData, isImageHash } from '../../protocol/images.ts';

export const AVATARS = 'avatars';

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/avif': 'avif',
};

/** Keeps the picture; resolves with its hash. */
export async function saveImage(dataDir: string, kind: string, ownerId: Snowflake, image: ImageData): Promise<string> {
  const extension = EXTENSIONS[image.contentType];
  assert(extension !== undefined && isSnowflake(ownerId), 'image of an unknown kind or owner');
  const bytes = Buffer.from(image.base64, 'base64');
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
  const hash = extension === 'gif' ? `a_${digest}` : digest;
  const folder = join(dataDir, 'images', kind, ownerId);
  await mkdir(folder, { recursive: true });
  // Written aside and renamed, so that a reader never meets half a picture.
  const aside = join(folder, `.${randomBytes(8).toString('hex')}`);
  await writeFile(aside, bytes);
  await rename(aside, join(folder, `${hash}.${extension}`));
  return hash;
}

export interface ImageFile {
  readonly path: string;
  readonly size: number;
  readonly contentType: string;
}

/** The picture of this hash, whatever extension it was asked for with; null when there is none. */
export async function findImage(
  dataDir: string,
  kind: string,
  ownerId: string,
  file: string,
): Promise<ImageFile | null> {
  const hash = file.replace(/\.[a-z]{3,4}$/, '');
  if (!isSnowflake(ownerId) || !isImageHash(hash)) return null;
  for (const [contentType, extension] of Object.entries(EXTENSIONS)) {
    const path = join(dataDir, 'images', kind, ownerId, `${hash}.${extension}`);
    try {
      const found = await stat(path);
      return { path, size: found.size, contentType };
    } catch {
      // Not with this extension.
    }
  }
  return null;
}
