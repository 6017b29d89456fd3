// HTTP's door: heads on whose length two parsers could disagree are refused and nothing behind them is acted on, what never
// becomes whole is cut off, no answer says what serves it, and nothing but Authorization grants authority.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Provision, Server } from '../support/server.ts';
import { RawConnection, type RawReply, speak } from './raw.ts';

const NAMES = /uws|uwebsockets|node\b|nodejs|busboy|find-my-way|sqlite|express|undici/i;

describe("HTTP's door", { timeout: 120_000, concurrency: 24 }, () => {
  let server: Server;
  let guild: Provision;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off', GUILDHALL_HTTP_HOST: '127.0.0.1' });
    guild = server.provision();
  });

  after(() => server?.dispose());

  const messages = async (): Promise<string[]> => {
    const reply = await server.request('GET', `/channels/${guild.channelId}/messages`, guild.ownerToken);
    return reply.body.map((message: any) => message.content);
  };

  function post(content: string, lines: readonly string[] = []): string {
    const body = JSON.stringify({ content });
    return [
      `POST /api/v10/channels/${guild.channelId}/messages HTTP/1.1`,
      'Host: x',
      `Authorization: ${guild.ownerToken}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...lines,
      '',
      body,
    ].join('\r\n');
  }

  function assertNameless(reply: RawReply): void {
    assert.doesNotMatch(`${[...reply.headers].flat().join('\n')}\n${reply.body}`, NAMES);
    assert.equal(reply.headers.get('server'), undefined);
    assert.equal(reply.headers.get('x-powered-by'), undefined);
  }

  describe('request smuggling', { concurrency: 24 }, () => {
    const head = (lines: readonly string[], hosts: readonly string[] = ['Host: x']): string =>
      ['POST /api/v10/auth/login HTTP/1.1', ...hosts, 'Content-Type: application/json', ...lines, '', ''].join('\r\n');
    const LENGTHS = [
      '+5',
      '0x5',
      '5 5',
      '-5',
      '5.0',
      '5,5',
      '5, 6',
      '',
      ' ',
      '١',
      '5\t5',
      '1e1',
      '99999999999999999999999999',
      '5;',
    ];
    const CODINGS = [
      'identity',
      'gzip',
      'chunked, gzip',
      'chunked, identity',
      'chunked, chunked',
      'xchunked',
      'chunkedx',
      '"chunked"',
      'chunked;x=1',
      '',
      'chunked,',
      '\x0bchunked',
      'chunk\0ed',
    ];
    const vectors: [string, string][] = [
      ['no Host', head(['Content-Length: 5'], [])],
      ['two Hosts', head(['Content-Length: 5'], ['Host: x', 'Host: y'])],
      ['the same Host twice', head(['Content-Length: 5'], ['Host: x', 'Host: x'])],
      ['an empty Host', head(['Content-Length: 5'], ['Host: '])],
      ['differing lengths', head(['Content-Length: 5', 'Content-Length: 6'])],
      ...LENGTHS.map((length): [string, string] => [
        `length ${JSON.stringify(length)}`,
        head([`Content-Length: ${length}`]),
      ]),
      ['length and coding', head(['Content-Length: 5', 'Transfer-Encoding: chunked'])],
      ['coding and length', head(['Transfer-Encoding: chunked', 'Content-Length: 5'])],
      ...CODINGS.map((coding): [string, string] => [
        `coding ${JSON.stringify(coding)}`,
        head([`Transfer-Encoding: ${coding}`]),
      ]),
      ['codings on two lines', head(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'])],
      ['a space before the colon', head(['Transfer-Encoding : chunked'])],
      ['a space before the colon of a length', head(['Content-Length : 5'])],
      ['a space before a name', head([' Transfer-Encoding: chunked'])],
      ['a folded line', head(['X-A: b', ' Transfer-Encoding: chunked'])],
      ['a folded value', head(['Transfer-Encoding:', ' chunked'])],
      ['a bare CR in a value', head(['X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 5'])],
      ['a bare LF', head(['Content-Length: 5']).replaceAll('\r\n', '\n')],
      ['a bare LF in a value', head(['X-A: b\nTransfer-Encoding: chunked', 'Content-Length: 5'])],
      ['a NUL in a value', head(['X-A: b\0c', 'Content-Length: 5'])],
      ['a NUL in a name', head(['X-A\0: b', 'Content-Length: 5'])],
      ['a line without a colon', head(['Garbage', 'Content-Length: 5'])],
      ['no name', head([': x', 'Content-Length: 5'])],
      ['a tab in a name', head(['Content-Length\t: 5'])],
      ['an absolute URL of another host', head(['Content-Length: 5']).replace('/api', 'http://other/api')],
      ['two spaces in the first line', head(['Content-Length: 5']).replace(' /api', '  /api')],
      ['HTTP/1.0', head(['Content-Length: 5']).replace('HTTP/1.1', 'HTTP/1.0')],
      ['HTTP/2.0', head(['Content-Length: 5']).replace('HTTP/1.1', 'HTTP/2.0')],
      ['a head without end', `GET /api/v10/gateway HTTP/1.1\r\nHost: x\r\nX-A: ${'x'.repeat(70_000)}`],
      ['a thousand lines', head(Array.from({ length: 1000 }, (_, i) => `X-${i}: y`))],
    ];

    for (const [name, data] of vectors) {
      it(`${name}: refused and closed, and what follows is not acted on`, async () => {
        const smuggled = `smuggled by ${name.replace(/[^ -~]/g, '?')}`;
        // In the same packet, as a body that ends early would have it, and in a later one.
        const attempt = async (isLate: boolean): Promise<void> => {
          const connection = await RawConnection.open(server.port);
          const rest = `12345${post(smuggled)}0\r\n\r\n${post(smuggled)}`;
          connection.write(isLate ? data : data + rest);
          if (isLate) {
            await new Promise((resolve) => setTimeout(resolve, 10));
            if (!connection.isClosed) connection.write(rest);
          }
          await connection.closed();
          const heard = connection.heard.toString('latin1');
          if (heard !== '') assert.match(heard, /^HTTP\/1\.1 (400|411|413|414|426|431|501|505) /, name);
          assert.equal(/HTTP\/1\.1 2\d\d/.test(heard), false, heard);
          assert.doesNotMatch(heard, NAMES);
        };
        await Promise.all([attempt(false), attempt(true)]);
        assert.ok(!(await messages()).includes(smuggled), name);
      });
    }

    it('equal lengths given twice are one length', async () => {
      const reply = await speak(server.port, post('twice', ['Content-Length: 19']));
      assert.equal(reply.status, 200);
    });

    it('a request sent before the answer to the one before it ends the connection and is not acted on', async () => {
      const connection = await RawConnection.open(server.port);
      connection.write(post('first of two') + post('second of two'));
      await connection.closed();
      assert.ok(!(await messages()).includes('second of two'));
    });
  });

  describe('chunked bodies', () => {
    const chunked = (chunks: string): string =>
      [
        `POST /api/v10/channels/${guild.channelId}/messages HTTP/1.1`,
        'Host: x',
        `Authorization: ${guild.ownerToken}`,
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
        '',
        chunks,
      ].join('\r\n');

    it('are read; the answer closes the connection', async () => {
      const connection = await RawConnection.open(server.port);
      connection.write(chunked('b\r\n{"content":\r\nB\r\n"chunked"} \r\n0\r\n\r\n'));
      const reply = await connection.reply();
      assert.equal(reply.status, 200);
      assert.equal(JSON.parse(reply.body).content, 'chunked');
      await connection.closed();
    });

    it('trailers are never taken for a request, in whatever packets they come', async () => {
      const body = 'b\r\n{"content":\r\nB\r\n"carrier"} \r\n0\r\n';
      for (const between of ['', '\r\n', 'X-Trailer: a\r\n']) {
        for (const waitMs of [0, 20, 200]) {
          const connection = await RawConnection.open(server.port);
          connection.write(chunked(body) + (waitMs === 0 ? between + post('smuggled by a trailer') : ''));
          if (waitMs > 0) {
            await new Promise((resolve) => setTimeout(resolve, waitMs));
            if (!connection.isClosed) connection.write(between + post('smuggled by a trailer'));
          }
          await connection.closed();
          assert.ok((connection.heard.toString('latin1').match(/HTTP\/1\.1 2/g) ?? []).length <= 1);
        }
      }
      assert.ok(!(await messages()).includes('smuggled by a trailer'));
    });

    it('that are malformed end the connection, and nothing of them counts', async () => {
      for (const chunks of [
        'x\r\n',
        '5;a=1\r\nabcde\r\n0\r\n\r\n',
        '-1\r\n',
        '0x5\r\nabcde\r\n0\r\n\r\n',
        '5\r\nabcdefgh\r\n0\r\n\r\n',
        'ffffffffffffffffff\r\n',
        '5\nabcde\n0\n\n',
        ' 5\r\nabcde\r\n',
      ]) {
        const connection = await RawConnection.open(server.port);
        connection.write(chunked(chunks) + post('smuggled by a chunk'));
        const heard = await Promise.race([
          connection.closed().then(() => 'closed'),
          // Held as unfinished until its time is up is as good.
          new Promise((resolve) => setTimeout(resolve, 300)).then(() => 'held'),
        ]);
        assert.ok(heard === 'held' || connection.isClosed);
        assert.doesNotMatch(connection.heard.toString('latin1'), /HTTP\/1\.1 2/, chunks);
        connection.end();
      }
      assert.ok(!(await messages()).includes('smuggled by a chunk'));
    });
  });

  it('no answer says what serves it', async () => {
    const { port } = server;
    const requests = [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /api/v10/nothing HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /api/v10/gateway HTTP/1.1\r\nHost: x\r\n\r\n',
      'PATCH /api/v10/gateway HTTP/1.1\r\nHost: x\r\n\r\n',
      'BREW /api/v10/gateway HTTP/1.1\r\nHost: x\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /api/v10/users/@me HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /%00/../..%2f..%2fetc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /attachments/1/2/x HTTP/1.1\r\nHost: x\r\n\r\n',
      `GET /${'a'.repeat(3000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      'POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{',
      'POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\n{',
      'POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n',
      'GET /api/v10/gateway HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 7\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      'nonsense\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
    ];
    for (const data of requests) {
      const connection = await RawConnection.open(port);
      connection.write(data);
      const reply = await connection.reply().catch(() => null);
      if (reply !== null) {
        assertNameless(reply);
        assert.ok(
          reply.status < 500 || reply.status === 501 || reply.status === 505,
          `${reply.status} for ${data.slice(0, 60)}`,
        );
      }
      connection.end();
    }
  });

  it('only Authorization grants authority: no cookie, query, body or origin does', async () => {
    const { ownerToken: token } = guild;
    const me = (path: string, lines: readonly string[]): Promise<RawReply> =>
      speak(server.port, [`GET ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n'));
    const path = '/api/v10/users/@me';
    assert.equal((await me(path, [`Authorization: ${token}`])).status, 200);
    for (const [where, lines] of [
      [path, [`Cookie: token=${token}; authorization=${token}; __session=${token}`]],
      [`${path}?token=${token}&access_token=${token}&authorization=${token}`, []],
      [path, [`X-Authorization: ${token}`]],
      [path, [`Proxy-Authorization: ${token}`]],
      [
        path,
        [
          'Origin: http://127.0.0.1',
          'Referer: http://127.0.0.1/',
          'X-Forwarded-For: 127.0.0.1',
          'X-Forwarded-User: admin',
        ],
      ],
      [path, [`Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`]],
      [path, ['Authorization: ']],
    ] as const) {
      assert.equal((await me(where, lines)).status, 401, lines.join());
    }
    for (const prefix of ['Bot ', 'bot ', 'Bearer ', ''])
      assert.equal((await me(path, [`Authorization: ${prefix}${token}`])).status, 200);
  });

  it('a page of another origin may call, but carries nothing of its own with it', async () => {
    const reply = await fetch(`${server.api}/gateway`, { headers: { origin: 'https://page.example' } });
    assert.equal(reply.headers.get('access-control-allow-origin'), '*');
    assert.equal(reply.headers.get('access-control-allow-credentials'), null);
    const preflight = await fetch(`${server.api}/users/@me`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://page.example',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization',
      },
    });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/i);
    assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
  });

  it('an audit reason of 512 characters of any script fits into a head', async () => {
    for (const character of ['x', '理', '🎉']) {
      const reason = encodeURIComponent(character.repeat(512));
      const lines = [
        `Authorization: ${guild.ownerToken}`,
        'Content-Type: application/json',
        `X-Audit-Log-Reason: ${reason}`,
        'Content-Length: 12',
      ];
      const reply = await speak(
        server.port,
        [`POST /api/v10/guilds/${guild.guildId}/roles HTTP/1.1`, 'Host: x', ...lines, '', '{"name":"r"}'].join('\r\n'),
      );
      assert.equal(reply.status, 200, reply.body);
    }
  });

  it('heads that never end are cut off, though bytes keep coming', async () => {
    const slow = await Promise.all(
      [
        'GET /api/v10/gateway HTTP/1.1\r\nHost: x\r\nX-A: ',
        'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n',
        'G',
        '',
      ].map(async (data) => {
        const connection = await RawConnection.open(server.port);
        if (data !== '') connection.write(data);
        return connection;
      }),
    );
    const drip = setInterval(() => {
      for (const connection of slow.slice(0, 3)) if (!connection.isClosed) connection.write('a');
    }, 1_000);
    try {
      await Promise.all(slow.map((connection) => connection.closed()));
    } finally {
      clearInterval(drip);
    }
  });
});
