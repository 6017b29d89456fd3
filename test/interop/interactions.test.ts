// Unmodified discord.js 14 and its commands, components, modals and webhooks, invoked by a person over HTTP.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  ActionRowBuilder,
  ApplicationCommandType,
  ButtonBuilder,
  ButtonStyle,
  type ChatInputCommandInteraction,
  Client,
  Events,
  GatewayIntentBits,
  type Interaction,
  type Message,
  MessageFlags,
  ModalBuilder,
  PermissionFlagsBits,
  type TextChannel,
  TextInputBuilder,
  TextInputStyle,
  WebhookClient,
} from 'discord.js';
import { nextEvent } from '../support/events.ts';
import { type Provision, Server } from '../support/server.ts';

const INTENTS = [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent];

describe('interactions', { timeout: 120_000 }, () => {
  let server: Server;
  let guild: Provision;
  let bot: Client<true>;
  let botToken: string;
  let ids: Map<string, string>;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
    botToken = server.bot(guild, 'clerk').token;
    const client = new Client({ intents: INTENTS, rest: { api: `${server.origin}/api` } });
    client.on(Events.Error, () => {});
    const ready = nextEvent(client, Events.ClientReady);
    await client.login(botToken);
    await ready;
    bot = client as Client<true>;
    const made = await bot.application.commands.set([
      {
        name: 'greet',
        description: 'says hello',
        options: [
          { type: 6, name: 'whom', description: 'a user', required: true },
          { type: 3, name: 'how', description: 'the words', autocomplete: true },
        ],
      },
      { name: 'slow', description: 'takes its time' },
      { name: 'staff', description: 'for staff', defaultMemberPermissions: PermissionFlagsBits.BanMembers },
      { name: 'Quote', type: ApplicationCommandType.Message },
      { name: 'Poke', type: ApplicationCommandType.User },
    ]);
    ids = new Map(made.map((command) => [command.name, command.id]));
  });

  after(async () => {
    await bot?.destroy();
    await server?.dispose();
  });

  function invoke(body: { [key: string]: unknown }, token = guild.ownerToken) {
    const place = { application_id: bot.user.id, guild_id: guild.guildId, channel_id: guild.channelId };
    return server.request('POST', '/interactions', token, { ...place, ...body });
  }

  /** Invokes, and gives what the bot hears. */
  async function heard<T extends Interaction>(body: { [key: string]: unknown }): Promise<T> {
    const next = nextEvent<[T]>(bot, Events.InteractionCreate);
    const reply = await invoke(body);
    assert.equal(reply.status, 204, JSON.stringify(reply.body));
    return (await next)[0];
  }

  const slash = (name: string, options?: unknown[]) => ({
    type: 2,
    data: { id: ids.get(name), name, type: 1, ...(options === undefined ? {} : { options }) },
  });
  const greet = () => slash('greet', [{ type: 6, name: 'whom', value: guild.ownerId }]);
  const button = (id: string) =>
    new ActionRowBuilder<ButtonBuilder>().addComponents(
      new ButtonBuilder().setCustomId(id).setLabel('press').setStyle(ButtonStyle.Primary),
    );

  it('answers a slash command, edits, follows up, and cannot answer twice', async () => {
    const command = await heard<ChatInputCommandInteraction>(greet());
    const user = command.options.getUser('whom', true);
    assert.equal(user.id, guild.ownerId);
    assert.equal(command.memberPermissions?.has(PermissionFlagsBits.SendMessages), true);
    assert.equal(command.channel?.id, guild.channelId);
    const seen = nextEvent<[Message]>(bot, Events.MessageCreate, (message: Message) => message.content === 'hello');
    const answer = await command.reply({ content: 'hello', withResponse: true });
    const message = answer.resource?.message;
    assert.equal(message?.content, 'hello');
    assert.equal(message?.type, 20);
    assert.equal(message?.interactionMetadata?.user.id, guild.ownerId);
    assert.equal((await seen)[0].id, message?.id);
    await command.editReply('hello again');
    assert.equal((await command.fetchReply()).content, 'hello again');
    const more = await command.followUp('and more');
    assert.notEqual(more.id, message?.id);
    await command.deleteReply();
    await assert.rejects(command.fetchReply());
    const twice = await server.request('POST', `/interactions/${command.id}/${command.token}/callback`, null, {
      type: 4,
      data: { content: 'twice' },
    });
    assert.equal(twice.body.code, 40060);
    const unknown = await server.request('POST', `/interactions/${command.id}/nonsense/callback`, null, { type: 5 });
    assert.equal(unknown.body.code, 10062);
  });

  it('a refused answer leaves room for another', async () => {
    const command = await heard<ChatInputCommandInteraction>(greet());
    await assert.rejects(command.reply({ content: 'x'.repeat(2001) }));
    command.replied = false;
    await command.reply('short');
    assert.equal((await command.fetchReply()).content, 'short');
  });

  it('a deferred answer is loading until it is edited, with a file', async () => {
    const command = await heard<ChatInputCommandInteraction>(slash('slow'));
    const deferred = await command.deferReply({ withResponse: true });
    const announced = deferred.resource?.message;
    assert.equal(announced?.flags.has(MessageFlags.Loading), true);
    const done = await command.editReply({
      content: 'done',
      files: [{ attachment: Buffer.from('hi'), name: 'a.txt' }],
    });
    assert.equal(done.id, announced?.id);
    assert.equal(done.flags.has(MessageFlags.Loading), false);
    assert.equal(await (await fetch(done.attachments.first()?.url ?? '')).text(), 'hi');
  });

  it('an ephemeral answer is no message of the channel, and its button opens a modal that changes it', async () => {
    const command = await heard<ChatInputCommandInteraction>(greet());
    const flags = MessageFlags.Ephemeral;
    const answer = await command.reply({ content: 'secret', flags, components: [button('open')], withResponse: true });
    const message = answer.resource?.message;
    assert.equal(message?.flags.has(flags), true);
    const history = await server.request('GET', `/channels/${guild.channelId}/messages?limit=5`, guild.ownerToken);
    assert.equal(JSON.stringify(history.body).includes('secret'), false);
    const touched = { type: 3, message_id: message?.id, data: { component_type: 2, custom_id: 'open' } };
    const pressed = await heard(touched);
    assert.ok(pressed.isButton());
    assert.equal(pressed.message.content, 'secret');
    const input = new TextInputBuilder().setCustomId('text').setLabel('say').setStyle(TextInputStyle.Short);
    const row = new ActionRowBuilder<TextInputBuilder>().addComponents(input);
    await pressed.showModal(new ModalBuilder().setCustomId('modal').setTitle('Title').addComponents(row));
    const components = [{ type: 1, components: [{ type: 4, custom_id: 'text', value: 'typed' }] }];
    const submit = await heard({ type: 5, message_id: message?.id, data: { custom_id: 'modal', components } });
    assert.ok(submit.isModalSubmit() && submit.isFromMessage());
    assert.equal(submit.fields.getTextInputValue('text'), 'typed');
    await submit.update({ content: 'changed', components: [] });
    assert.equal((await command.fetchReply()).content, 'changed');
    assert.equal((await invoke(touched)).body.code, 50035);
  });

  it('a button of an ordinary message of the bot updates it', async () => {
    const channel = (await bot.channels.fetch(guild.channelId)) as TextChannel;
    const message = await channel.send({ content: 'press', components: [button('go')] });
    const pressed = await heard({ type: 3, message_id: message.id, data: { component_type: 2, custom_id: 'go' } });
    assert.ok(pressed.isButton());
    await pressed.deferUpdate();
    await pressed.editReply({ content: 'pressed', components: [] });
    assert.equal((await channel.messages.fetch({ message: message.id, force: true })).content, 'pressed');
    const wrong = { type: 3, message_id: message.id, data: { component_type: 2, custom_id: 'go' } };
    assert.equal((await invoke(wrong)).body.code, 50035);
  });

  it('autocomplete and context menus carry what they are about', async () => {
    const options = [{ type: 3, name: 'how', value: 'he', focused: true }];
    const typing = await heard({ ...slash('greet', options), type: 4 });
    assert.ok(typing.isAutocomplete());
    assert.equal(typing.options.getFocused(), 'he');
    await typing.respond([{ name: 'hello', value: 'hello' }]);
    const channel = (await bot.channels.fetch(guild.channelId)) as TextChannel;
    const message = await channel.send('quote me');
    const quote = await heard({
      type: 2,
      data: { id: ids.get('Quote'), name: 'Quote', type: 3, target_id: message.id },
    });
    assert.ok(quote.isMessageContextMenuCommand());
    assert.equal(quote.targetMessage.content, 'quote me');
    await quote.deferReply({ flags: MessageFlags.Ephemeral });
    assert.equal((await quote.editReply('quoted')).content, 'quoted');
    const poke = await heard({
      type: 2,
      data: { id: ids.get('Poke'), name: 'Poke', type: 2, target_id: guild.ownerId },
    });
    assert.ok(poke.isUserContextMenuCommand());
    assert.equal(poke.targetUser.id, guild.ownerId);
    await poke.reply({ content: 'poked', flags: MessageFlags.Ephemeral });
  });

  it('commands are only for those they are meant for', async () => {
    const person = server.cli('user', 'create', '--name', 'passer-by');
    const token = person['token'] as string;
    assert.equal((await invoke(greet(), token)).body.code, 50001);
    server.cli('guild', 'join', '--guild', guild.guildId, '--user', person['user_id'] as string);
    assert.equal((await invoke(slash('staff'), token)).body.code, 50013);
    assert.equal((await invoke(slash('greet'), token)).body.code, 50035);
    assert.equal((await invoke(greet(), `Bot ${botToken}`)).body.code, 20001);
    assert.equal((await invoke({ type: 2, data: { id: '1', name: 'x' } }, token)).body.code, 10063);
  });

  it('a webhook speaks under its own name, edits, and is nobody without its token', async () => {
    const path = `/channels/${guild.channelId}/webhooks`;
    assert.equal((await server.request('POST', path, `Bot ${botToken}`, { name: 'hook' })).body.code, 50013);
    const made = await server.request('POST', path, guild.ownerToken, { name: 'hook' });
    const { id, token } = made.body as { id: string; token: string };
    const hook = new WebhookClient({ id, token }, { rest: { api: `${server.origin}/api` } });
    const seen = nextEvent<[Message]>(bot, Events.MessageCreate, (message: Message) => message.webhookId === id);
    const sent = await hook.send({ content: 'from outside', username: 'Custom', embeds: [{ title: 'with embed' }] });
    assert.equal(sent.author.username, 'Custom');
    assert.equal((await seen)[0].author.username, 'Custom');
    assert.equal((await hook.editMessage(sent.id, 'edited')).content, 'edited');
    assert.equal((await hook.fetchMessage(sent.id)).content, 'edited');
    await hook.deleteMessage(sent.id);
    await assert.rejects(hook.fetchMessage(sent.id));
    const forged = await server.request('POST', `/webhooks/${id}/${token}x`, null, { content: 'x' });
    assert.equal(forged.status, 401);
    const listed = await server.request('GET', path, guild.ownerToken);
    assert.equal(JSON.stringify(listed.body).includes(token), false);
    await hook.edit({ name: 'renamed' });
    await hook.delete();
    assert.deepEqual((await server.request('GET', path, guild.ownerToken)).body, []);
  });

  it('revoking a token ends its live session with 4004', async () => {
    const other = server.bot(guild, 'second');
    const client = new Client({ intents: INTENTS, rest: { api: `${server.origin}/api` } });
    client.on(Events.Error, () => {});
    const ready = nextEvent(client, Events.ClientReady);
    await client.login(other.token);
    await ready;
    const gone = nextEvent<[{ code: number }]>(client, Events.ShardDisconnect);
    assert.deepEqual(server.cli<{ revoked: number }>('token', 'revoke', '--user', other.id).revoked, 1);
    assert.equal((await gone)[0].code, 4004);
    assert.equal((await server.request('GET', '/users/@me', other.token)).status, 401);
    await client.destroy();
  });
});
