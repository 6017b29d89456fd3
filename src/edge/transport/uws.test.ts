import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { WebSocket as Ws } from 'ws';
import { loadUws } from '../../../native/uws.ts';
import { apiError } from '../../protocol/errors.ts';
import { probePort } from './probe.ts';
import { speak } from './raw.test-helper.ts';
import type { HttpReply, HttpRequest, Socket, SocketHandler, Transport } from './types.ts';
import { createUwsTransport, readableAddress, type UwsTransportOptions } from './uws.ts';

const folder = mkdtempSync(join(tmpdir(), 'guildhall-transport-'));
const bigFile = join(folder, 'big');
const BIG = 3 * 1024 * 1024 + 17;
/** Requests that a handler was given, in order. */
let acted: string[] = [];
let errors: unknown[] = [];

const echo: SocketHandler = {
  open: () => {},
  message: (socket, bytes, isBinary) => {
    const text = Buffer.from(bytes).toString();
    if (text === 'throw') throw new Error('thrown by a handler');
    if (text === 'data') socket.send(JSON.stringify(socket.getUserData()));
    else socket.send(new Uint8Array(bytes), isBinary);
  },
  drain: () => {},
  close: () => {},
};

async function http(request: HttpRequest): Promise<HttpReply> {
  acted.push(`${request.method} ${request.path}`);
  switch (request.path) {
    case '/echo': {
      try {
        const body = await request.body(1000);
        return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
      } catch (error) {
        if (error instanceof Error && error.name === 'ApiError')
          return { status: (error as { status?: number }).status ?? 500 };
        throw error;
      }
    }
    case '/large':
      return { status: 200, body: String((await request.body(100_000_000)).byteLength) };
    case '/late':
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { status: 200, body: 'late' };
    case '/empty':
      return { status: 204 };
    case '/file':
      return { status: 200, headers: { 'Content-Type': 'text/plain' }, file: { path: bigFile, size: BIG } };
    case '/nofile':
      return { status: 200, file: { path: join(folder, 'nothing'), size: 10 } };
    case '/short':
      return { status: 200, file: { path: bigFile, size: BIG + 10 } };
    case '/notext':
      return { status: 200, headers: { 'X-A': { toString: null } as never } };
    case '/throw':
      throw apiError('NOT_FOUND', { text: 'secret inside' });
    case '/header':
      return { status: 200, headers: { 'X-A': 'b\r\nX-Injected: c' }, body: '' };
    default:
      return { status: 200, body: request.path };
  }
}

function start(options: Partial<UwsTransportOptions> = {}): Transport {
  return createUwsTransport({ http, sockets: echo, onError: (error) => errors.push(error), ...options });
}

let transport: Transport;
let port = 0;

before(async () => {
  writeFileSync(bigFile, Buffer.alloc(BIG, 'abcdefg'));
  transport = start();
  port = await transport.listen('127.0.0.1', 0);
});
after(() => {
  transport.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  acted = [];
  errors = [];
});

const url = (path: string) => `http://127.0.0.1:${port}${path}`;
const POST = 'POST /echo HTTP/1.1\r\nHost: a\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

const SMUGGLING: Record<string, string> = {
  'no host': `POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\nab${SMUGGLED}`,
  'an empty host': `POST /echo HTTP/1.1\r\nHost: \r\nContent-Length: 2\r\n\r\nab${SMUGGLED}`,
  'two hosts': `${POST}Host: b\r\nContent-Length: 2\r\n\r\nab${SMUGGLED}`,
  'the same host twice': `${POST}Host: a\r\nContent-Length: 2\r\n\r\nab${SMUGGLED}`,
  'differing lengths': `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\nab${SMUGGLED}`,
  'an empty length': `${POST}Content-Length: \r\n\r\n${SMUGGLED}`,
  'a signed length': `${POST}Content-Length: +2\r\n\r\nab${SMUGGLED}`,
  'a negative length': `${POST}Content-Length: -2\r\n\r\nab${SMUGGLED}`,
  'a hexadecimal length': `${POST}Content-Length: 0x2\r\n\r\nab${SMUGGLED}`,
  'a list of lengths': `${POST}Content-Length: 2, 2\r\n\r\nab${SMUGGLED}`,
  'a length of words': `${POST}Content-Length: two\r\n\r\nab${SMUGGLED}`,
  'a length beside chunks': `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'chunks beside a length': `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'gzip without chunks': `${POST}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  identity: `${POST}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'chunked before gzip': `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'two codings in two lines': `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'an empty coding': `${POST}Transfer-Encoding: \r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'a coding that looks like chunked': `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'a space before the colon': `${POST}Content-Length : 2\r\n\r\nab${SMUGGLED}`,
  'a folded line': `${POST}Content-Length: 2\r\n X: y\r\n\r\nab${SMUGGLED}`,
  'two tokens': `${POST}Authorization: a\r\nAuthorization: b\r\n\r\n${SMUGGLED}`,
};

