import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UWS_SHA256 } from './uws-checksums.ts';
import { loadUws, loadUwsFrom, UwsLoadError, type UwsPlace } from './uws.ts';

const scratch = mkdtempSync(join(tmpdir(), 'guildhall-uws-test-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const moduleUrl = JSON.stringify(new URL('./uws.ts', import.meta.url).href);
const name = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
const real: UwsPlace = {
  packageFolder: fileURLToPath(new URL('../node_modules/uWebSockets.js', import.meta.url)),
  platform: process.platform,
  arch: process.arch,
  abi: process.versions.modules,
  accepted: '',
  cacheFolder: join(scratch, 'cache'),
};

function folderWith(files: Record<string, Uint8Array>): string {
  const folder = mkdtempSync(join(scratch, 'package-'));
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, file), bytes);
  return folder;
}

function refusal(place: UwsPlace): UwsLoadError {
  try {
    loadUwsFrom(place);
  } catch (error) {
    assert.ok(error instanceof UwsLoadError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it loaded' });
}

test('an App listens and answers in several threads of one process on one port', { timeout: 20_000 }, async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${moduleUrl}).then(({ loadUws }) => {
      const app = loadUws().App().get('/', (reply) => { reply.end('hall'); });
      app.listen('127.0.0.1', workerData, (socket) => parentPort.postMessage(socket !== false));
      parentPort.once('message', () => { app.close(); process.exit(0); });
    });`;
  const port = await freePort();
  const workers: Worker[] = [];
  try {
    for (let i = 0; i < 3; i += 1) {
      const worker = new Worker(source, { eval: true, workerData: port });
      workers.push(worker);
      assert.deepEqual(await once(worker, 'message'), [true], `thread ${i}`);
    }
    const answers = Array.from({ length: 20 }, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
      return response.text();
    });
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['hall']));
  } finally {
    // A thread must not end with its App open: that takes the process down.
    for (const worker of workers) {
      const exited = once(worker, 'exit');
      worker.postMessage('end');
      await exited;
    }
  }
});

test('the main thread loads it too, and again gives the same', () => {
  assert.equal(typeof loadUws().App, 'function');
  assert.equal(loadUws(), loadUws());
});

test('a file with another sha256 is not run', () => {
  const bytes = readFileSync(join(real.packageFolder, name));
  const changed = Buffer.from(bytes);
  changed[bytes.length - 1]! ^= 1;
  const packageFolder = folderWith({ [name]: changed, 'package.json': Buffer.from('{}') });
  const error = refusal({ ...real, packageFolder });
  const sha256 = createHash('sha256').update(changed).digest('hex');
  assert.match(error.message, new RegExp(`sha256 is ${sha256}, wanted is ${UWS_SHA256[name]}`));
  assert.match(error.hint, new RegExp(`npm ci.*GUILDHALL_UWS_SHA256=${sha256}`));
});

test("an operator's own build loads when its sha256 is accepted, in either case and among others", () => {
  const bytes = Buffer.concat([readFileSync(join(real.packageFolder, name)), Buffer.from('own build')]);
  const packageFolder = folderWith({ [name]: bytes, 'package.json': Buffer.from('{}') });
  const sha256 = createHash('sha256').update(bytes).digest('hex').toUpperCase();
  const uws = loadUwsFrom({ ...real, packageFolder, accepted: `${'0'.repeat(64)}, ${sha256}` });
  assert.equal(typeof uws.App, 'function');
});

test('what is missing is said, with what to do', () => {
  const absent = refusal({ ...real, packageFolder: join(scratch, 'nowhere') });
  assert.match(absent.message, /not installed.*npm ci/);
  const abi = refusal({ ...real, abi: '999' });
  assert.match(abi.message, /no build for linux .* ABI 999.*npm start/);
  const platform = refusal({ ...real, platform: 'sunos' });
  assert.match(platform.message, /no build for sunos/);
  const untested = refusal({ ...real, platform: 'darwin', arch: 'arm64' });
  assert.match(untested.message, /not tested with.*GUILDHALL_UWS_SHA256=[0-9a-f]{64}/);
});

test('an accepted file that does not load is said to be so', () => {
  const bytes = Buffer.from('no shared object');
  const accepted = createHash('sha256').update(bytes).digest('hex');
  const packageFolder = folderWith({ [name]: bytes, 'package.json': Buffer.from('{}') });
  assert.match(refusal({ ...real, packageFolder, accepted }).message, /does not load/);
});

test('a damaged or foreign copy in the cache is replaced, not loaded', () => {
  const cacheFolder = join(scratch, 'damaged');
  loadUwsFrom({ ...real, cacheFolder });
  if (!holdsCopies(cacheFolder)) return;
  const [copy] = readdirSync(cacheFolder);
  const path = join(cacheFolder, copy!);
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad[4000]! ^= 255;
  // A new file: the one that is loaded must not change under this process.
  rmSync(path);
  writeFileSync(path, bad);
  loadUwsFrom({ ...real, cacheFolder });
  assert.deepEqual(readFileSync(path), good);
});

test('a cache that cannot be written is no obstacle, and nothing is left behind', async () => {
  const temporary = mkdtempSync(join(scratch, 'tmp-'));
  const blocked = join(scratch, 'a-file');
  writeFileSync(blocked, '');
  const source = `
    import { loadUwsFrom } from ${moduleUrl};
    console.log(typeof loadUwsFrom(${JSON.stringify({ ...real, cacheFolder: join(blocked, 'cache') })}).App);`;
  assert.equal(await run(source, { TMPDIR: temporary }), 'function\n');
  assert.deepEqual(readdirSync(temporary), []);
});

test('processes and threads that race for the cache all load, and leave one file', async () => {
  const cacheFolder = join(scratch, 'race');
  const place = JSON.stringify({ ...real, cacheFolder });
  const source = `
    import { Worker } from 'node:worker_threads';
    import { loadUwsFrom } from ${moduleUrl};
    const worker = new Worker(${JSON.stringify(
      `import(${moduleUrl}).then(({ loadUwsFrom }) => { loadUwsFrom(${place}); process.exit(0); });`,
    )}, { eval: true, execArgv: [] });
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    console.log(typeof loadUwsFrom(${place}).App, await exited);`;
  const outputs = await Promise.all(Array.from({ length: 3 }, () => run(source, {})));
  assert.deepEqual(outputs, ['function 0\n', 'function 0\n', 'function 0\n']);
  if (holdsCopies(cacheFolder)) assert.equal(readdirSync(cacheFolder).length, 1);
});

test('the vendored files have the sha256 of the table', () => {
  for (const [file, sha256] of Object.entries(UWS_SHA256)) {
    const bytes = readFileSync(join(real.packageFolder, file));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, file);
  }
});

/** uWebSockets.js shares a port between Apps only when it is named: port 0 is bound without SO_REUSEPORT. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** False on glibc 2.38 and newer, where no copy is made. */
function holdsCopies(cacheFolder: string): boolean {
  try {
    return readdirSync(cacheFolder).length > 0;
  } catch {
    return false;
  }
}

async function run(source: string, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return output;
}
