// Pictures on the wire: an image is named by a hash (32 hex digits, `a_` before it when it moves), and uploaded as a data URI.

/** twilight and serenity reject any other text, also the empty one. */
const IMAGE_HASH = /^(a_)?[0-9a-f]{32}$/;
const DATA_URI = /^data:(image\/(?:png|jpeg|jpg|gif|webp|avif));base64,([A-Za-z0-9+/]*={0,2})$/;

export function isImageHash(value: unknown): value is string {
  return typeof value === 'string' && IMAGE_HASH.test(value);
}

/** The hash, or null for anything that is none: what a record may hold in avatar, icon, banner, splash. */
export function imageHashOrNull(value: unknown): string | null {
  return isImageHash(value) ? value : null;
}

export interface ImageData {
  readonly contentType: string;
  readonly base64: string;
}

/** Takes a data URI apart; null when it is none, or when its bytes are not what it says. */
export function parseImageData(text: string): ImageData | null {
  const match = DATA_URI.exec(text);
  const contentType = match?.[1];
  const base64 = match?.[2];
  if (contentType === undefined || base64 === undefined || base64.length === 0 || base64.length % 4 !== 0) return null;
  const actual = sniffImage(base64);
  return actual === null ? null : { contentType: actual, base64 };
}

/** The kind of picture by its first bytes, which count more than its label. */
function sniffImage(base64: string): string | null {
  const head = atob(base64.slice(0, 24));
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'image/gif';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'image/webp';
  if (head.slice(4, 12) === 'ftypavif') return 'image/avif';
  return null;
}