for (const [name, bytes] of Object.entries(SMUGGLING)) {
  test(`${name}: 400, the connection closes, and nothing is acted on`, async () => {
    const heard = await speak(port, bytes);
    assert.match(heard.text, /^HTTP\/1\.1 400 /);
    assert.ok(heard.closed, 'closed');
    assert.deepEqual(acted, []);
    assert.doesNotMatch(heard.text, /200 OK/);
    assert.doesNotMatch(heard.text, /uwebsockets/i);
  });
}

test('after a refusal nothing that follows on the connection is acted on, however it is cut into packets', async () => {
  const refused = `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n`;
  for (const rest of [`ab${SMUGGLED}${SMUGGLED}${SMUGGLED}`, SMUGGLED.repeat(50), 'x'.repeat(70_000) + SMUGGLED]) {
    const heard = await speak(port, refused + rest, { trickle: SMUGGLED, trickleMs: 5 });
    assert.match(heard.text, /^HTTP\/1\.1 4\d\d /);
    assert.ok(heard.closed);
  }
  assert.deepEqual(acted, []);
});

test('bare uWebSockets.js acts on requests whose end is a matter of opinion: why heads are judged here', async () => {
  const bare = loadUws();
  const app = bare.App();
  const seen: string[] = [];
  app.any('/*', (res, req) => {
    seen.push(req.getUrl());
    res.end('');
  });
  const at = await new Promise<number>((resolve) => {
    app.listen('127.0.0.1', 0, (socket) => resolve(bare.us_socket_local_port(socket as never)));
  });
  for (const name of [
    'differing lengths',
    'an empty length',
    'gzip without chunks',
    'chunked before gzip',
    'an empty host',
  ]) {
    seen.length = 0;
    await speak(at, SMUGGLING[name] as string, { answers: 2, ms: 500 });
    assert.notEqual(seen.length, 0, name);
  }
  app.close();
});

test('a coding other than chunked before chunked is 501', async () => {
  const heard = await speak(port, `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`);
  assert.match(heard.text, /^HTTP\/1\.1 501 /);
  assert.ok(heard.closed);
  assert.deepEqual(acted, []);
});

test('chunked bodies are read', async () => {
  const heard = await speak(port, `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n`, {
    answers: 1,
    ms: 500,
  });
  assert.match(heard.text, /^HTTP\/1\.1 200 /);
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (let i = 0; i < 5; i += 1) controller.enqueue(Buffer.from('0123456789'));
      controller.close();
    },
  });
  const response = await fetch(url('/echo'), { method: 'POST', body, duplex: 'half' } as RequestInit);
  assert.equal(await response.text(), '0123456789'.repeat(5));
});

test('a malformed chunk cuts the request off', async () => {
  const heard = await speak(port, `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n${SMUGGLED}`);
  assert.ok(heard.closed);
  assert.doesNotMatch(heard.text, /200 OK/);
  assert.deepEqual(
    acted.filter((one) => one.includes('smuggled')),
    [],
  );
});

test('HTTP/1.0, oversized and odd heads are refused without naming a library', async () => {
  for (const bytes of [
    'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
    'GET /\r\n\r\n',
    'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(200)}\r\n`,
    'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
  ]) {
    const heard = await speak(port, bytes);
    assert.match(heard.text, /^HTTP\/1\.1 (400|431|505) /);
    assert.ok(heard.closed);
    assert.doesNotMatch(heard.text, /websockets|node|server\b(?! does not)/i);
  }
  assert.deepEqual(acted, []);
});

