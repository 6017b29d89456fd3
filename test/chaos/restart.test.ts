// SIGTERM and a new start on the same data: clients that held a session resume it, every event exactly once, exit code 0.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GatewayClient, type Payload } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';

const SESSIONS = 20;

describe('a clean restart', { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  const isLine = (payload: Payload): boolean => payload.t === 'MESSAGE_CREATE' && payload.d.content.startsWith('line ');

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
  });

  after(() => server?.dispose());

  async function say(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i += 1) {
      const reply = await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, {
        content: `line ${i}`,
      });
      assert.equal(reply.status, 200);
    }
  }

  it('is a RESUME for every client, with every event exactly once', async () => {
    const bots = Array.from({ length: SESSIONS }, (_, i) => server.bot(guild, `holder${i}`));
    const clients = await Promise.all(bots.map((bot) => GatewayClient.identify(server.origin, { token: bot.token })));
    for (const client of clients) await client.dispatch('GUILD_CREATE');
    await say(0, 10);
    for (const client of clients) await client.count(isLine, 10);

    const told = Promise.all(clients.map((client) => client.next((payload) => payload.op === 7)));
    const ended = server.stop();
    await told;
    for (const client of clients) assert.notEqual(await client.closed(), 1000);
    assert.equal(await ended, 0);

    await server.start();
    // Said before the clients are back: theirs to receive all the same.
    await say(10, 20);
    const back = await Promise.all(
      clients.map((client, i) =>
        GatewayClient.resume(server.origin, {
          token: bots[i]!.token,
          session_id: client.sessionId,
          seq: client.sequence!,
        }),
      ),
    );
    for (const [i, client] of back.entries()) {
      await client.dispatch('RESUMED');
      const before = clients[i]!.received.filter(isLine);
      const lines = [...before, ...(await client.count(isLine, 20 - before.length))];
      assert.deepEqual(
        lines.map((payload) => payload.d.content),
        Array.from({ length: 20 }, (_, n) => `line ${n}`),
      );
      const sequences = [...clients[i]!.received, ...client.received].filter((p) => p.op === 0).map((p) => p.s!);
      assert.deepEqual(
        sequences,
        Array.from({ length: sequences.length }, (_, n) => n + 1),
      );
      client.close();
    }
  });

  it("a session is another person's secret: a resume with a foreign token is refused", async () => {
    const mine = server.bot(guild, 'mine');
    const other = server.bot(guild, 'other');
    const client = await GatewayClient.identify(server.origin, { token: mine.token });
    client.cut();
    const thief = await GatewayClient.resume(server.origin, {
      token: other.token,
      session_id: client.sessionId,
      seq: 1,
    });
    const refused = await thief.next((payload) => payload.op === 9);
    assert.equal(refused.d, false);
    thief.close();
  });
});
