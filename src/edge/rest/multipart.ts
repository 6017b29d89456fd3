// Reads multipart/form-data from a whole body, as the client libraries write it: the JSON in `payload_json` before or after the
// files, files named files[n] (any n), file or fileN, or plain form fields and no payload_json. Every count and size is bounded,
// and garbage is a client error, never an exception of another kind.

import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { apiError } from '../../protocol/errors.ts';
import { formError } from '../../protocol/form.ts';

export interface UploadedFile {
  /** n of files[n]; 0 for the legacy `file`. */
  readonly index: number;
  readonly filename: string;
  readonly bytes: Uint8Array;
}

export interface Multipart {
  /** Text of payload_json; null when there is none. */
  readonly payload: string | null;
  /** Other fields by name, the last of a name counts. */
  readonly fields: ReadonlyMap<string, string>;
  readonly files: readonly UploadedFile[];
}

/** Discord's limit of attachments of one message. */
export const FILES_MAX = 10;
/** payload_json and the few plain fields that the API knows. */
const FIELDS_MAX = 32;
const FIELD_BYTES_MAX = 1024 * 1024;
const FIELD_NAME_BYTES_MAX = 100;
/** Headers of one part; clients send two or three. */
const PART_HEADERS_MAX = 16;
const PART_HEADER_BYTES_MAX = 8 * 1024;
/** A file name's UTF-16 units after cleaning; file systems end at 255 bytes, but names are not used as paths. */
export const FILENAME_CHARACTERS_MAX = 200;
/** An index is n of files[n]; the body links to it by attachments[].id. */
const INDEX_DIGITS_MAX = 9;

/** Throws ApiError. `contentType` is the request's header. */
export function readMultipart(bytes: Uint8Array, contentType: string, fileBytesMax: number): Promise<Multipart> {
  return new Promise((resolve, reject) => {
    const collected = new Collector();
    const refuse = (error: unknown) => reject(error ?? apiError('GENERAL'));
    let parser: InstanceType<typeof Busboy>;
    try {
      parser = new Busboy({
        headers: { 'content-type': contentType } as BusboyHeaders,
        limits: {
          files: FILES_MAX,
          fields: FIELDS_MAX,
          fieldSize: FIELD_BYTES_MAX,
          fieldNameSize: FIELD_NAME_BYTES_MAX,
          fileSize: fileBytesMax,
          headerPairs: PART_HEADERS_MAX,
          headerSize: PART_HEADER_BYTES_MAX,
        },
      });
    } catch {
      // No boundary.
      refuse(malformed());
      return;
    }
    parser.on('file', (name, stream, filename) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('limit', () => refuse(apiError('FILE_TOO_LARGE')));
      stream.on('error', () => refuse(malformed()));
      collected.open += 1;
      stream.on('end', () => {
        collected.open -= 1;
        try {
          collected.file(name, filename, chunks);
        } catch (error) {
          refuse(error);
        }
        if (collected.isDone()) resolve(collected);
      });
    });
    parser.on('field', (name, value, nameTruncated, valueTruncated) => {
      if (nameTruncated || valueTruncated) refuse(apiError('TOO_LARGE'));
      else if (name === 'payload_json') collected.payload = value;
      else if (typeof name === 'string') collected.fields.set(name, value);
    });
    parser.on('filesLimit', () => refuse(apiError('MAX_ATTACHMENTS')));
    parser.on('fieldsLimit', () => refuse(apiError('TOO_LARGE')));
    parser.on('partsLimit', () => refuse(apiError('TOO_LARGE')));
    parser.on('error', () => refuse(malformed()));
    parser.on('finish', () => {
      collected.isFinished = true;
      if (collected.isDone()) resolve(collected);
    });
    parser.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  });
}

class Collector implements Multipart {
  payload: string | null = null;
  readonly fields = new Map<string, string>();
  readonly files: UploadedFile[] = [];
  /** File parts begun and not ended. */
  open = 0;
  isFinished = false;

  isDone(): boolean {
    return this.isFinished && this.open === 0;
  }

  file(name: string, filename: string | undefined, chunks: readonly Buffer[]): void {
    const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    if (name === 'payload_json') {
      this.payload = bytes.toString('utf8');
      return;
    }
    const index = indexOf(name) ?? this.files.length;
    if (this.files.some((file) => file.index === index)) {
      throw formError([String(name)], 'FILE_INDEX_DUPLICATE', 'Two files have the same index.');
    }
    this.files.push({ index, filename: cleanFilename(filename), bytes });
  }
}

/** The n of a file's field name. */
function indexOf(name: string): number | null {
  const match = /^files\[(\d+)\]$|^file(\d*)$/.exec(name);
  if (match === null) return null;
  const digits = match[1] ?? match[2] ?? '';
  return digits.length > INDEX_DIGITS_MAX ? null : Number(digits === '' ? 0 : digits);
}

/** A name without path, control and direction characters, never empty, never a dot path. */
export function cleanFilename(name: string | undefined): string {
  const base = (name ?? '').split(/[/\\]/).at(-1) ?? '';
  const clean = base
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd"<>|:*?]/gu, '')
    .trim();
  if (clean === '' || /^\.+$/.test(clean)) return 'unknown';
  if (clean.length <= FILENAME_CHARACTERS_MAX) return clean;
  // The ending tells the type: it stays.
  const dot = clean.lastIndexOf('.');
  const ending = dot > 0 && clean.length - dot <= 16 ? clean.slice(dot) : '';
  return `${clean.slice(0, FILENAME_CHARACTERS_MAX - ending.length)}${ending}`.toWellFormed().replaceAll('\ufffd', '');
}

function malformed() {
  return apiError('INVALID_FORM', {
    errors: { _errors: [{ code: 'MULTIPART_INVALID', message: 'The multipart body is malformed.' }] },
  });
}