test('answers carry Date and Content-Length, keep the connection, and name no library', async () => {
  const get = 'GET /late HTTP/1.1\r\nHost: a\r\n\r\n';
  const heard = await speak(port, get, { answers: 1 });
  assert.match(heard.text, /\r\nDate: /);
  assert.match(heard.text, /\r\nContent-Length: 4\r\n/);
  assert.doesNotMatch(heard.text, /websockets|server/i);
  const two = await speak(port, `GET /a HTTP/1.1\r\nHost: a\r\n\r\n`, {
    trickle: 'GET /b HTTP/1.1\r\nHost: a\r\n\r\n',
    trickleMs: 30,
    answers: 3,
  });
  assert.ok(!two.closed);
});

test('HEAD has the headers of GET, 204 has neither body nor length', async () => {
  const head = await fetch(url('/some'), { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), '5');
  assert.equal(await head.text(), '');
  const empty = await fetch(url('/empty'));
  assert.equal(empty.status, 204);
  assert.equal(empty.headers.get('content-length'), null);
  const file = await fetch(url('/file'), { method: 'HEAD' });
  assert.equal(file.headers.get('content-length'), String(BIG));
});

test('a body over its route’s limit is 413, over the transport’s too, and the client can read it', async () => {
  assert.equal((await fetch(url('/echo'), { method: 'POST', body: 'x'.repeat(1000) })).status, 200);
  assert.equal((await fetch(url('/echo'), { method: 'POST', body: 'x'.repeat(1001) })).status, 413);
  assert.equal((await fetch(url('/echo'), { method: 'POST', body: 'x'.repeat(3_000_000) })).status, 413);
});

test('a thread holds a bounded number of body bytes, and gives them back', async () => {
  const small = start({ bodyBytesMax: 100_000, bodiesBytesMax: 150_000 });
  const at = await small.listen('127.0.0.1', 0);
  const half = `POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(90_000)}`;
  const holder = connect(at, '127.0.0.1', () => holder.write(half));
  await until(() => acted.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const post = () => fetch(`http://127.0.0.1:${at}/large`, { method: 'POST', body: 'y'.repeat(100_000) });
  assert.equal((await post()).status, 500);
  assert.match(String(errors[0]), /Too many uploads/);
  holder.destroy();
  await until(() => errors.length >= 2);
  assert.equal(await (await post()).text(), '100000');
  assert.equal((await fetch(`http://127.0.0.1:${at}/echo`, { method: 'POST', body: 'y'.repeat(100_001) })).status, 413);
  small.close();
});

test('files are streamed whole, also to a slow reader, and a missing one is an error', async () => {
  const bytes = Buffer.from(await (await fetch(url('/file'))).arrayBuffer());
  assert.equal(bytes.length, BIG);
  assert.ok(bytes.equals(Buffer.alloc(BIG, 'abcdefg')));
  const total = await new Promise<number>((resolve) => {
    let count = 0;
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    );
    socket.on('data', (chunk) => {
      count += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.on('close', () => resolve(count));
  });
  assert.ok(total > BIG);
  assert.equal((await fetch(url('/nofile'))).status, 500);
  await assert.rejects(fetch(url('/short')).then((response) => response.text()));
});

test('a client that goes away in the middle of anything harms nobody', async () => {
  for (const bytes of [
    'GET /file HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /late HTTP/1.1\r\nHost: a\r\n\r\n',
    `${POST}Content-Length: 500\r\n\r\nab`,
  ]) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(bytes);
        setTimeout(() => socket.resetAndDestroy(), 5);
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
  }
  assert.equal(await (await fetch(url('/after'))).text(), '/after');
});

test('an exception of the handler is 500 without its text', async () => {
  const response = await fetch(url('/throw'));
  assert.equal(response.status, 500);
  assert.equal(await response.text(), '{"message":"500: Internal Server Error","code":0}');
  assert.equal(errors.length, 1);
});

test('a reply that cannot be written ends its connection only', async () => {
  await assert.rejects(fetch(url('/notext')));
  assert.equal(errors.length, 1);
  assert.equal(await (await fetch(url('/after'))).text(), '/after');
});

test('a header value cannot start a new header', async () => {
  assert.equal((await fetch(url('/header'))).headers.get('x-injected'), null);
});

test('requests that trickle in are cut, heads by 16 s and bodies by the configured limit', {
  timeout: 19_000,
}, async () => {
  const strict = start({ requestMs: 300, lingerMs: 100 });
  const at = await strict.listen('127.0.0.1', 0);
  const [head, line, silent, body, chunks, unwanted, handshake] = await Promise.all([
    speak(at, 'GET / HTTP/1.1\r\nHost: a\r\nX: ', { trickle: 'y', ms: 18_000 }),
    speak(at, 'G', { trickle: 'E', ms: 18_000 }),
    speak(at, '', { ms: 18_000 }),
    speak(at, `${POST}Content-Length: 500\r\n\r\n`, { trickle: 'y', trickleMs: 20, ms: 18_000 }),
    speak(at, `${POST}Transfer-Encoding: chunked\r\n\r\n`, { trickle: '1\r\na\r\n', trickleMs: 20, ms: 18_000 }),
    speak(at, 'GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n', { trickle: 'y', trickleMs: 20, ms: 18_000 }),
    speak(at, 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n', {
      trickle: 'X',
      ms: 18_000,
    }),
  ]);
  strict.close();
  for (const one of [head, line, silent, handshake]) {
    assert.ok(one.closed);
    assert.ok(one.afterMs < 17_000, `${one.afterMs} ms`);
  }
  for (const one of [body, chunks]) {
    assert.ok(one.closed);
    assert.equal(one.text, '');
    assert.ok(one.afterMs < 8000, `${one.afterMs} ms`);
  }
  // Nobody wanted its body: it is answered all the same, and then closed.
  assert.match(unwanted.text, /^HTTP\/1\.1 200 /);
  assert.ok(unwanted.closed);
  assert.deepEqual(acted.filter((one) => one.includes('/echo')).length, 2);
});

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const UPGRADE = 'Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n';

