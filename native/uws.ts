// Loads uWebSockets.js: a compiled file of the package `uwebsockets`, which is run only when its sha256 is one we know. What is
// loaded is a copy without the library's name in its error pages (native/nameless.ts), on glibc older than 2.38 edited by
// native/elf.ts as well; the file in node_modules stays as it is.

import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lowerGlibc } from './elf.ts';
import { withoutNames } from './nameless.ts';
import { UWS_SHA256 } from './uws-checksums.ts';

export type Uws = typeof import('uWebSockets.js');

/** `message` says what is wrong, `hint` what to do next. */
export class UwsLoadError extends Error {
  override name = 'UwsLoadError';
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(`${message} (${hint})`, cause === undefined ? undefined : { cause });
    this.hint = hint;
  }
}

export interface UwsPlace {
  /** Folder that holds the compiled files. */
  readonly packageFolder: string;
  readonly platform: string;
  readonly arch: string;
  readonly abi: string;
  /** sha256 values, besides the table, that the operator accepts (GUILDHALL_UWS_SHA256: one or several, by comma). */
  readonly accepted: string;
  /** Where edited copies are kept, the first that is writable. */
  readonly cacheFolder: string;
}

let loaded: Uws | undefined;

/** Throws UwsLoadError. Any number of threads of a process may call it; each gets its own instance. */
export function loadUws(): Uws {
  loaded ??= loadUwsFrom(standardPlace());
  return loaded;
}

function standardPlace(): UwsPlace {
  const root = fileURLToPath(new URL('..', import.meta.url));
  return {
    packageFolder: packageFolder(root),
    platform: process.platform,
    arch: process.arch,
    abi: process.versions.modules,
    accepted: process.env['GUILDHALL_UWS_SHA256'] ?? '',
    cacheFolder: join(root, 'node_modules', '.cache', 'guildhall'),
  };
}

function packageFolder(root: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('uWebSockets.js/package.json'));
  } catch {
    return join(root, 'node_modules', 'uWebSockets.js');
  }
}

export function loadUwsFrom(place: UwsPlace): Uws {
  const name = `uws_${place.platform}_${place.arch}_${place.abi}.node`;
  const path = join(place.packageFolder, name);
  const { bytes, sha256 } = readVerified(place, name, path);
  const nameless = withoutNames(bytes);
  try {
    return loadNameless(place, path, nameless, nameless === bytes, sha256);
  } catch (error) {
    if (!/GLIBC_2\.38. not found/.test(messageOf(error))) {
      throw new UwsLoadError(`${name} does not load: ${messageOf(error)}`, 'see README.md, "Platforms"', error);
    }
    return loadEdited(place, name, nameless, sha256);
  }
}

