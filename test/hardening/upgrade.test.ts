// The opening handshake: what RFC 6455 section 4.2.1 demands, and nothing else is let through.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GatewayClient } from '../support/gateway-client.ts';
import { Server } from '../support/server.ts';
import { handshake, RawConnection, type RawReply } from './raw.ts';

describe('the upgrade', { timeout: 60_000 }, () => {
  let server: Server;
  let good: string;

  before(async () => {
    server = await Server.start();
    good = handshake(`127.0.0.1:${server.port}`);
  });

  after(() => server?.dispose());

  /** Refused: the answer, and the connection is closed. */
  async function refused(data: string): Promise<RawReply> {
    const connection = await RawConnection.open(server.port);
    connection.write(data);
    const reply = await connection.reply();
    assert.ok(reply.status >= 400 && reply.status < 500, `${reply.status}`);
    await connection.closed();
    assertNameless(reply);
    return reply;
  }

  function assertNameless(reply: RawReply): void {
    const text = `${[...reply.headers].flat().join('\n')}\n${reply.body}`;
    assert.doesNotMatch(text, /uws|uwebsockets|node|express/i);
  }

  const without = (name: string): string => good.replace(new RegExp(`^${name}:.*\r\n`, 'im'), '');
  const withLine = (name: string, value: string): string =>
    good.replace(new RegExp(`^${name}:.*$`, 'im'), `${name}: ${value}`);

  it('is done at /, //, /gateway and /gateway/, by lists and letters of any case', async () => {
    for (const path of ['/', '//', '/gateway', '/gateway/', '/?v=10&encoding=json', '/gateway?v=9']) {
      for (const [upgrade, connection] of [
        ['websocket', 'Upgrade'],
        ['WebSocket', 'keep-alive, Upgrade'],
        ['h2c, websocket', 'upgrade'],
      ]) {
        const raw = await RawConnection.open(server.port);
        raw.write(
          handshake('x', [], path)
            .replace('Upgrade: websocket', `Upgrade: ${upgrade}`)
            .replace('Connection: Upgrade', `Connection: ${connection}`),
        );
        const reply = await raw.reply();
        assert.equal(reply.status, 101);
        assertNameless(reply);
        raw.end();
      }
    }
  });

  it('another version is 426, and says which is spoken', async () => {
    for (const data of [
      withLine('Sec-WebSocket-Version', '8'),
      withLine('Sec-WebSocket-Version', '14'),
      withLine('Sec-WebSocket-Version', '013'),
      without('Sec-WebSocket-Version'),
    ]) {
      const reply = await refused(data);
      assert.equal(reply.status, 426);
      assert.equal(reply.headers.get('sec-websocket-version'), '13');
    }
  });

  it('is refused with a wrong method, HTTP version, Upgrade, Connection or key', async () => {
    for (const method of ['POST', 'PUT', 'HEAD', 'OPTIONS', 'get', 'DELETE'])
      await refused(good.replace('GET', method));
    for (const version of ['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1']) {
      const connection = await RawConnection.open(server.port);
      connection.write(good.replace('HTTP/1.1', version));
      await connection.closed();
      assert.doesNotMatch(connection.heard.toString('latin1'), /^HTTP\/1\.1 101|uws|uwebsockets/i, version);
    }
    for (const value of ['h2c', 'websockets', 'web socket', ''])
      await refused(withLine('Upgrade', value)).catch((error: unknown) => {
        // Without the word it is a plain request for a page that there is not.
        assert.match(String(error), /nothing more|closed/);
      });
    for (const data of [without('Connection'), withLine('Connection', 'keep-alive'), withLine('Connection', 'close')])
      await refused(data);
    for (const key of [
      '',
      'x',
      'AAAAAAAAAAAAAAAAAAAAAA',
      `${'A'.repeat(23)}=`,
      `${'A'.repeat(22)}=!`,
      'A'.repeat(24),
      'A'.repeat(400),
    ]) {
      await refused(withLine('Sec-WebSocket-Key', key));
    }
    await refused(without('Sec-WebSocket-Key'));
  });

  it('is refused with a body, and with Host or any line of the handshake missing or doubled', async () => {
    const more = (line: string): string => good.replace('\r\n\r\n', `\r\n${line}\r\n\r\n`);
    await refused(without('Host'));
    await refused(more('Host: other'));
    await refused(more('Sec-WebSocket-Version: 13'));
    await refused(more('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='));
    await refused(`${more('Content-Length: 5')}12345`);
    await refused(`${more('Transfer-Encoding: chunked')}0\r\n\r\n`);
    for (const host of ['', 'a b', 'a/b', 'user@host', '<script>']) await refused(withLine('Host', host));
  });

  it('elsewhere than at the gateway there is none', async () => {
    for (const path of ['/api/v10/gateway', '/x', '/attachments/1/2/x', '/gateway/x']) {
      const connection = await RawConnection.open(server.port);
      connection.write(handshake('x', [], path));
      const reply = await connection.reply();
      assert.notEqual(reply.status, 101);
      connection.end();
    }
  });

  it('cookies, query tokens and origin give a connection no authority', async () => {
    const guild = server.provision();
    const raw = await RawConnection.open(server.port);
    const token = guild.ownerToken;
    raw.write(
      handshake(
        'x',
        [`Cookie: token=${token}`, `Authorization: ${token}`, 'Origin: http://x'],
        `/?v=10&encoding=json&token=${token}`,
      ),
    );
    assert.equal((await raw.reply()).status, 101);
    raw.end();
    const client = new GatewayClient(
      `${server.origin.replace('http', 'ws')}/?v=10&encoding=json&token=${token}&access_token=${token}`,
    );
    await client.next((payload) => payload.op === 10);
    client.send(3, { status: 'online', since: null, afk: false, activities: [] });
    assert.equal(await client.closed(), 4003);
  });
});
