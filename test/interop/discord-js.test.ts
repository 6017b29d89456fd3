// Unmodified discord.js 14 against a real server: what a bot's author does in a day.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  AttachmentBuilder,
  ChannelType,
  Client,
  EmbedBuilder,
  Events,
  GatewayIntentBits,
  type GuildMember,
  type Message,
  Partials,
  PermissionFlagsBits,
  type TextChannel,
} from 'discord.js';
import { nextEvent } from '../support/events.ts';
import { type Provision, Server } from '../support/server.ts';

const ALL_INTENTS = Object.values(GatewayIntentBits).filter((bit): bit is number => typeof bit === 'number');
describe('discord.js', { timeout: 240_000 }, () => {
  let server: Server;
  let guild: Provision;
  let ping: Client<true>;
  let pong: Client<true>;
  const clients: Client[] = [];

  async function login(token: string, intents: readonly number[] = ALL_INTENTS): Promise<Client<true>> {
    const client = new Client({
      intents,
      partials: [Partials.Message, Partials.Channel, Partials.Reaction],
      rest: { api: `${server.origin}/api` },
    });
    client.on(Events.Error, () => {});
    clients.push(client);
    const ready = nextEvent(client, Events.ClientReady);
    await client.login(token);
    await ready;
    return client as Client<true>;
  }

  function channelOf(client: Client): TextChannel {
    return client.channels.cache.get(guild.channelId) as TextChannel;
  }

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
    ping = await login(server.bot(guild, 'ping').token);
    pong = await login(server.bot(guild, 'pong').token);
    // Full rights, as an administrator's bot has.
    const role = await server.request('POST', `/guilds/${guild.guildId}/roles`, guild.ownerToken, {
      name: 'admin',
      permissions: String(PermissionFlagsBits.Administrator),
    });
    assert.equal(role.status, 200);
    for (const client of [ping, pong]) {
      const gained = nextEvent(client, Events.GuildMemberUpdate, (_old: GuildMember, now: GuildMember) => {
        return now.id === client.user.id && now.roles.cache.has(role.body.id);
      });
      const reply = await server.request(
        'PUT',
        `/guilds/${guild.guildId}/members/${client.user.id}/roles/${role.body.id}`,
        guild.ownerToken,
      );
      assert.equal(reply.status, 204);
      await gained;
    }
  });

  after(async () => {
    for (const client of clients) await client.destroy();
    await server?.dispose();
  });

  it('has the guild, its channels, roles and own member in its cache after login', () => {
    const cached = ping.guilds.cache.get(guild.guildId);
    assert.ok(cached?.available);
    assert.equal(cached.name, 'Test guild');
    assert.equal(cached.ownerId, guild.ownerId);
    assert.ok(cached.members.me);
    assert.ok(cached.roles.everyone);
    assert.equal(cached.channels.cache.get(guild.channelId)?.name, 'general');
    assert.equal(cached.channels.cache.get(guild.voiceChannelId)?.type, ChannelType.GuildVoice);
  });

  it('two bots talk: send, receive, reply', async () => {
    const heard = nextEvent<[Message]>(pong, Events.MessageCreate, (m: Message) => m.content === 'ping?');
    const sent = await channelOf(ping).send('ping?');
    const [message] = await heard;
    assert.equal(message.id, sent.id);
    assert.equal(message.author.id, ping.user.id);
    assert.equal(message.member?.id, ping.user.id);
    const answered = nextEvent<[Message]>(ping, Events.MessageCreate, (m: Message) => m.content === 'pong!');
    await message.reply('pong!');
    const [reply] = await answered;
    assert.equal(reply.reference?.messageId, sent.id);
    assert.equal((await reply.fetchReference()).id, sent.id);
    assert.ok(reply.mentions.users.has(ping.user.id));
  });

  it('sends an embed with two files and serves them back', async () => {
    const heard = nextEvent<[Message]>(pong, Events.MessageCreate, (m: Message) => m.attachments.size === 2);
    await channelOf(ping).send({
      content: 'two files',
      embeds: [new EmbedBuilder().setTitle('Title').setDescription('described').setColor(0x336699)],
      files: [
        new AttachmentBuilder(Buffer.from('first file'), { name: 'first.txt', description: 'the first' }),
        new AttachmentBuilder(Buffer.from([0x89, 0x50, 0x4e, 0x47]), { name: 'second.png' }),
      ],
    });
    const [message] = await heard;
    assert.equal(message.embeds[0]?.title, 'Title');
    assert.equal(message.embeds[0]?.color, 0x336699);
    const [first, second] = [...message.attachments.values()];
    assert.equal(first?.name, 'first.txt');
    assert.equal(first?.description, 'the first');
    assert.match(first?.contentType ?? '', /^text\/plain/);
    assert.equal(second?.size, 4);
    const reply = await fetch(first?.url ?? '');
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(await reply.text(), 'first file');
  });

  it('edits and deletes; the other sees both', async () => {
    const message = await channelOf(ping).send('before');
    const updated = nextEvent<[Message, Message]>(
      pong,
      Events.MessageUpdate,
      (_o: Message, m: Message) => m.id === message.id,
    );
    await message.edit('after');
    const [, now] = await updated;
    assert.equal(now.content, 'after');
    assert.ok(now.editedTimestamp);
    const deleted = nextEvent<[Message]>(pong, Events.MessageDelete, (m: Message) => m.id === message.id);
    await message.delete();
    await deleted;
    await assert.rejects(channelOf(ping).messages.fetch({ message: message.id, force: true }), { code: 10008 });
  });

  it('reacts, lists who reacted, and takes reactions back', async () => {
    const message = await channelOf(ping).send('react to me');
    const added = nextEvent(pong, Events.MessageReactionAdd);
    const reaction = await message.react('👍');
    await added;
    const users = await reaction.users.fetch();
    assert.deepEqual([...users.keys()], [ping.user.id]);
    const fetched = await channelOf(pong).messages.fetch({ message: message.id, force: true });
    assert.equal(fetched.reactions.cache.get('👍')?.count, 1);
    assert.equal(fetched.reactions.cache.get('👍')?.me, false);
    const removed = nextEvent(pong, Events.MessageReactionRemove);
    await reaction.users.remove();
    await removed;
    await message.react('🎉');
    const cleared = nextEvent(pong, Events.MessageReactionRemoveAll);
    await message.reactions.removeAll();
    await cleared;
  });

  it('pages through history without a gap or a repeat', async () => {
    const channel = await ping.guilds.cache
      .get(guild.guildId)!
      .channels.create({ name: 'pages', type: ChannelType.GuildText });
    const ids: string[] = [];
    for (let i = 0; i < 25; i += 1) ids.push((await channel.send(`line ${i}`)).id);
    const seen: string[] = [];
    let beforeId: string | undefined;
    for (;;) {
      const page = await channel.messages.fetch({
        limit: 10,
        cache: false,
        ...(beforeId === undefined ? {} : { before: beforeId }),
      });
      if (page.size === 0) break;
      seen.push(...page.keys());
      beforeId = page.lastKey();
    }
    assert.deepEqual(seen, ids.toReversed());
    const around = await channel.messages.fetch({ around: ids[12]!, limit: 5, cache: false });
    assert.deepEqual([...around.keys()].sort(), ids.slice(10, 15));
    const next = await channel.messages.fetch({ after: ids[20]!, limit: 100, cache: false });
    assert.deepEqual([...next.keys()].sort(), ids.slice(21));
    await channel.delete();
  });

  it('fetches 2,000 members over the gateway', async () => {
    server.cli('guild', 'fill', '--guild', guild.guildId, '--members', '2000');
    const cached = ping.guilds.cache.get(guild.guildId)!;
    const members = await cached.members.fetch({ time: 60_000 });
    assert.equal(members.size, 2003);
    const some = await cached.members.fetch({ query: 'ping', limit: 5 });
    assert.ok(some.has(ping.user.id));
    const named = await cached.members.fetch({ user: [pong.user.id, ping.user.id] });
    assert.equal(named.size, 2);
  });

  it('shows typing and presence', async () => {
    const typing = nextEvent(pong, Events.TypingStart, (t: any) => t.user.id === ping.user.id);
    await channelOf(ping).sendTyping();
    await typing;
    const present = nextEvent(
      pong,
      Events.PresenceUpdate,
      (_o: any, p: any) => p.userId === ping.user.id && p.status === 'dnd',
    );
    ping.user.setPresence({ status: 'dnd', activities: [{ name: 'chess' }] });
    const [, presence] = (await present) as any[];
    assert.equal(presence.activities[0].name, 'chess');
  });

  it('creates, changes and deletes roles and channels; permissions agree on both sides', async () => {
    const mine = ping.guilds.cache.get(guild.guildId)!;
    const theirs = pong.guilds.cache.get(guild.guildId)!;
    const created = nextEvent(pong, Events.GuildRoleCreate);
    const role = await mine.roles.create({ name: 'muted', colors: { primaryColor: 0xff0000 }, permissions: [] });
    await created;
    const channelMade = nextEvent(pong, Events.ChannelCreate);
    const channel = await mine.channels.create({
      name: 'quiet',
      type: ChannelType.GuildText,
      topic: 'hush',
      permissionOverwrites: [{ id: role.id, deny: [PermissionFlagsBits.SendMessages] }],
    });
    await channelMade;
    const person = server.cli('user', 'create', '--name', 'listener');
    server.cli('guild', 'join', '--guild', guild.guildId, '--user', person['user_id']!);
    const member = await mine.members.fetch(person['user_id']!);
    await member.roles.add(role);
    const seenMember = await theirs.members.fetch({ user: member.id, force: true });
    const seenChannel = theirs.channels.cache.get(channel.id) as TextChannel;
    const permissions = seenChannel.permissionsFor(seenMember);
    assert.equal(permissions.has(PermissionFlagsBits.SendMessages), false);
    assert.equal(permissions.has(PermissionFlagsBits.ViewChannel), true);
    const refused = await server.request('POST', `/channels/${channel.id}/messages`, person['token']!, {
      content: 'shout',
    });
    assert.equal(refused.status, 403);
    assert.equal(refused.body.code, 50013);
    const edited = nextEvent(pong, Events.ChannelUpdate);
    await channel.setTopic('louder');
    await edited;
    await channel.permissionOverwrites.delete(role.id);
    const allowed = await server.request('POST', `/channels/${channel.id}/messages`, person['token']!, {
      content: 'shout',
    });
    assert.equal(allowed.status, 200);
    const gone = nextEvent(pong, Events.ChannelDelete);
    await channel.delete();
    await gone;
    const roleGone = nextEvent(pong, Events.GuildRoleDelete);
    await role.delete();
    await roleGone;
  });

  it('kicks and bans; the banned cannot come back until pardoned', async () => {
    const mine = ping.guilds.cache.get(guild.guildId)!;
    const person = server.cli('user', 'create', '--name', 'troll');
    const id = person['user_id']!;
    const joined = nextEvent(pong, Events.GuildMemberAdd, (m: any) => m.id === id);
    server.cli('guild', 'join', '--guild', guild.guildId, '--user', id);
    await joined;
    const left = nextEvent(pong, Events.GuildMemberRemove, (m: any) => m.id === id);
    await (await mine.members.fetch(id)).kick('first warning');
    await left;
    server.cli('guild', 'join', '--guild', guild.guildId, '--user', id);
    const banned = nextEvent(pong, Events.GuildBanAdd, (b: any) => b.user.id === id);
    await mine.members.ban(id, { reason: 'enough', deleteMessageSeconds: 3600 });
    await banned;
    assert.equal((await mine.bans.fetch(id)).reason, 'enough');
    assert.throws(() => server.cli('guild', 'join', '--guild', guild.guildId, '--user', id));
    const pardoned = nextEvent(pong, Events.GuildBanRemove);
    await mine.members.unban(id);
    await pardoned;
  });

  it('bulk-deletes', async () => {
    const channel = channelOf(ping);
    const messages: Message[] = [];
    for (let i = 0; i < 5; i += 1) messages.push(await channel.send(`bulk ${i}`));
    const gone = nextEvent<[any]>(pong, Events.MessageBulkDelete);
    const deleted = await channel.bulkDelete(messages);
    assert.equal(deleted.size, 5);
    await gone;
  });

  it('resumes after a cut connection: 100 messages sent meanwhile, each delivered exactly once', async () => {
    const got: string[] = [];
    pong.on(Events.MessageCreate, (m: Message) => {
      if (m.content.startsWith('meanwhile ')) got.push(m.content);
    });
    const resumed = nextEvent(pong, Events.ShardResume);
    // Cut the TCP connection under the library, as a network does.
    const shard = (pong.ws as any)._ws ? [...(pong.ws as any).shards.values()][0] : undefined;
    assert.ok(shard);
    const strategyShard = [...((pong.ws as any)._ws.strategy.shards as Map<number, any>).values()][0];
    const connection = strategyShard.connection;
    const socket = connection._socket ?? connection;
    (socket.destroy ?? socket.terminate).call(socket);
    const channel = channelOf(ping);
    for (let i = 0; i < 100; i += 1) {
      const reply = await server.request('POST', `/channels/${channel.id}/messages`, guild.ownerToken, {
        content: `meanwhile ${i}`,
      });
      assert.equal(reply.status, 200);
    }
    await resumed;
    while (got.length < 100) await nextEvent(pong, Events.MessageCreate);
    assert.deepEqual(
      got,
      Array.from({ length: 100 }, (_, i) => `meanwhile ${i}`),
    );
  });
});
