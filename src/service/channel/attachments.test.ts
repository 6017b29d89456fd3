import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { MemoryStore } from '../../state/store/memory.ts';
import { attachmentPath, removeAttachments, storeAttachments, sweepAttachments } from './attachment-files.ts';
import { contentTypeOf, FILENAME_MAX, imageSize, sanitizeFilename, servedAs } from './attachment-meta.ts';
import { ANN, Bench, CHANNEL } from './testing.ts';

const folder = await mkdtemp(join(tmpdir(), 'attachments-'));
after(() => rm(folder, { recursive: true, force: true }));

const ID = '1000000000000000077';
const OTHER = '1000000000000000078';
const bytes = new TextEncoder().encode('hello');

test('the type follows the name, and only safe media is ever live', () => {
  assert.equal(contentTypeOf('note.txt'), 'text/plain; charset=utf-8');
  assert.equal(contentTypeOf('A.PNG'), 'image/png');
  assert.equal(contentTypeOf('constructor'), undefined);
  assert.equal(contentTypeOf('x.constructor'), undefined);
  for (const name of ['x.html', 'x.svg', 'x.xml', 'x.js', 'x.htm', 'x.pdf', 'x', 'x.md']) {
    assert.deepEqual(servedAs(name), { type: 'application/octet-stream', inline: false });
  }
  assert.deepEqual(servedAs('x.txt'), { type: 'text/plain; charset=utf-8', inline: false });
  assert.deepEqual(servedAs('x.html.png'), { type: 'image/png', inline: true });
});

test('any name becomes one that stays in its place', () => {
  assert.equal(sanitizeFilename('../../etc/passwd'), 'passwd');
  assert.equal(sanitizeFilename('..'), 'unknown');
  assert.equal(sanitizeFilename('a b\r\n"c".txt'), 'a_b_c_.txt');
  assert.equal(sanitizeFilename('Grüße 🎉.png'), 'Grüße_.png');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
      const safe = sanitizeFilename(name);
      assert.match(safe, /^[\p{L}\p{N}_-][\p{L}\p{N}._-]*$/u);
      assert.ok(safe.length <= FILENAME_MAX);
      assert.equal(sanitizeFilename(safe), safe);
    }),
  );
});

test('an image’s size is read from its header, and garbage has none', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d494844520000000a00000014', 'hex');
  assert.deepEqual(imageSize(png), { width: 10, height: 20 });
  assert.deepEqual(imageSize(Buffer.from('4749463839610a001400', 'hex')), { width: 10, height: 20 });
  const jpeg = Buffer.from('ffd8ffe000040000ffc0000b080014000a01011100', 'hex');
  assert.deepEqual(imageSize(jpeg), { width: 10, height: 20 });
  const webp = Buffer.from('52494646000000005745425056503858000000000000000009000013000000', 'hex');
  assert.deepEqual(imageSize(webp), { width: 10, height: 20 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(png, jpeg, webp), (noise, head) => {
      imageSize(noise);
      imageSize(Buffer.concat([head.subarray(0, 12), noise]));
    }),
  );
});

test('files are kept under ids alone, and removed', async () => {
  await storeAttachments(folder, CHANNEL, [{ id: ID, bytes }]);
  assert.equal(await readFile(attachmentPath(folder, CHANNEL, ID), 'utf8'), 'hello');
  assert.throws(() => attachmentPath(folder, CHANNEL, '../x'));
  assert.throws(() => attachmentPath(folder, '..', ID));
  await removeAttachments(folder, CHANNEL, [ID, OTHER]);
  assert.deepEqual(await readdir(join(folder, 'attachments', CHANNEL)), []);
});

test('the sweep deletes what no message owns, but not what may be under way', async () => {
  const store = new MemoryStore();
  const young = '1000000000000000079';
  await storeAttachments(
    folder,
    CHANNEL,
    [ID, OTHER, young].map((id) => ({ id, bytes })),
  );
  for (const id of [ID, OTHER]) await utimes(attachmentPath(folder, CHANNEL, id), 1_000, 1_000);
  await store.commit([{ op: 'put', table: 'attachment', key: [CHANNEL, ID], doc: { message_id: '5' } }]);
  assert.equal(await sweepAttachments(folder, store, 2_000_000), 1);
  assert.deepEqual((await readdir(join(folder, 'attachments', CHANNEL))).sort(), [ID, young]);
  assert.equal(await sweepAttachments(join(folder, 'nowhere'), store, 2_000_000), 0);
});

test('a deleted message takes its files along, and a repeated nonce the files that came with it', async () => {
  const bench = await Bench.withUsers();
  bench.fake.book.dataDir = folder;
  await storeAttachments(
    folder,
    CHANNEL,
    ['1000000000000000081', '1000000000000000082'].map((id) => ({ id, bytes })),
  );
  const send = (id: string) =>
    bench.ask('createMessage', ANN, {
      attachments: [{ id, filename: 'a.txt', size: 5 }],
      nonce: 1,
      enforce_nonce: true,
    });
  const left = async () =>
    (await readdir(join(folder, 'attachments', CHANNEL))).filter((id) => id > '10000000000000000800');
  const gone = async (id: string) => {
    for (let tries = 0; tries < 5000 && (await left()).includes(id); tries += 1) await new Promise(setImmediate);
    assert.ok(!(await left()).includes(id));
  };
  const { body } = await send('1000000000000000081');
  assert.equal((await send('1000000000000000082')).body.id, body.id);
  await gone('1000000000000000082');
  assert.ok((await left()).includes('1000000000000000081'));
  await bench.ask('deleteMessage', ANN, { message_id: body.id });
  await gone('1000000000000000081');
});
