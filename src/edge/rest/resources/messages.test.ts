// The message routes through the real router and handler, onto a topic over a store in memory.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../base/clock.ts';
import { SnowflakeGenerator } from '../../../base/snowflake.ts';
import { missingObjectFields } from '../../../protocol/required-fields.ts';
import { ANN, Bench, BOT, CHANNEL, GUILD, OWNER } from '../../../service/channel/testing.ts';
import type { StoreOp } from '../../../state/store/port.ts';
import { StoreConflict } from '../../../state/store/port.ts';
import type { HttpHandler, HttpRequest } from '../../transport/types.ts';
import type { RestContext } from '../context.ts';
import { createRestHandler } from '../handler.ts';
import { createRateLimitTable } from '../rate-limits.ts';
import { attachmentRoutes } from './attachments.ts';
import { dmRoutes } from './dms.ts';
import { messageRoutes } from './messages.ts';
import { pinRoutes } from './pins.ts';
import { reactionRoutes } from './reactions.ts';
import { typingRoutes } from './typing.ts';

const folder = await mkdtemp(join(tmpdir(), 'messages-'));
after(() => rm(folder, { recursive: true, force: true }));

class Edge {
  readonly bench: Bench;
  readonly #handle: HttpHandler;

  private constructor(bench: Bench) {
    this.bench = bench;
    const context: RestContext = {
      runtime: undefined as never,
      store: bench.store,
      ids: new SnowflakeGenerator(bench.clock, 2, 2),
      dataDir: folder,
      attachmentBytesMax: 1000,
      commit: (ops: readonly StoreOp[]) => bench.store.commit(ops),
      ownerOf: async (id) => (id === CHANNEL ? `guild:${GUILD}` : null),
      request: async (_topic, op, requester, args) => {
        const { status, body } = await bench.ask(op, requester.user_id, JSON.parse(JSON.stringify(args)));
        return body === undefined ? { status } : { status, bytes: new TextEncoder().encode(JSON.stringify(body)) };
      },
    };
    this.#handle = createRestHandler(context, {
      rateLimits: createRateLimitTable(),
      rateLimitsEnforced: false,
      publicUrl: null,
      authenticate: async (token) => ({ user_id: token, bot: token === BOT, application_id: null }),
      clock: systemClock,
      log: (event) => assert.notEqual(event['event'], 'rest.failed', String(event['error'])),
      requestBytesMax: 1_000_000,
      fileBytesMax: 1000,
      routes: [...attachmentRoutes, ...dmRoutes, ...messageRoutes, ...pinRoutes, ...reactionRoutes, ...typingRoutes],
    });
  }

  static async open(): Promise<Edge> {
    const edge = new Edge(await Bench.withUsers());
    edge.bench.fake.book.dataDir = folder;
    return edge;
  }

  async raw(method: string, url: string, user: string, body?: unknown) {
    const [path = '', query = ''] = url.split('?');
    const headers = new Map([
      ['host', 'chat.test'],
      ['authorization', `Bot ${user}`],
    ]);
    let bytes = new Uint8Array();
    if (body instanceof FormData) {
      const encoded = new Response(body);
      headers.set('content-type', encoded.headers.get('content-type') ?? '');
      bytes = new Uint8Array(await encoded.arrayBuffer());
    } else if (body !== undefined) {
      headers.set('content-type', 'application/json');
      bytes = new TextEncoder().encode(JSON.stringify(body));
    }
    const http: HttpRequest = { method, path, query, headers, address: '127.0.0.1', body: async () => bytes };
    return this.#handle(http);
  }

  async ask(method: string, path: string, user: string, body?: unknown) {
    const reply = await this.raw(method, `/api/v10${path}`, user, body);
    const text = typeof reply.body === 'string' ? reply.body : new TextDecoder().decode(reply.body ?? new Uint8Array());
    return { status: reply.status, body: (text === '' ? undefined : JSON.parse(text)) as any };
  }
}

