// Uploaded files: whatever they are called and whatever they hold, they are bytes under an id, and nothing a browser would run.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GatewayClient } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';
import { speak } from './raw.ts';

const ATTACHMENT_BYTES_MAX = 64 * 1024;
const REQUEST_BYTES_MAX = 256 * 1024;

describe('attachments', { timeout: 120_000 }, () => {
  let server: Server;
  let guild: Provision;

  before(async () => {
    server = await Server.start({
      GUILDHALL_LIMITS_RATE: 'off',
      GUILDHALL_LIMITS_ATTACHMENT_BYTES: String(ATTACHMENT_BYTES_MAX),
      GUILDHALL_LIMITS_REQUEST_BYTES: String(REQUEST_BYTES_MAX),
    });
    guild = server.provision();
  });

  after(() => server?.dispose());

  /** By hand: FormData would escape what is to be tested. */
  async function upload(
    files: { name: string; data: Buffer | string }[],
    payload: object = {},
  ): Promise<{ status: number; body: any }> {
    const pieces: (Buffer | string)[] = [
      '--XX\r\nContent-Disposition: form-data; name="payload_json"\r\nContent-Type: application/json\r\n\r\n',
      JSON.stringify(payload),
    ];
    for (const [i, { name, data }] of files.entries()) {
      pieces.push(
        `\r\n--XX\r\nContent-Disposition: form-data; name="files[${i}]"; filename="${name}"\r\nContent-Type: text/html\r\n\r\n`,
        data,
      );
    }
    pieces.push('\r\n--XX--\r\n');
    const reply = await fetch(`${server.api}/channels/${guild.channelId}/messages`, {
      method: 'POST',
      headers: { authorization: guild.ownerToken, 'content-type': 'multipart/form-data; boundary=XX' },
      body: new Uint8Array(
        Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))),
      ),
    });
    return { status: reply.status, body: await reply.json() };
  }

  const stored = (): string[] => {
    const folder = join(server.dataDir, 'attachments');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(folder, name)).isFile(),
    );
  };

  it('no name leaves its folder, on disk or in a URL', async () => {
    const names = [
      '../../../../etc/passwd',
      '..\\..\\windows\\system32\\x.dll',
      '/etc/passwd',
      'C:\\autoexec.bat',
      'C:evil.txt',
      '..',
      '.',
      '',
      ' ',
      '....//x',
      '%2e%2e%2fx',
      '..%2f..%2fx',
      'a\0b.png',
      'x'.repeat(5000),
      `${'y'.repeat(300)}.png`,
      'CON',
      'nul.txt',
      'a:b.txt',
      '\u202egnp.exe',
      '理'.repeat(200),
      '🎉.png',
      '.htaccess',
      '-rf',
      '~root',
      'a/b/c.txt',
      '<script>.html',
      "a'b.txt",
      'a;b=c.txt',
      'file.txt ',
      '#?&.txt',
    ];
    for (const name of names) {
      const { status, body } = await upload([{ name, data: 'harmless' }]);
      assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`);
      const [attachment] = body.attachments;
      assert.doesNotMatch(attachment.filename, /[/\\\0\r\n]|^\.*$/, name);
      assert.ok(Buffer.byteLength(attachment.filename) <= 1024);
      const url = new URL(attachment.url);
      assert.ok(url.pathname.startsWith(`/attachments/${guild.channelId}/${attachment.id}/`), url.pathname);
      const reply = await fetch(attachment.url);
      assert.equal(reply.status, 200, `${name} ${attachment.url}`);
      assert.equal(await reply.text(), 'harmless');
    }
    for (const path of stored()) assert.match(path, /^\d+\/\d+$/);
  });

  it('nothing is ever live: no markup, no script, no sniffing', async () => {
    const page = '<!doctype html><script>alert(1)</script>';
    const names = [
      'a.html',
      'a.htm',
      'a.HTML',
      'a.xhtml',
      'a.svg',
      'a.SVG',
      'a.xml',
      'a.js',
      'a.mjs',
      'a.css',
      'a.pdf',
      'a.swf',
      'a',
      'a.unknown',
      'a.html.',
      'a.png.html',
      'a.mhtml',
      'a.shtml',
      'a.xsl',
      'a.wasm',
      'a.json',
      'a.txt',
      'a.hta',
      'a.html\u200b',
    ];
    for (const name of names) {
      const { status, body } = await upload([{ name, data: page }]);
      assert.equal(status, 200);
      const reply = await fetch(body.attachments[0].url);
      const type = reply.headers.get('content-type') ?? '';
      assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
      assert.match(
        reply.headers.get('content-security-policy') ?? '',
        /default-src 'none'.*sandbox|sandbox.*default-src 'none'/,
      );
      assert.match(reply.headers.get('content-disposition') ?? '', /^attachment/, `${name} ${type}`);
      assert.doesNotMatch(type, /html|svg|xml|javascript|css/i, name);
    }
    // Shown in place, but as what their names say: the bytes do not decide.
    for (const name of ['a.png', 'a.jpg', 'a.gif', 'a.webp', 'a.mp4']) {
      const { body } = await upload([{ name, data: page }]);
      const reply = await fetch(body.attachments[0].url);
      assert.match(reply.headers.get('content-type') ?? '', /^(image|video)\/(png|jpeg|gif|webp|mp4)$/);
      assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
      assert.match(reply.headers.get('content-security-policy') ?? '', /sandbox/);
    }
  });

  it('other names, ids and paths are 404, and none reaches the disk', async () => {
    const { body } = await upload([{ name: 'right.txt', data: 'secret' }]);
    const { id, url } = body.attachments[0];
    assert.equal((await fetch(url)).status, 200);
    const base = `/attachments/${guild.channelId}`;
    for (const path of [
      `${base}/${id}/wrong.txt`,
      `${base}/${id}/RIGHT.txt`,
      `${base}/${id}/`,
      `${base}/${id}`,
      `${base}/1/right.txt`,
      `/attachments/1/${id}/right.txt`,
      `${base}/${id}/..%2f${id}`,
      `${base}/..%2f..%2fdata/x`,
      `/attachments/..%2f..%2f..%2fetc/passwd/x`,
      `${base}/%2e%2e/${id}/right.txt`,
      `${base}/${id}/right.txt%00`,
      `${base}/${id}/right.txt/`,
      '/attachments/',
      `/attachments/../guildhall.db`,
      `${base}/0x1/right.txt`,
      `${base}/${id}%20/right.txt`,
    ]) {
      const reply = await speak(server.port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      assert.ok(
        [400, 404].includes(reply.status) || (path.endsWith('.txt/') && reply.status === 200),
        `${path}: ${reply.status}`,
      );
      if (reply.status !== 200) assert.doesNotMatch(reply.body, /secret/);
    }
  });

  it('ranges and conditions never give other bytes than the file has', async () => {
    const data = Buffer.from(Array.from({ length: 3000 }, (_, i) => i & 255));
    const { body } = await upload([{ name: 'bytes.bin', data }]);
    const { url, size } = body.attachments[0];
    assert.equal(size, 3000);
    for (const range of [
      'bytes=0-9',
      'bytes=-5',
      'bytes=2990-',
      'bytes=5-2',
      'bytes=9999-',
      'bytes=0-0,5-6',
      'x=1',
      'bytes=-',
      `bytes=${'9'.repeat(30)}-`,
      'bytes=0-99999999',
    ]) {
      const reply = await fetch(url, { headers: { range } });
      const bytes = Buffer.from(await reply.arrayBuffer());
      if (reply.status === 200) assert.deepEqual(bytes, data);
      else if (reply.status === 206) {
        const [, from, to] = /^bytes (\d+)-(\d+)\/3000$/.exec(reply.headers.get('content-range') ?? '') ?? [];
        assert.deepEqual(bytes, data.subarray(Number(from), Number(to) + 1), range);
      } else assert.equal(reply.status, 416);
    }
    const head = await fetch(url, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-length'), '3000');
    assert.equal((await fetch(url, { method: 'POST' })).status, 405);
  });

  it('sizes and counts are bounded; what was refused leaves nothing behind', async () => {
    const before = stored().length;
    const exact = await upload([{ name: 'exact.bin', data: Buffer.alloc(ATTACHMENT_BYTES_MAX) }]);
    assert.equal(exact.status, 200);
    const over = await upload([{ name: 'over.bin', data: Buffer.alloc(ATTACHMENT_BYTES_MAX + 1) }]);
    assert.deepEqual([over.status, over.body.code], [413, 50045]);
    const many = await upload(Array.from({ length: 11 }, (_, i) => ({ name: `${i}.txt`, data: 'x' })));
    assert.ok(many.status >= 400 && many.status < 500);
    const whole = await upload(Array.from({ length: 5 }, (_, i) => ({ name: `${i}.bin`, data: Buffer.alloc(60_000) })));
    assert.equal(whole.status, 413);
    const refused = await upload([{ name: 'a.txt', data: 'x' }], { content: 'x'.repeat(5000) });
    assert.equal(refused.status, 400);
    const unnamed = await upload([{ name: 'a.txt', data: 'x' }], { attachments: [{ id: 7, filename: 'b.txt' }] });
    assert.equal(unnamed.status, 400);
    const empty = await upload([{ name: 'empty.txt', data: '' }]);
    assert.equal(empty.status, 200);
    assert.equal(await (await fetch(empty.body.attachments[0].url)).text(), '');
    assert.equal(stored().length, before + 2);
  });

  it('files go with their message, and are not to be had from another channel', async () => {
    const { body } = await upload([{ name: 'gone.txt', data: 'x' }]);
    const { url } = body.attachments[0];
    const reply = await server.request('DELETE', `/channels/${guild.channelId}/messages/${body.id}`, guild.ownerToken);
    assert.equal(reply.status, 204);
    assert.equal((await fetch(url)).status, 404);
  });

  it('a name in the payload is made safe as well', async () => {
    const { status, body } = await upload([{ name: 'a.txt', data: 'x' }], {
      attachments: [{ id: 0, filename: '../../evil.html', description: 'd' }],
    });
    assert.equal(status, 200);
    assert.doesNotMatch(body.attachments[0].filename, /[/\\]/);
    const reply = await fetch(body.attachments[0].url);
    assert.match(reply.headers.get('content-disposition') ?? '', /^attachment/);
    for (const path of stored()) assert.match(path, /^\d+\/\d+$/);
    assert.equal(
      readFileSync(join(server.dataDir, 'attachments', guild.channelId, body.attachments[0].id), 'utf8'),
      'x',
    );
  });

  it('others go on meanwhile', async () => {
    const client = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    await upload([{ name: 'last.txt', data: 'x' }]);
    await client.dispatch('MESSAGE_CREATE', (d) => d.attachments[0]?.filename === 'last.txt');
    client.cut();
    assert.doesNotMatch(server.stderr, /"level":"error"/);
  });
});
