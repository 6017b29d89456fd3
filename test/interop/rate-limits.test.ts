// Rate limits as client libraries meet them: headers they learn from, 429s they wait for, and nothing lost.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Events, GatewayIntentBits, type Message, RESTEvents, type TextChannel } from 'discord.js';
import { nextEvent } from '../support/events.ts';
import { type Provision, Server } from '../support/server.ts';

describe('rate limits', { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  let sender: Client<true>;
  let hearer: Client<true>;

  async function login(token: string): Promise<Client<true>> {
    const intents = [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent];
    const client = new Client({ intents, rest: { api: `${server.origin}/api` } });
    const ready = nextEvent(client, Events.ClientReady);
    await client.login(token);
    await ready;
    return client as Client<true>;
  }

  before(async () => {
    server = await Server.start();
    guild = server.provision();
    sender = await login(server.bot(guild, 'sender').token);
    hearer = await login(server.bot(guild, 'hearer').token);
  });

  after(async () => {
    await sender?.destroy();
    await hearer?.destroy();
    await server?.dispose();
  });

  it('30 sends at once by discord.js all arrive, once, in the order of the history', async () => {
    const channel = sender.channels.cache.get(guild.channelId) as TextChannel;
    const got: string[] = [];
    hearer.on(Events.MessageCreate, (m: Message) => got.push(m.id));
    let waited = 0;
    sender.rest.on(RESTEvents.RateLimited, () => {
      waited += 1;
    });
    const sent = await Promise.all(Array.from({ length: 30 }, (_, i) => channel.send(`burst ${i}`)));
    while (got.length < 30) await nextEvent(hearer, Events.MessageCreate);
    const expected = sent.map((m) => m.id).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
    assert.deepEqual(got, expected);
    assert.ok(waited > 0, 'the library met no limit');
  });

  it('answers 429 in the form clients need, and lets the request through after the wait', async () => {
    const path = `/channels/${guild.channelId}/messages`;
    let limited: Awaited<ReturnType<Server['request']>> | undefined;
    for (let i = 0; i < 200 && limited === undefined; i += 1) {
      const reply = await server.request('POST', path, guild.ownerToken, { content: `push ${i}` });
      if (reply.status === 429) limited = reply;
      else {
        assert.equal(reply.status, 200);
        for (const name of ['limit', 'remaining', 'reset', 'reset-after', 'bucket']) {
          assert.ok(reply.headers.get(`x-ratelimit-${name}`), name);
        }
      }
    }
    assert.ok(limited, 'never limited');
    assert.equal(limited.headers.get('via'), '1.1 guildhall');
    assert.ok(Number(limited.headers.get('retry-after')) > 0);
    assert.equal(limited.headers.get('x-ratelimit-scope'), 'user');
    assert.equal(typeof limited.body.retry_after, 'number');
    assert.equal(limited.body.global, false);
    await new Promise((resolve) => setTimeout(resolve, limited.body.retry_after * 1000 + 100));
    assert.equal((await server.request('POST', path, guild.ownerToken, { content: 'again' })).status, 200);
  });
});