test('WebSockets are upgraded at /, //, /gateway and /gateway/, without extensions', async () => {
  for (const path of ['/', '//', '/gateway', '/gateway/', '/?v=10&encoding=json', '//?v=10']) {
    const offer =
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Protocol: chat\r\n';
    const heard = await speak(port, `GET ${path} HTTP/1.1\r\n${UPGRADE}${KEY}${offer}\r\n`, { answers: 1 });
    assert.match(heard.text, /^HTTP\/1\.1 101 /, path);
    assert.match(heard.text, /s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
    assert.doesNotMatch(heard.text, /extensions|sec-websocket-protocol|uwebsockets/i);
  }
  assert.match(
    (await speak(port, `GET /other HTTP/1.1\r\n${UPGRADE}${KEY}\r\n`, { answers: 1 })).text,
    /^HTTP\/1\.1 200 /,
  );
});

test('handshakes that RFC 6455 forbids are refused and closed', async () => {
  const cases: [number, string][] = [
    [426, `GET / HTTP/1.1\r\n${UPGRADE.replace('13', '8')}${KEY}\r\n`],
    [426, `GET / HTTP/1.1\r\n${UPGRADE.replace('Sec-WebSocket-Version: 13\r\n', '')}${KEY}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE.replace('Upgrade: websocket\r\n', '')}${KEY}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE.replace('Connection: Upgrade\r\n', '')}${KEY}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE}${KEY.replace('==', '=')}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE}${KEY.replace('nonce', 'n nce').replace('dGhl', 'd!hl')}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE}${KEY}${KEY}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE}Host: b\r\n${KEY}\r\n`],
    [400, `GET / HTTP/1.1\r\n${UPGRADE}${KEY}Content-Length: 3\r\n\r\nabc`],
    [405, `POST / HTTP/1.1\r\n${UPGRADE}${KEY}\r\n`],
  ];
  for (const [status, bytes] of cases) {
    const heard = await speak(port, bytes);
    assert.match(heard.text, new RegExp(`^HTTP/1\\.1 ${status} `), bytes);
    assert.ok(heard.closed, bytes);
    if (status === 426) assert.match(heard.text, /\r\nSec-WebSocket-Version: 13\r\n/);
  }
  assert.deepEqual(acted, []);
});

test('a socket knows its address, host and query; large messages drop it; a throwing handler ends only its own', async () => {
  const open = (query = ''): Promise<Ws> =>
    new Promise((resolve, reject) => {
      const ws = new Ws(`ws://127.0.0.1:${port}/gateway${query}`);
      ws.once('open', () => resolve(ws));
      ws.once('error', reject);
    });
  const say = (ws: Ws, text: string): Promise<string> =>
    new Promise((resolve) => {
      ws.once('message', (data) => resolve(String(data)));
      ws.once('close', (code) => resolve(`closed ${code}`));
      ws.once('error', () => {});
      ws.send(text);
    });
  const ws = await open('?v=10&encoding=json');
  const data = JSON.parse(await say(ws, 'data'));
  assert.deepEqual(data, {
    address: '127.0.0.1',
    query: 'v=10&encoding=json',
    host: `127.0.0.1:${port}`,
    connection: null,
  });
  assert.equal((await say(ws, 'x'.repeat(16 * 1024))).length, 16 * 1024);
  const other = await open();
  assert.match(await say(other, 'x'.repeat(16 * 1024 + 1)), /^closed/);
  const third = await open();
  assert.match(await say(third, 'throw'), /^closed/);
  assert.equal(errors.length, 1);
  assert.equal(await say(ws, 'still here'), 'still here');
  ws.close();
});

test('a thread takes a bounded number of connections, and of sockets of one address', async () => {
  const small = start({ connectionsMax: 3, socketsPerAddressMax: 2 });
  const at = await small.listen('127.0.0.1', 0);
  const upgrade = `GET / HTTP/1.1\r\n${UPGRADE}${KEY}\r\n`;
  const held = [await hold(at, upgrade), await hold(at, upgrade)];
  const refused = await speak(at, upgrade);
  assert.match(refused.text, /^HTTP\/1\.1 429 /);
  assert.match(refused.text, /\r\nVia: /);
  held.push(await hold(at, 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'));
  const over = await speak(at, 'GET /y HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(over.text, '');
  assert.ok(over.closed);
  for (const socket of held) socket.destroy();
  await until(async () => (await speak(at, 'GET /z HTTP/1.1\r\nHost: a\r\n\r\n', { answers: 1, ms: 300 })).text !== '');
  await until(async () => (await speak(at, upgrade, { answers: 1, ms: 300 })).text.includes(' 101 '));
  small.close();
});

test('close ends every connection at once and may be called again; stopAccepting keeps the connections', async () => {
  const closed: number[] = [];
  const opened: Socket[] = [];
  const own = start({
    sockets: { ...echo, open: (socket) => opened.push(socket), close: (_socket, code) => closed.push(code) },
  });
  const at = await own.listen('127.0.0.1', 0);
  const ws = new Ws(`ws://127.0.0.1:${at}/`);
  ws.on('error', () => {});
  await new Promise((resolve) => ws.once('open', resolve));
  own.stopAccepting();
  own.stopAccepting();
  await assert.rejects(fetch(`http://127.0.0.1:${at}/`));
  assert.equal(ws.readyState, Ws.OPEN);
  const gone = new Promise((resolve) => ws.once('close', resolve));
  own.close();
  assert.equal(closed.length, 1);
  own.close();
  own.stopAccepting();
  await gone;
  await assert.rejects(own.listen('127.0.0.1', 0));
});

test('a port taken by somebody else is told at boot; several threads may share one', async () => {
  const free = await probePort('127.0.0.1', 0);
  assert.equal(await probePort('127.0.0.1', free), free);
  const first = start();
  const second = start();
  assert.equal(await first.listen('127.0.0.1', free), free);
  assert.equal(await second.listen('127.0.0.1', free), free);
  await assert.rejects(probePort('127.0.0.1', free), { code: 'EADDRINUSE' });
  first.close();
  second.close();
  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(free, '127.0.0.1', resolve));
  await assert.rejects(probePort('127.0.0.1', free), { code: 'EADDRINUSE' });
  const third = start();
  await assert.rejects(third.listen('127.0.0.1', free), /taken/);
  third.close();
  await new Promise((resolve) => stranger.close(resolve));
});

test('an address has one name', () => {
  assert.equal(readableAddress('0000:0000:0000:0000:0000:ffff:7f00:0001'), '127.0.0.1');
  assert.equal(readableAddress('10.0.0.1'), '10.0.0.1');
});

/** Opens a connection, writes, and keeps it. */
function hold(at: number, bytes: string): Promise<ReturnType<typeof connect>> {
  return new Promise((resolve) => {
    const socket = connect(at, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => {});
    socket.once('data', () => resolve(socket));
  });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('it did not come true');
}
