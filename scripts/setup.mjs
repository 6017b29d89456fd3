// Makes a fresh clone ready to run: the packages of package-lock.json, and the Rust binding where cargo is there. Runs before
// Node 24 is installed, so it is plain JavaScript for Node 18 and newer, without dependencies. Idempotent; when nothing is to
// do it reads a few small files and ends. Everything it says goes to standard error.
//
//   setup.mjs [--dev] [--bench]
//
// --dev is what tests and checks ask for (the same packages today); --bench installs bench/peers as well.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);

/** A set-up that takes longer than this is not waited for: it hangs, or its machine is far too small. */
const LOCK_WAIT_MS_MAX = 15 * 60_000;
const LOCK_POLL_MS = 200;
/** How often a long step says that it is alive. */
const PROGRESS_MS = 10_000;
/** Lines of a failed command's output that are worth reading, at its beginning and at its end. */
const EXCERPT_LINES = 20;
/** More than any failed build prints; what comes after is dropped. */
const OUTPUT_CHARS_MAX = 1024 * 1024;

const NODE_MAJOR_MIN = 24;
const CORE_PACKAGE = 'guildhall-core';
const CORE_LIBRARY = { linux: 'libguildhall_core.so', darwin: 'libguildhall_core.dylib', win32: 'guildhall_core.dll' };

const say = (text) => process.stderr.write(`setup: ${text}\n`);

const packagesStamp = at('node_modules', '.cache', 'guildhall', 'packages.sha256');
const bindingStamp = at('native', 'build', 'guildhall-core.sha256');
const bindingFile = at('native', 'build', 'guildhall-core.node');
const peersStamp = at('bench', 'peers', 'node_modules', '.guildhall.sha256');

const tasks = [
  { name: 'packages', isNeeded: packagesAreStale, run: installPackages, mustSucceed: true },
  { name: 'binding', isNeeded: bindingIsStale, run: buildBinding, mustSucceed: false },
  ...(process.argv.includes('--bench')
    ? [{ name: 'peers', isNeeded: peersAreStale, run: installPeers, mustSucceed: true }]
    : []),
];

async function main() {
  // A container image is complete and read-only.
  if (existsSync(at('.sealed'))) return 0;
  if (!tasks.some((task) => task.isNeeded())) {
    linkCommand();
    return hasNode() ? 0 : 1;
  }
  const unlock = await lock();
  const started = Date.now();
  try {
    // Asked again: another set-up may have done it while we waited. npm waits for the network and cargo for the processor,
    // so they run side by side.
    const due = tasks.filter((task) => task.isNeeded());
    const results = await Promise.all(due.map((task) => task.run().then((isDone) => isDone || !task.mustSucceed)));
    if (results.includes(false)) return 1;
    linkCommand();
    if (due.length > 0) say(`done in ${seconds(started)}`);
    return hasNode() ? 0 : 1;
  } finally {
    unlock();
  }
}

// ---- packages

function packagesAreStale() {
  const wanted = hashFiles([at('package-lock.json')]);
  if (readText(packagesStamp) === wanted) return false;
  // Somebody who installed by hand (npm install) is not made to do it again.
  if (!matchesLock()) return true;
  try {
    stamp(packagesStamp, wanted);
  } catch {
    // A node_modules that can't be written is looked through again at every start.
  }
  return false;
}

/** Whether node_modules holds what package-lock.json says, by npm's own record of what it installed. */
function matchesLock() {
  const installed = readJson(at('node_modules', '.package-lock.json'))?.packages;
  const wanted = readJson(at('package-lock.json'))?.packages;
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return found.version === entry.version && found.integrity === entry.integrity && existsSync(at(path));
  });
}