const MESSAGES = `/channels/${CHANNEL}/messages`;

test('a message goes the whole way, and explicit nulls are nothing', async () => {
  const edge = await Edge.open();
  const nulls = { embeds: null, components: null, sticker_ids: null, allowed_mentions: null, nonce: null, flags: null };
  const sent = await edge.ask('POST', MESSAGES, ANN, { content: 'hi', ...nulls, tts: false, poll: null, odd: {} });
  assert.equal(sent.status, 200);
  assert.deepEqual(missingObjectFields('Message', sent.body), []);
  const edited = await edge.ask('PATCH', `${MESSAGES}/${sent.body.id}`, ANN, { content: 'ho', embeds: null });
  assert.equal(edited.body.content, 'ho');
  assert.equal((await edge.ask('GET', `${MESSAGES}/${sent.body.id}`, ANN)).body.content, 'ho');
  assert.equal((await edge.ask('DELETE', `${MESSAGES}/${sent.body.id}`, ANN)).status, 204);
  assert.equal(
    (await edge.ask('POST', '/channels/1234567890123456789/messages', ANN, { content: 'x' })).body.code,
    10003,
  );
  assert.equal((await edge.ask('POST', '/channels/@me/messages', ANN, { content: 'x' })).body.code, 50035);
});

test('limits are answered as a form with the place of the error', async () => {
  const edge = await Edge.open();
  const refused = async (body: unknown) => (await edge.ask('POST', MESSAGES, ANN, body)).body;
  assert.ok((await refused({ content: 'x'.repeat(2001) })).errors.content._errors);
  assert.equal((await edge.ask('POST', MESSAGES, ANN, { content: '😀'.repeat(2000) })).status, 200);
  assert.ok((await refused({ embeds: [{ title: 'x'.repeat(257) }] })).errors.embeds[0].title._errors);
  const big = { description: 'x'.repeat(4000) };
  assert.match(JSON.stringify((await refused({ embeds: [big, big] })).errors), /MAX_EMBED_SIZE_EXCEEDED/);
  assert.ok((await refused({ embeds: Array.from({ length: 11 }, () => ({ title: 'x' })) })).errors.embeds._errors);
  assert.ok((await refused({ content: 'x', nonce: 'x'.repeat(26) })).errors.nonce._errors);
  assert.ok((await refused({ content: 'x', poll: {} })).errors.poll._errors);
  assert.ok((await refused({ content: 'x', message_reference: { message_id: 'abc' } })).errors.message_reference);
  const both = { parse: ['users'], users: [ANN] };
  assert.match(JSON.stringify((await refused({ content: 'x', allowed_mentions: both })).errors), /EXCLUSIVE/);
  assert.equal((await refused(undefined)).code, 50006);
});

test('an embed is stored with its type and shown as it was sent', async () => {
  const edge = await Edge.open();
  const embed = {
    title: 't',
    color: 255,
    timestamp: '2024-01-01T00:00:00.000Z',
    footer: { text: 'f' },
    author: { name: 'a' },
    fields: [{ name: 'n', value: 'v' }],
    image: { url: 'https://x.test/a.png', width: 5 },
    video: null,
  };
  const { body } = await edge.ask('POST', MESSAGES, ANN, { embeds: [embed] });
  assert.deepEqual(body.embeds[0], {
    type: 'rich',
    title: 't',
    color: 255,
    timestamp: '2024-01-01T00:00:00.000000+00:00',
    image: { url: 'https://x.test/a.png' },
    footer: { text: 'f' },
    author: { name: 'a' },
    fields: [{ name: 'n', value: 'v', inline: false }],
  });
});

