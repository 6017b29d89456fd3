import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../protocol/errors.ts';
import { cleanFilename, FILENAME_CHARACTERS_MAX, readMultipart } from './multipart.ts';

const TYPE = 'multipart/form-data; boundary=X';
const FILE_BYTES_MAX = 1000;

function part(disposition: string, body: string | Buffer, type?: string): Buffer {
  const head = `--X\r\nContent-Disposition: form-data; ${disposition}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from('\r\n')]);
}

const END = Buffer.from('--X--\r\n');

function read(...parts: Buffer[]) {
  return readMultipart(Buffer.concat([...parts, END]), TYPE, FILE_BYTES_MAX);
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('files may come before or after payload_json', async () => {
  const file = part('name="files[0]"; filename="a.txt"', 'hello', 'text/plain');
  const payload = part('name="payload_json"', '{"content":"x"}');
  for (const parts of [
    [file, payload],
    [payload, file],
  ]) {
    const { payload: json, files } = await read(...parts);
    assert.equal(json, '{"content":"x"}');
    assert.equal(files.length, 1);
    assert.equal(files[0]?.index, 0);
    assert.equal(files[0]?.filename, 'a.txt');
    assert.equal(text(files[0]?.bytes as Uint8Array), 'hello');
  }
});

test('payload_json may have a content type, or be a file part', async () => {
  assert.equal((await read(part('name="payload_json"', '{}', 'application/json'))).payload, '{}');
  assert.equal(
    (await read(part('name="payload_json"; filename="p.json"', '{"a":1}', 'application/json'))).payload,
    '{"a":1}',
  );
  assert.equal((await read(part('name="payload_json"', '{"a":"é"}', 'application/octet-stream'))).payload, '{"a":"é"}');
});

test('Eris: the body starts with CRLF, the boundary with dashes', async () => {
  const boundary = '----------------Eris';
  const bytes = Buffer.from(
    `\r\n--${boundary}\r\nContent-Disposition: form-data; name="files[0]"; filename="a.png"\r\nContent-Type: application/octet-stream\r\n\r\nPNG\r\n--${boundary}\r\nContent-Disposition: form-data; name="payload_json"\r\n\r\n{"content":"e"}\r\n--${boundary}--`,
  );
  const { payload, files } = await readMultipart(bytes, `multipart/form-data; boundary=${boundary}`, FILE_BYTES_MAX);
  assert.equal(payload, '{"content":"e"}');
  assert.equal(text(files[0]?.bytes as Uint8Array), 'PNG');
});

test('any n of files[n], file and fileN name files; an unknown name gets the next number', async () => {
  const { files } = await read(
    part('name="files[1]"; filename="b"', '1'),
    part('name="files[123456]"; filename="c"', '2'),
    part('name="file"; filename="d"', '3'),
    part('name="file7"; filename="e"', '4'),
    part('name="other"; filename="f"', '5'),
  );
  assert.deepEqual(
    files.map((file) => file.index),
    [1, 123456, 0, 7, 4],
  );
  await assert.rejects(
    read(part('name="files[1]"; filename="b"', '1'), part('name="files[1]"; filename="c"', '2')),
    (error) => error instanceof ApiError && error.code === 50035,
  );
});

test('form fields without payload_json', async () => {
  const { payload, fields } = await read(
    part('name="content"', 'hi'),
    part('name="content"', 'ho'),
    part('name="__proto__"', 'x'),
  );
  assert.equal(payload, null);
  assert.equal(fields.get('content'), 'ho');
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
});

test('binary content, boundaries in it and an empty file come through', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const tricky = Buffer.concat([bytes, Buffer.from('\r\n--Y\r\n--\r\n-'), bytes]);
  const { files } = await read(
    part('name="files[0]"; filename="a"', tricky),
    part('name="files[1]"; filename="b"', ''),
  );
  assert.ok(Buffer.from(files[0]?.bytes as Uint8Array).equals(tricky));
  assert.equal(files[1]?.bytes.byteLength, 0);
});

test('limits: file size, number of files, of fields, length of a field', async () => {
  const code = (expected: number) => (error: unknown) => error instanceof ApiError && error.code === expected;
  await read(part('name="files[0]"; filename="a"', 'x'.repeat(FILE_BYTES_MAX)));
  await assert.rejects(read(part('name="files[0]"; filename="a"', 'x'.repeat(FILE_BYTES_MAX + 1))), code(50045));
  const many = Array.from({ length: 11 }, (_, i) => part(`name="files[${i}]"; filename="a"`, 'x'));
  await assert.rejects(read(...many), code(30015));
  await assert.rejects(read(...Array.from({ length: 40 }, (_, i) => part(`name="f${i}"`, 'x'))), code(40005));
  await assert.rejects(read(part('name="payload_json"', 'x'.repeat(1024 * 1024 + 1))), code(40005));
});

test('a body that ends too early or has no boundary is a form error', async () => {
  const whole = Buffer.concat([part('name="files[0]"; filename="a"', 'hello'), part('name="payload_json"', '{}')]);
  for (const bytes of [whole, whole.subarray(0, whole.length - 30), whole.subarray(0, 60), Buffer.from('no parts')]) {
    await assert.rejects(
      readMultipart(bytes, TYPE, FILE_BYTES_MAX),
      (error) => error instanceof ApiError && error.status === 400,
    );
  }
  await assert.rejects(readMultipart(whole, 'multipart/form-data', FILE_BYTES_MAX), ApiError);
});

test('garbage is a client error, quickly, and never anything else', { timeout: 15_000 }, async () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(
        '\r\n',
        '--X',
        '--X\r\n',
        '--X--',
        '\r\n--X',
        '\r\n\r\n',
        'Content-Disposition: form-data; name="files[0]"; filename="a"\r\n',
        'Content-Disposition: form-data; name="',
        'Content-Disposition: form-data\r\n',
        'Content-Type: text/plain; charset=utf-99\r\n',
        'filename*=utf-8%27%27%zz',
      )
      .map((one) => Buffer.from(one)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 25 }), async (list) => {
      try {
        const { files } = await readMultipart(Buffer.concat(list), TYPE, FILE_BYTES_MAX);
        for (const file of files) assert.notEqual(file.filename, '');
      } catch (error) {
        assert.ok(error instanceof ApiError, String(error));
      }
    }),
    { numRuns: 400 },
  );
});

test('a body cut at any byte, or with any byte changed, gets an answer', { timeout: 15_000 }, async () => {
  const whole = Buffer.concat([
    part('name="files[0]"; filename="a.txt"', 'hello\r\n--Xno', 'text/plain'),
    part('name="payload_json"', '{"content":"x"}', 'application/json'),
    END,
  ]);
  const settle = (bytes: Buffer) =>
    readMultipart(bytes, TYPE, FILE_BYTES_MAX).catch((error) => assert.ok(error instanceof ApiError, String(error)));
  for (let i = 0; i < whole.length; i += 1) {
    await settle(whole.subarray(0, i));
    for (const byte of [0, 10, 13, 45, 34, 255]) {
      const changed = Buffer.from(whole);
      changed[i] = byte;
      await settle(changed);
    }
  }
});

test('a file name keeps no path, no control or direction characters, and an ending', () => {
  for (const [name, clean] of [
    ['a.txt', 'a.txt'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\x\\y.png', 'y.png'],
    ['a\0b\r\nc', 'abc'],
    ['cod\u202egpj.exe', 'codgpj.exe'],
    ['Ünï cödé 👍.txt', 'Ünï cödé 👍.txt'],
    ['..', 'unknown'],
    ['.', 'unknown'],
    ['', 'unknown'],
    [undefined, 'unknown'],
    ['x/', 'unknown'],
    ['<a href="x">', 'a href=x'],
  ] as const) {
    assert.equal(cleanFilename(name), clean);
  }
  const long = cleanFilename(`${'x'.repeat(500)}.tar.gz`);
  assert.equal(long.length, FILENAME_CHARACTERS_MAX);
  assert.ok(long.endsWith('.gz'));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
      const clean = cleanFilename(name);
      assert.ok(clean.length > 0 && clean.length <= FILENAME_CHARACTERS_MAX);
      assert.doesNotMatch(clean, /[/\\\p{Cc}]/u);
      assert.ok(clean.isWellFormed());
    }),
  );
});