function readVerified(place: UwsPlace, name: string, path: string): { bytes: Uint8Array; sha256: string } {
  if (!existsSync(path)) {
    const isInstalled = existsSync(join(place.packageFolder, 'package.json'));
    throw isInstalled
      ? new UwsLoadError(
          `uWebSockets.js has no build for ${place.platform} ${place.arch} with Node's module ABI ${place.abi}`,
          'Guildhall runs on Linux x64 and arm64 with Node 24: start it by `npm start`, or use the container image',
        )
      : new UwsLoadError(`uWebSockets.js is not installed in ${place.packageFolder}`, 'run `npm ci`, or `npm start`');
  }
  const bytes = readFileSync(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const accepted = place.accepted.toLowerCase().split(/[\s,]+/);
  if (UWS_SHA256[name] === sha256 || accepted.includes(sha256)) return { bytes, sha256 };
  const problem =
    UWS_SHA256[name] === undefined
      ? `${name} is a build that Guildhall was not tested with`
      : `${path} is not the file it should be: its sha256 is ${sha256}, wanted is ${UWS_SHA256[name]}`;
  throw new UwsLoadError(
    problem,
    `reinstall with \`npm ci\`; if it is a build of your own that you trust, set GUILDHALL_UWS_SHA256=${sha256}`,
  );
}

/** The copy for a glibc that is new enough. Where no copy can be kept the file itself is loaded: names are no reason not to start. */
function loadNameless(place: UwsPlace, path: string, nameless: Uint8Array, isSame: boolean, sha256: string): Uws {
  if (isSame || glibcIsOld()) return requireFile(path);
  let copy: Copy;
  try {
    copy = keepCopy(place.cacheFolder, `uws-${sha256}-nameless.node`, nameless);
  } catch {
    return requireFile(path);
  }
  try {
    return requireFile(copy.path);
  } catch {
    // A folder that forbids programs; the error of the file itself, if it has one, is the one to tell.
    return requireFile(path);
  } finally {
    copy.release();
  }
}

/** Older than 2.38: the file will not load, and its error says so. */
function glibcIsOld(): boolean {
  // Without it the report would look up the names of all peers.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const header = (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header;
  const [major = 2, minor = 38] = (header?.glibcVersionRuntime ?? '2.38').split('.').map(Number);
  return major < 2 || (major === 2 && minor < 38);
}

function loadEdited(place: UwsPlace, name: string, bytes: Uint8Array, sha256: string): Uws {
  let edited: Uint8Array;
  try {
    edited = lowerGlibc(bytes);
  } catch (error) {
    throw new UwsLoadError(
      `${name} needs glibc 2.38, this system has an older one, and the file can't be adapted: ${messageOf(error)}`,
      'use Debian 13, Ubuntu 24.04 or newer, or the container image',
      error,
    );
  }
  const copy = keepCopy(place.cacheFolder, `uws-${sha256}.node`, edited);
  try {
    return requireFile(copy.path);
  } catch (error) {
    throw new UwsLoadError(
      `${copy.path}, a copy of ${name} for glibc older than 2.38, does not load: ${messageOf(error)}`,
      'if its folder forbids programs (noexec), make node_modules/.cache writable or set TMPDIR to another folder',
      error,
    );
  } finally {
    copy.release();
  }
}

interface Copy {
  readonly path: string;
  /** To be called once the copy is loaded. */
  release(): void;
}

/**
 * A file with these bytes: what lies in the cache already is compared whole, so neither a cut-off write nor a stranger's file is
 * ever loaded. Where the cache can't be written, a folder of this process alone that goes as soon as the file is loaded.
 */
function keepCopy(cacheFolder: string, name: string, bytes: Uint8Array): Copy {
  const path = join(cacheFolder, name);
  if (holds(path, bytes)) return { path, release: () => {} };
  try {
    mkdirSync(cacheFolder, { recursive: true });
    writeAtomically(path, bytes);
    return { path, release: () => {} };
  } catch {
    // Read-only node_modules: normal in an image and under a service user.
  }
  try {
    // mkdtemp makes it with mode 0700.
    const folder = mkdtempSync(join(tmpdir(), 'guildhall-'));
    const temporary = join(folder, name);
    writeFileSync(temporary, bytes, { mode: 0o600, flag: 'wx' });
    return { path: temporary, release: () => rmSync(folder, { recursive: true, force: true }) };
  } catch (error) {
    throw new UwsLoadError(
      `no place to write the copy of uWebSockets.js that this system's glibc needs: ${messageOf(error)}`,
      `make ${cacheFolder} or ${tmpdir()} writable`,
      error,
    );
  }
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    const status = lstatSync(path);
    return status.isFile() && status.size === bytes.byteLength && readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

/**
 * Threads and processes may race here: each writes a file of its own, and the rename puts a whole one in place. Everybody may
 * read it: an image is built by root and runs as another user.
 */
function writeAtomically(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, bytes, { flag: 'wx' });
    // Whatever the process' umask.
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It was not created.
    }
    throw error;
  }
}

function requireFile(path: string): Uws {
  return createRequire(import.meta.url)(path) as Uws;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
