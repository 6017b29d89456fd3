// What is said about an uploaded file: its name made safe, its type inferred from that name (as Discord does, whatever the
// part's own header said), and an image's size read from its first bytes. Pure; called at the edge.

/** Longest name kept; Discord's own limit is 260. */
export const FILENAME_MAX = 260;

/** Types that a browser may show in place: no markup, no script. All else is served as a download. */
const LIVE_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  wav: 'audio/x-wav',
  flac: 'audio/x-flac',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
};

/** Told to clients, but never served as such: these are downloads. */
const OTHER_TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain; charset=utf-8',
  log: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  html: 'text/html; charset=utf-8',
  htm: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  ts: 'video/mp2t',
  xml: 'text/xml; charset=utf-8',
  svg: 'image/svg+xml; charset=utf-8',
  pdf: 'application/pdf',
  zip: 'application/zip',
  gz: 'application/gzip',
  tar: 'application/x-tar',
  '7z': 'application/x-7z-compressed',
  rar: 'application/vnd.rar',
  py: 'text/x-python; charset=utf-8',
  rs: 'text/x-rust; charset=utf-8',
  go: 'text/x-go; charset=utf-8',
  java: 'text/x-java; charset=utf-8',
  c: 'text/x-csrc; charset=utf-8',
  h: 'text/x-chdr; charset=utf-8',
  cpp: 'text/x-c++src; charset=utf-8',
  toml: 'application/toml; charset=utf-8',
  yml: 'application/x-yaml; charset=utf-8',
  yaml: 'application/x-yaml; charset=utf-8',
};

function extensionOf(filename: string): string {
  const dot = filename.lastIndexOf('.');
  return dot < 0 ? '' : filename.slice(dot + 1).toLowerCase();
}

function lookUp(table: Readonly<Record<string, string>>, extension: string): string | undefined {
  return Object.hasOwn(table, extension) ? table[extension] : undefined;
}

/** The `content_type` of the attachment; undefined when the name tells nothing. */
export function contentTypeOf(filename: string): string | undefined {
  const extension = extensionOf(filename);
  return lookUp(LIVE_TYPES, extension) ?? lookUp(OTHER_TYPES, extension);
}

/** The type and disposition under which the file may leave, whatever it claims to be. */
export function servedAs(filename: string): { readonly type: string; readonly inline: boolean } {
  const extension = extensionOf(filename);
  const live = lookUp(LIVE_TYPES, extension);
  if (live !== undefined) return { type: live, inline: true };
  const text = lookUp(OTHER_TYPES, extension)?.startsWith('text/plain') === true;
  return { type: text ? 'text/plain; charset=utf-8' : 'application/octet-stream', inline: false };
}

/**
 * A name that is safe in a URL's last segment, in a header and on any disk: letters, digits, '.', '-', '_'; others become '_',
 * as Discord does with spaces. Never empty, never beginning with a dot.
 */
export function sanitizeFilename(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1).normalize('NFC');
  let safe = base.replace(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^[._]*\.+/, '');
  if (safe.length > FILENAME_MAX) {
    const extension = extensionOf(safe).slice(0, 16);
    // Cutting between the halves of a surrogate pair would leave text that is not Unicode.
    safe = `${safe.slice(0, FILENAME_MAX - 1 - extension.length).replace(/[\uD800-\uDBFF]$/, '')}.${extension}`;
  }
  return safe === '' ? 'unknown' : safe;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Width and height of a PNG, GIF, JPEG or WebP by its header; undefined for anything else or a broken one. */
export function imageSize(bytes: Uint8Array): ImageSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = pngSize(view) ?? gifSize(view) ?? webpSize(view) ?? jpegSize(view);
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

function pngSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < 24 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function gifSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < 10 || view.getUint32(0) !== 0x47494638) return undefined;
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

function webpSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < 30 || view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57454250) return undefined;
  const chunk = view.getUint32(12);
  // 'VP8X': canvas size less one, 24 bits each.
  if (chunk === 0x56503858) {
    const width = view.getUint16(24, true) | (view.getUint8(26) << 16);
    const height = view.getUint16(27, true) | (view.getUint8(29) << 16);
    return { width: width + 1, height: height + 1 };
  }
  // 'VP8L': a signature byte, then 14 bits each, less one.
  if (chunk === 0x5650384c) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  // 'VP8 ': a frame tag and a start code, then 14 bits each.
  if (chunk === 0x56503820)
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  return undefined;
}

/** Walks the segments up to the first frame header (SOF0 to SOF15, without DHT, JPG and DAC). */
function jpegSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