/** What scripts/node will run: the packaged Node, or this one when it is new enough. */
function hasNode() {
  const isPackaged = existsSync(at('node_modules', `node-linux-${process.arch}`, 'bin', 'node'));
  if (isPackaged || Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return true;
  say(
    `Node ${NODE_MAJOR_MIN} or newer is needed; this is ${process.versions.node}, and npm has no packaged one for it here`,
  );
  say(`(${process.platform} ${process.arch}; on Linux x64 and arm64: \`npm ci --include=optional\`)`);
  return false;
}

async function installPackages() {
  const wanted = hashFiles([at('package-lock.json')]);
  const isDone = await runNpm('installing packages', root);
  if (isDone) stamp(packagesStamp, wanted);
  else say('the packages could not be installed; see above. Guildhall needs them, so this is the end.');
  return isDone;
}

/**
 * `npm ci`, which installs what the lock file says and nothing else. It refuses a lock file without the optional packages of
 * other platforms, which npm itself writes where its registry lacks them; then `npm install --no-save` takes the same versions
 * and checks the same digests, and writes no lock file either.
 */
async function runNpm(title, folder) {
  const options = [
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel=error',
  ];
  const hasLock = existsSync(join(folder, 'package-lock.json'));
  if (hasLock) {
    const isIncomplete = (output) => output.includes('npm error Missing: ');
    const outcome = await runStep(`${title} (npm ci)`, 'npm', ['ci', ...options], folder, isIncomplete);
    if (outcome !== 'excused') return outcome === 'done';
  }
  const save = hasLock ? [] : ['--no-package-lock'];
  const args = ['install', '--no-save', ...save, ...options];
  return (await runStep(`${title} (npm install)`, 'npm', args, folder)) === 'done';
}

/** `npx guildhall` finds a package's own command only where npm would have linked it for a dependent. */
function linkCommand() {
  const link = at('node_modules', '.bin', 'guildhall');
  const target = join('..', '..', 'bin', 'guildhall');
  if (process.platform === 'win32' || !existsSync(at('bin', 'guildhall'))) return;
  try {
    if (lstatSync(link).isSymbolicLink() && readlinkSync(link) === target) return;
    rmSync(link);
  } catch {
    // It is not there.
  }
  try {
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  } catch (error) {
    if (error.code !== 'EEXIST') say(`could not link ${relative(root, link)}: ${error.message}`);
  }
}

// ---- the Rust binding

function bindingSources() {
  const files = [at('Cargo.toml'), at('Cargo.lock')];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.(rs|toml)$/.test(entry.name)) files.push(path);
    }
  };
  walk(at('crates'));
  return files.sort();
}

/** The sources, and the machine: a clone moved between machines by copying must not load another's binary. */
function bindingHash() {
  return hashFiles(bindingSources(), `${process.platform} ${process.arch}`);
}

function bindingIsStale() {
  if (process.env.GUILDHALL_NATIVE === 'off' || !existsSync(at('crates'))) return false;
  const [wanted, outcome] = [bindingHash(), readText(bindingStamp)];
  if (outcome === wanted && existsSync(bindingFile)) return false;
  // Tried before and failed, or no cargo then: not tried at every start, but told by `guildhall doctor`.
  if (outcome === `failed ${wanted}`) return false;
  return !(outcome === `no cargo ${wanted}` && cargo() === undefined);
}

let cargoCommand;
function cargo() {
  if (cargoCommand !== undefined) return cargoCommand;
  const candidates = ['cargo', join(process.env.CARGO_HOME ?? join(process.env.HOME ?? '/', '.cargo'), 'bin', 'cargo')];
  cargoCommand = candidates.find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0);
  return cargoCommand;
}

async function buildBinding() {
  const wanted = bindingHash();
  const command = cargo();
  if (command === undefined) {
    rmSync(bindingFile, { force: true });
    stamp(bindingStamp, `no cargo ${wanted}`);
    say('no cargo (Rust) found: the portable fall-backs are used, which do the same more slowly');
    return true;
  }
  const args = ['build', '--release', '--locked', '-p', CORE_PACKAGE];
  if ((await runStep('building the Rust binding (cargo build)', command, args, root)) !== 'done') {
    rmSync(bindingFile, { force: true });
    stamp(bindingStamp, `failed ${wanted}`);
    say(
      'the Rust binding could not be built; see above. The portable fall-backs are used, which do the same more slowly.',
    );
    say('it is tried again when a crate changes, or after `rm -r native/build`');
    return false;
  }
  const target = process.env.CARGO_TARGET_DIR ?? at('target');
  const temporary = `${bindingFile}.${process.pid}.tmp`;
  mkdirSync(dirname(bindingFile), { recursive: true });
  copyFileSync(join(target, 'release', CORE_LIBRARY[process.platform] ?? CORE_LIBRARY.linux), temporary);
  chmodSync(temporary, 0o755);
  // A rename: a server that runs has the old file mapped, and writing into that would crash it.
  renameSync(temporary, bindingFile);
  stamp(bindingStamp, wanted);
  return true;
}