test('files are kept, described, served as downloads or pictures, and gone with their message', async () => {
  const edge = await Edge.open();
  const form = new FormData();
  form.append('files[0]', new Blob(['<script>']), '../x y.html');
  form.append('files[3]', new Blob([Buffer.from('89504e470d0a1a0a0000000d494844520000000a00000014', 'hex')]), 'p.png');
  const attachments = [{ id: 3, description: 'a picture' }];
  form.append('payload_json', JSON.stringify({ content: 'two', attachments }));
  const { status, body } = await edge.ask('POST', MESSAGES, ANN, form);
  assert.equal(status, 200);
  assert.deepEqual(missingObjectFields('Message', body), []);
  const [page, picture] = body.attachments;
  assert.equal(page.filename, 'x_y.html');
  assert.equal(page.content_type, 'text/html; charset=utf-8');
  assert.deepEqual([picture.width, picture.height, picture.description], [10, 20, 'a picture']);
  const get = async (url: string) => edge.raw('GET', new URL(url).pathname, '');
  const served = await get(page.url);
  assert.equal(served.status, 200);
  assert.equal(served.headers?.['Content-Type'], 'application/octet-stream');
  assert.equal(served.headers?.['X-Content-Type-Options'], 'nosniff');
  assert.match(served.headers?.['Content-Disposition'] ?? '', /^attachment/);
  assert.equal(await readFile(served.file?.path ?? '', 'utf8'), '<script>');
  assert.equal((await get(picture.url)).headers?.['Content-Type'], 'image/png');
  assert.equal((await get(page.url.replace('x_y.html', 'x_y.png'))).status, 404);
  assert.equal((await edge.raw('GET', `/attachments/${CHANNEL}/..%2f..%2fmeta.db/x`, '')).status, 400);

  const added = new FormData();
  added.append('files[0]', new Blob(['new']), 'n.txt');
  added.append('payload_json', JSON.stringify({ attachments: [{ id: picture.id }, { id: 0 }] }));
  const edited = await edge.ask('PATCH', `${MESSAGES}/${body.id}`, ANN, added);
  assert.deepEqual(
    edited.body.attachments.map(({ filename }: { filename: string }) => filename),
    ['p.png', 'n.txt'],
  );
  assert.equal((await get(page.url)).status, 404);
  await edge.ask('DELETE', `${MESSAGES}/${body.id}`, ANN);
  assert.equal((await get(picture.url)).status, 404);
});

test('a refused message leaves no file, and a large one is refused', async () => {
  const edge = await Edge.open();
  const upload = (user: string, size: number) => {
    const form = new FormData();
    form.append('file', new Blob(['x'.repeat(size)]), 'x.txt');
    return edge.ask('POST', MESSAGES, user, form);
  };
  const before = await readdir(join(folder, 'attachments', CHANNEL)).catch(() => []);
  assert.equal((await upload('1000000000000000099', 10)).status, 403);
  assert.equal((await upload(ANN, 1001)).body.code, 50045);
  assert.deepEqual(await readdir(join(folder, 'attachments', CHANNEL)), before);
});

test('emoji of paths: Unicode and custom, percent-encoded; others are unknown', async () => {
  const edge = await Edge.open();
  const { body } = await edge.ask('POST', MESSAGES, ANN, { content: 'x' });
  const react = async (emoji: string) =>
    (await edge.ask('PUT', `${MESSAGES}/${body.id}/reactions/${encodeURIComponent(emoji)}/@me`, ANN)).status;
  for (const emoji of [
    '👍',
    '❤️',
    '❤',
    '👨‍👩‍👧',
    '🇫🇷',
    '1️⃣',
    '☺️',
    '❤‍🔥',
    '🏃🏽‍♂',
    '🏳‍🌈',
    '👁‍🗨',
    '👍🏿',
    '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
    'party:1000000000000000021',
  ]) {
    assert.equal(await react(emoji), 204, emoji);
  }
  for (const emoji of ['x', '1', 'abc:def', '👍x', '👍👍', '12', '\u200d', 'party:1', ' '])
    assert.equal(await react(emoji), 400, emoji);
  const path = `${MESSAGES}/${body.id}/reactions/${encodeURIComponent('👍')}`;
  assert.equal((await edge.ask('GET', `${path}?limit=10`, ANN)).body[0].id, ANN);
  assert.equal((await edge.ask('DELETE', `${path}/${ANN}`, OWNER)).status, 204);
  assert.equal((await edge.ask('DELETE', path, OWNER)).body.code, 10014);
  assert.equal((await edge.ask('DELETE', `${MESSAGES}/${body.id}/reactions`, OWNER)).status, 204);
});

