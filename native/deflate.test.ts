// The suite runs on the stream of this process, and once more in a process that has no binding.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { constants, createInflate, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { hasBinding } from './binding.ts';
import { createDeflateStream, type DeflateStream } from './deflate.ts';

const kind = hasBinding ? 'native' : 'portable';

function compress(stream: DeflateStream, input: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve) => stream.compress(input, (output) => resolve(new Uint8Array(output))));
}

/** Inflates each frame by itself, as a client does, and answers what each gave. */
async function inflateEach(frames: readonly Uint8Array[]): Promise<Buffer[]> {
  const inflate = createInflate();
  const results: Buffer[] = [];
  let parts: Buffer[] = [];
  inflate.on('data', (part: Buffer) => parts.push(part));
  for (const frame of frames) {
    inflate.write(frame);
    await new Promise<void>((resolve) => inflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    while (inflate.read() !== null);
    results.push(Buffer.concat(parts));
    parts = [];
  }
  inflate.close();
  return results;
}

function assertFlushed(frame: Uint8Array): void {
  assert.deepEqual([...frame.subarray(-4)], [0, 0, 255, 255]);
}

test(`${kind}: each message inflates on its own arrival, and only the first carries a header`, async () => {
  for (const level of [1, 6, 9]) {
    const stream = createDeflateStream(level);
    const messages = Array.from({ length: 50 }, (_, n) => Buffer.from(`{"op":0,"s":${n},"d":"${'é'.repeat(n * 40)}"}`));
    const frames: Uint8Array[] = [];
    for (const message of messages) frames.push(await compress(stream, message));
    frames.forEach(assertFlushed);
    assert.deepEqual(await inflateEach(frames), messages);
    // A second header would end the stream with an error.
    const whole = inflateSync(Buffer.concat(frames), { finishFlush: constants.Z_SYNC_FLUSH });
    assert.deepEqual(whole, Buffer.concat(messages));
    stream.close();
  }
});

test(`${kind}: any sequence of messages comes back as it was`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 5000 }), { minLength: 1, maxLength: 12 }),
      async (level, messages) => {
        const stream = createDeflateStream(level);
        const frames = await Promise.all(messages.map((message) => compress(stream, message)));
        frames.forEach(assertFlushed);
        const back = await inflateEach(frames);
        assert.deepEqual(
          back.map((buffer) => [...buffer]),
          messages.map((message) => [...message]),
        );
        stream.close();
      },
    ),
    { numRuns: 40 },
  );
});

test(`${kind}: messages larger than every buffer pass, compressible or not`, async () => {
  const stream = createDeflateStream();
  const text = Buffer.from('guildhall '.repeat(300_000));
  const noise = Buffer.alloc(1_500_000);
  let state = 1;
  for (let i = 0; i < noise.length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    noise[i] = state >>> 24;
  }
  const messages = [text, noise, Buffer.from('small'), noise];
  const frames: Uint8Array[] = [];
  for (const message of messages) frames.push(await compress(stream, message));
  frames.forEach(assertFlushed);
  assert.deepEqual(await inflateEach(frames), messages);
  assert.equal(stream.queuedBytes, 0);
  stream.close();
});

test(`${kind}: calls in a burst are answered in order, and the input may be changed at once`, async () => {
  const stream = createDeflateStream();
  const input = Buffer.alloc(100);
  const frames: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    for (let n = 0; n < 200; n += 1) {
      input.fill(n);
      stream.compress(input, (output) => {
        frames.push(new Uint8Array(output));
        if (n === 199) resolve();
      });
    }
    input.fill(255);
  });
  const back = await inflateEach(frames);
  assert.deepEqual(
    back.map((buffer) => buffer[0]),
    Array.from({ length: 200 }, (_, n) => n),
  );
  stream.close();
});

test(`${kind}: a message compressed inside done does not overwrite the output being read`, async () => {
  const [outer, inner] = [createDeflateStream(), createDeflateStream()];
  const [first, second] = [Buffer.from('a'.repeat(500)), Buffer.from('b'.repeat(500))];
  const frames = await new Promise<Uint8Array[]>((resolve) => {
    outer.compress(first, (output) => {
      const nested = compress(inner, second);
      const kept = new Uint8Array(output);
      void nested.then((frame) => resolve([kept, frame]));
    });
  });
  assert.deepEqual(await inflateEach([frames[0]!]), [first]);
  assert.deepEqual(await inflateEach([frames[1]!]), [second]);
  outer.close();
  inner.close();
});

test(`${kind}: a done that throws leaves the stream usable`, { skip: !hasBinding }, async () => {
  const stream = createDeflateStream();
  let kept: Uint8Array | undefined;
  const fail = (output: Uint8Array): void => {
    kept = new Uint8Array(output);
    throw new Error('done failed');
  };
  assert.throws(() => stream.compress(Buffer.from('one'), fail), /done failed/);
  const next = await compress(stream, Buffer.from('two'));
  assert.deepEqual(await inflateEach([kept!, next]), [Buffer.from('one'), Buffer.from('two')]);
  stream.close();
});

test(`${kind}: a closed stream is silent, and closing twice does nothing`, async () => {
  const stream = createDeflateStream();
  await compress(stream, Buffer.from('x'));
  let calls = 0;
  stream.compress(Buffer.from('y'), () => {
    calls += 1;
  });
  const before = calls;
  stream.close();
  stream.close();
  stream.compress(Buffer.from('z'), () => {
    calls += 1;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(calls, before);
});

test(`${kind}: levels and messages without meaning are refused`, () => {
  for (const level of [0, 10, -1, 1.5, Number.NaN]) assert.throws(() => createDeflateStream(level), /level/);
  const stream = createDeflateStream();
  assert.throws(() => stream.compress(new Uint8Array(0), () => {}), /empty/);
  stream.close();
});

test('the portable stream passes the same suite', { skip: !hasBinding }, async () => {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(process.execPath, ['--test-reporter=tap', fileURLToPath(import.meta.url)], {
    env: { ...environment, GUILDHALL_NATIVE: 'off' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, output);
  assert.match(output, /ok \d+ - portable: any sequence/);
  assert.doesNotMatch(output, /native:/);
});