// ---- peers that benchmarks compare with

function peersFiles() {
  return ['package.json', 'package-lock.json']
    .map((name) => at('bench', 'peers', name))
    .filter((path) => existsSync(path));
}

function peersAreStale() {
  return existsSync(at('bench', 'peers', 'package.json')) && readText(peersStamp) !== hashFiles(peersFiles());
}

async function installPeers() {
  const wanted = hashFiles(peersFiles());
  const isDone = await runNpm("installing the benchmarks' peers", at('bench', 'peers'));
  if (isDone) stamp(peersStamp, wanted);
  return isDone;
}

// ---- tools

/**
 * Runs a command, saying that it runs: 'done', 'failed' (its output is shown), or 'excused' when `isExcused` says of its output
 * that the failure is one the caller deals with.
 */
function runStep(title, command, args, cwd, isExcused = () => false) {
  const started = Date.now();
  say(`${title} …`);
  const progress = setInterval(() => say(`${title}: ${seconds(started)} …`), PROGRESS_MS);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
    let output = '';
    const keep = (chunk) => {
      if (output.length < OUTPUT_CHARS_MAX) output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const finish = (problem) => {
      clearInterval(progress);
      if (problem === undefined) {
        say(`${title}: ${seconds(started)}`);
        return resolve('done');
      }
      if (isExcused(output)) return resolve('excused');
      process.stderr.write(`${excerpt(output)}\n`);
      say(`${title} failed: ${problem}`);
      return resolve('failed');
    };
    child.once('error', (error) => finish(error.message));
    child.once('close', (code, signal) => finish(code === 0 ? undefined : `exit ${code ?? signal}`));
  });
}

/** Beginning and end: npm says first what is wrong, a compiler last. */
function excerpt(output) {
  const lines = output.trimEnd().split('\n');
  if (lines.length <= 2 * EXCERPT_LINES) return lines.join('\n');
  return [...lines.slice(0, EXCERPT_LINES), '…', ...lines.slice(-EXCERPT_LINES)].join('\n');
}

/** One set-up at a time in this folder. The lock names its process, so that one that was killed is not waited for. */
async function lock() {
  const path = at('.cache', 'setup.lock');
  const started = Date.now();
  let isAnnounced = false;
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(readText(path));
    if (Number.isInteger(holder) && holder > 0 && !isAlive(holder)) {
      steal(path, holder);
      continue;
    }
    if (!isAnnounced) say(`another set-up (process ${holder}) is running, waiting for it …`);
    isAnnounced = true;
    if (Date.now() - started > LOCK_WAIT_MS_MAX)
      throw new Error(`${path} is held for too long; remove it if no set-up runs`);
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  const unlock = () => rmSync(path, { force: true });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      unlock();
      process.exit(1);
    });
  }
  return unlock;
}

/** Of several who see a dead holder, one moves the lock away; who moved a living one's away by bad luck puts it back. */
function steal(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (Number(readText(aside)) === holder) rmSync(aside);
    else renameSync(aside, path);
  } catch {
    // Another was faster.
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function hashFiles(paths, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const path of paths) hash.update(`\0${relative(root, path)}\0`).update(readFileSync(path));
  return hash.digest('hex');
}

function stamp(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}.tmp`, text);
  renameSync(`${path}.${process.pid}.tmp`, path);
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

process.exitCode = await main();