test('pins and typing by the old routes and the new', async () => {
  const edge = await Edge.open();
  const one = (await edge.ask('POST', MESSAGES, ANN, { content: '1' })).body.id;
  const two = (await edge.ask('POST', MESSAGES, ANN, { content: '2' })).body.id;
  assert.equal((await edge.ask('PUT', `/channels/${CHANNEL}/pins/${one}`, OWNER)).status, 204);
  edge.bench.clock.advance(5);
  assert.equal((await edge.ask('PUT', `${MESSAGES}/pins/${two}`, OWNER)).status, 204);
  assert.equal((await edge.ask('GET', `/channels/${CHANNEL}/pins`, ANN)).body.length, 2);
  const page = (await edge.ask('GET', `${MESSAGES}/pins?limit=1`, ANN)).body;
  const before = page.items[0].pinned_at;
  const next = await edge.ask('GET', `${MESSAGES}/pins?limit=1&before=${before}`, ANN);
  assert.equal(next.body.items[0].message.id, one);
  const encoded = await edge.ask('GET', `${MESSAGES}/pins?limit=1&before=${encodeURIComponent(before)}`, ANN);
  assert.equal(encoded.body.items[0].message.id, one);
  assert.equal((await edge.ask('DELETE', `${MESSAGES}/pins/${two}`, OWNER)).status, 204);
  assert.equal((await edge.ask('POST', `/channels/${CHANNEL}/typing`, ANN)).status, 204);
});

test('a private channel is opened once, whoever asks, also by two at once', async () => {
  const edge = await Edge.open();
  const open = (user: string, recipient_id: unknown) => edge.ask('POST', '/users/@me/channels', user, { recipient_id });
  const [first, second] = await Promise.all([open(ANN, BOT), open(BOT, ANN)]);
  assert.equal(first.status, 200);
  assert.equal(first.body.id, second.body.id);
  assert.deepEqual(missingObjectFields('DmChannel', first.body), []);
  assert.equal(first.body.recipients[0].id, BOT);
  assert.equal((await open(ANN, BOT)).body.id, first.body.id);
  assert.equal((await open(ANN, ANN)).body.code, 50007);
  assert.equal((await open(ANN, '1234567890123456789')).body.code, 50033);
  assert.equal((await edge.ask('POST', '/users/@me/channels', ANN, { recipients: [BOT] })).body.id, first.body.id);
  assert.deepEqual((await edge.ask('GET', '/users/@me/channels', BOT)).body, []);
  assert.equal((await edge.ask('GET', '/users/@me/channels', ANN)).body[0].id, first.body.id);
  assert.ok(StoreConflict.name);
});

test('whatever the body is, the answer is a message or an error of ours', async () => {
  const edge = await Edge.open();
  const keys = ['content', 'embeds', 'nonce', 'tts', 'flags', 'components', 'allowed_mentions', 'message_reference'];
  const body = fc.dictionary(
    fc.constantFrom(...keys, 'attachments', 'sticker_ids', 'embed', '__proto__'),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(body, fc.jsonValue()), async (value) => {
      const { status, body: answer } = await edge.ask('POST', MESSAGES, ANN, value);
      if (status === 200) assert.deepEqual(missingObjectFields('Message', answer), []);
      else {
        assert.ok(status >= 400 && status < 500, String(status));
        assert.equal(typeof answer.code, 'number');
      }
    }),
    { numRuns: 300 },
  );
  assert.equal(edge.bench.failure, undefined);
});
