// Unmodified Eris and oceanic.js in one guild: they differ from discord.js in every odd way that the references list.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import * as Eris from 'eris';
import * as Oceanic from 'oceanic.js';
import { nextEvent } from '../support/events.ts';
import { type Provision, Server } from '../support/server.ts';

describe('Eris and oceanic.js', { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  let eris: Eris.Client;
  let oceanic: Oceanic.Client;

  before(async () => {
    // Eris sends no port in its Host header, so the URL it is told must come from the configuration: two starts, to know the port.
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    const port = server.port;
    await server.stop();
    server.env['GUILDHALL_PUBLIC_URL'] = `http://127.0.0.1:${port}`;
    await server.start();
    guild = server.provision();
    const erisBot = server.bot(guild, 'eris');
    const oceanicBot = server.bot(guild, 'oceanic');
    // Eris speaks HTTPS by design; an agent that says so makes it use plain HTTP.
    const agent = new http.Agent({ host: '127.0.0.1', port } as http.AgentOptions) as http.Agent & { protocol: string };
    agent.protocol = 'https:';
    eris = new Eris.Client(`Bot ${erisBot.token}`, {
      intents: ['all'],
      restMode: true,
      rest: { domain: '127.0.0.1', baseURL: '/api/v10', agent },
    } as unknown as Eris.ClientOptions);
    eris.on('error', () => {});
    oceanic = new Oceanic.Client({
      auth: `Bot ${oceanicBot.token}`,
      rest: { baseURL: `${server.origin}/api/v10` },
      gateway: { intents: ['ALL'], getAllUsers: false },
    });
    oceanic.on('error', () => {});
    const ready = [nextEvent(eris, 'ready'), nextEvent(oceanic, 'ready')];
    await eris.connect();
    await oceanic.connect();
    await Promise.all(ready);
  });

  after(async () => {
    eris?.disconnect({ reconnect: false });
    oceanic?.disconnect(false);
    await server?.dispose();
  });

  it('both know the guild and its channels', () => {
    assert.equal(eris.guilds.get(guild.guildId)?.name, 'Test guild');
    assert.equal(oceanic.guilds.get(guild.guildId)?.name, 'Test guild');
    assert.ok(eris.guilds.get(guild.guildId)?.channels.has(guild.channelId));
    assert.ok(oceanic.guilds.get(guild.guildId)?.channels.has(guild.channelId));
  });

  it('Eris speaks, oceanic answers with a reference and a file', async () => {
    const heard = nextEvent<[Oceanic.Message]>(
      oceanic,
      'messageCreate',
      (m: Oceanic.Message) => m.content === 'from eris',
    );
    const sent = await eris.createMessage(guild.channelId, 'from eris');
    const [message] = await heard;
    assert.equal(message.id, sent.id);
    const answered = nextEvent<[Eris.Message]>(
      eris,
      'messageCreate',
      (m: Eris.Message) => m.content === 'from oceanic',
    );
    await oceanic.rest.channels.createMessage(guild.channelId, {
      content: 'from oceanic',
      messageReference: { messageID: message.id },
      files: [{ name: 'note.txt', contents: Buffer.from('a note') }],
      embeds: [{ title: 'an embed' }],
    });
    const [reply] = await answered;
    assert.equal(reply.messageReference?.messageID, sent.id);
    assert.equal(reply.attachments.length ?? 0, 1);
    assert.equal(reply.embeds[0]?.title, 'an embed');
  });

  it('Eris sends a file with its own multipart form', async () => {
    const heard = nextEvent<[Oceanic.Message]>(
      oceanic,
      'messageCreate',
      (m: Oceanic.Message) => m.content === 'a file',
    );
    await eris.createMessage(guild.channelId, 'a file', { name: 'eris.txt', file: Buffer.from('eris file') });
    const [message] = await heard;
    const attachment = [...message.attachments.values()][0];
    assert.equal(attachment?.filename, 'eris.txt');
    assert.equal(await (await fetch(attachment?.url ?? '')).text(), 'eris file');
  });

  it('edits, reactions and deletes cross over', async () => {
    const message = await eris.createMessage(guild.channelId, 'one');
    const edited = nextEvent<[Oceanic.Message]>(oceanic, 'messageUpdate', (m: Oceanic.Message) => m.id === message.id);
    await message.edit('two');
    assert.equal((await edited)[0].content, 'two');
    const reacted = nextEvent(eris, 'messageReactionAdd');
    await oceanic.rest.channels.createReaction(guild.channelId, message.id, '👍');
    await reacted;
    assert.equal((await eris.getMessageReaction(guild.channelId, message.id, encodeURIComponent('👍'))).length, 1);
    const deleted = nextEvent(oceanic, 'messageDelete', (m: { id: string }) => m.id === message.id);
    await message.delete();
    await deleted;
  });

  it('both resume after a cut connection and miss nothing', async () => {
    const gotEris: string[] = [];
    const gotOceanic: string[] = [];
    eris.on('messageCreate', (m: Eris.Message) => m.content.startsWith('cut ') && gotEris.push(m.content));
    oceanic.on('messageCreate', (m: Oceanic.Message) => m.content.startsWith('cut ') && gotOceanic.push(m.content));
    const resumed = [nextEvent(eris, 'shardResume'), nextEvent(oceanic, 'shardResume')];
    for (const client of [eris, oceanic] as { shards: Map<number, unknown> | any }[]) {
      const shard = client.shards.get(0) as { ws: { _socket?: { destroy(): void }; terminate(): void } };
      (shard.ws._socket ?? { destroy: () => shard.ws.terminate() }).destroy();
    }
    for (let i = 0; i < 50; i += 1) {
      const reply = await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, {
        content: `cut ${i}`,
      });
      assert.equal(reply.status, 200);
    }
    await Promise.all(resumed);
    while (gotEris.length < 50) await nextEvent(eris, 'messageCreate');
    while (gotOceanic.length < 50) await nextEvent(oceanic, 'messageCreate');
    const expected = Array.from({ length: 50 }, (_, i) => `cut ${i}`);
    assert.deepEqual(gotEris, expected);
    assert.deepEqual(gotOceanic, expected);
  });
});
