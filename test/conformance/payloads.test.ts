// What typed clients demand of the wire, asked of a running server: every event reaches a bot and a person with each key, type
// and format of the table in src/protocol/required-fields.ts, and so do the answers of REST.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { VALID as ALL_INTENTS } from '../../src/protocol/intents.ts';
import {
  EVENT_FIELDS,
  missingFields,
  missingObjectFields,
  type OBJECT_FIELDS,
} from '../../src/protocol/required-fields.ts';
import { GatewayClient } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';
import { formatFaults } from '../support/wire-formats.ts';

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const THUMB = encodeURIComponent('👍');
/** Events that this server does not raise yet: media is a later issue. */
const NOT_YET = new Set(['VOICE_SERVER_UPDATE']);

describe('payloads that typed clients can read', { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  let bot: { id: string; token: string };
  let watcher: GatewayClient;
  let person: { id: string; token: string };
  let personGateway: GatewayClient;
  const seen = new Set<string>();

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
    bot = server.bot(guild, 'watcher');
    const made = server.cli('user', 'create', '--name', 'person');
    person = { id: made['user_id']!, token: made['token']! };
    server.cli('guild', 'join', '--guild', guild.guildId, '--user', person.id);
    // One who is in a voice channel and shows a presence before the watcher comes.
    personGateway = await GatewayClient.identify(server.origin, {
      token: person.token,
      presence: {
        status: 'idle',
        since: null,
        afk: false,
        activities: [{ name: 'chess', type: 0, timestamps: { start: 1_700_000_000_000 } }],
      },
    });
    await personGateway.dispatch('GUILD_CREATE');
    personGateway.send(4, {
      guild_id: guild.guildId,
      channel_id: guild.voiceChannelId,
      self_mute: false,
      self_deaf: true,
    });
    await personGateway.dispatch('VOICE_STATE_UPDATE');
    await ok('POST', `/guilds/${guild.guildId}/emojis`, { name: 'blob', image: PIXEL });
    watcher = await GatewayClient.identify(server.origin, {
      token: `Bot ${bot.token}`,
      intents: ALL_INTENTS,
      large_threshold: 250,
      shard: [0, 1],
    });
    await watcher.dispatch('GUILD_CREATE');
  });

  after(async () => {
    watcher?.close();
    personGateway?.close();
    await server?.dispose();
  });

  /** As the owner, unless another token is given. */
  async function ok(method: string, path: string, body?: unknown, token = guild.ownerToken): Promise<any> {
    const reply = await server.request(method, path, token, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  function assertReadable(event: string, payload: any, place: 'guild' | 'dm' = 'guild'): void {
    seen.add(event);
    assert.deepEqual(
      [...missingFields(event, payload, place), ...formatFaults(payload)],
      [],
      `${event} ${JSON.stringify(payload)}`,
    );
  }

  function assertObject(name: keyof typeof OBJECT_FIELDS, payload: unknown): void {
    assert.deepEqual(
      [...missingObjectFields(name, payload), ...formatFaults(payload)],
      [],
      `${name} ${JSON.stringify(payload)}`,
    );
  }

  /** Does something and checks the event that it brings to the watcher. */
  async function brings(
    event: string,
    action: () => unknown,
    accept: (d: any) => boolean = () => true,
    client = watcher,
  ): Promise<any> {
    const from = client.received.length;
    await action();
    const { d } = await client.dispatch(event, accept, from);
    assertReadable(event, d, d.guild_id === undefined && !event.startsWith('GUILD_') ? 'dm' : 'guild');
    return d;
  }

  async function say(content: string, extra: object = {}, token = guild.ownerToken): Promise<any> {
    return ok('POST', `/channels/${guild.channelId}/messages`, { content, ...extra }, token);
  }

  it('READY and GUILD_CREATE, with members, presences, voice states and emojis, for a bot and for a person', () => {
    for (const client of [watcher, personGateway]) {
      const ready = client.received.find((payload) => payload.t === 'READY')!.d;
      assertReadable('READY', ready);
      assert.deepEqual(ready.guilds, [{ id: guild.guildId, unavailable: true }]);
      const create = client.received.find((payload) => payload.t === 'GUILD_CREATE')!.d;
      assertReadable('GUILD_CREATE', create);
      assert.equal(create.unavailable, false);
    }
    const ready = watcher.received.find((payload) => payload.t === 'READY')!.d;
    assert.deepEqual(ready.shard, [0, 1]);
    const create = watcher.received.find((payload) => payload.t === 'GUILD_CREATE')!.d;
    assert.deepEqual(create.members.map((m: any) => m.user.id).sort(), [bot.id, guild.ownerId, person.id].sort());
    assert.equal(create.voice_states[0].user_id, person.id);
    assert.equal(create.voice_states[0].self_deaf, true);
    const presence = create.presences.find((p: any) => p.user.id === person.id);
    assert.equal(presence.status, 'idle');
    assert.equal(presence.activities[0].timestamps.start, 1_700_000_000_000);
    assert.equal(create.emojis[0].name, 'blob');
    assert.equal(create.channels.length, 2);
    assert.equal(create.roles[0].id, guild.guildId);
  });

  it('RESUMED', async () => {
    const first = await GatewayClient.identify(server.origin, { token: bot.token });
    await first.dispatch('GUILD_CREATE');
    first.cut();
    const again = await GatewayClient.resume(server.origin, {
      token: bot.token,
      session_id: first.sessionId,
      seq: first.sequence!,
    });
    assertReadable('RESUMED', (await again.dispatch('RESUMED')).d);
    again.close();
  });

  it('GUILD_UPDATE', async () => {
    const update = await brings('GUILD_UPDATE', () =>
      ok('PATCH', `/guilds/${guild.guildId}`, { name: 'Renamed', afk_timeout: 60, icon: PIXEL }),
    );
    assert.equal(update.name, 'Renamed');
    assert.match(update.icon, /^[0-9a-f]{32}$/);
  });

  it('GUILD_CREATE and GUILD_DELETE of a guild that a running bot joins and leaves', async () => {
    const made = server.cli('guild', 'create', '--name', 'Second', '--owner', guild.ownerId);
    const id = made['guild_id']!;
    await brings(
      'GUILD_CREATE',
      () => server.cli('guild', 'join', '--guild', id, '--user', bot.id),
      (d) => d.id === id,
    );
    const gone = await brings(
      'GUILD_DELETE',
      () => ok('DELETE', `/users/@me/guilds/${id}`, undefined, bot.token),
      (d) => d.id === id,
    );
    // Present and true would mean an outage.
    assert.equal('unavailable' in gone, false);
  });

  it('CHANNEL_CREATE, CHANNEL_UPDATE and CHANNEL_DELETE of text, voice and category', async () => {
    for (const type of [0, 2, 4]) {
      const overwrite = { id: guild.guildId, type: 0, allow: '0', deny: '2048' };
      const body = { name: `made-${type}`, type, permission_overwrites: [overwrite] };
      const created = await brings(
        'CHANNEL_CREATE',
        () => ok('POST', `/guilds/${guild.guildId}/channels`, body),
        (d) => d.name === body.name,
      );
      assert.deepEqual(created.permission_overwrites, [overwrite]);
      if (type === 2) assert.equal(typeof created.bitrate, 'number');
      await brings(
        'CHANNEL_UPDATE',
        () => ok('PATCH', `/channels/${created.id}`, { name: 'renamed' }),
        (d) => d.id === created.id,
      );
      assertObject('GuildChannel', await ok('GET', `/channels/${created.id}`));
      await brings(
        'CHANNEL_DELETE',
        () => ok('DELETE', `/channels/${created.id}`),
        (d) => d.id === created.id,
      );
    }
  });

  it('GUILD_ROLE_CREATE, GUILD_ROLE_UPDATE, GUILD_MEMBER_UPDATE and GUILD_ROLE_DELETE', async () => {
    const roles = `/guilds/${guild.guildId}/roles`;
    const { role } = await brings('GUILD_ROLE_CREATE', () =>
      ok('POST', roles, { name: 'red', color: 0xff0000, permissions: '1024' }),
    );
    await brings(
      'GUILD_ROLE_UPDATE',
      () => ok('PATCH', `${roles}/${role.id}`, { hoist: true }),
      (d) => d.role.id === role.id && d.role.hoist,
    );
    const member = `/guilds/${guild.guildId}/members/${person.id}`;
    const given = await brings('GUILD_MEMBER_UPDATE', () => ok('PUT', `${member}/roles/${role.id}`));
    assert.deepEqual(given.roles, [role.id]);
    const until = new Date(Date.now() + 60_000).toISOString();
    const silenced = await brings('GUILD_MEMBER_UPDATE', () =>
      ok('PATCH', member, { communication_disabled_until: until, nick: 'Nick' }),
    );
    assert.match(silenced.communication_disabled_until, /\+00:00$/);
    await brings('GUILD_MEMBER_UPDATE', () => ok('PATCH', member, { communication_disabled_until: null, nick: null }));
    await brings('GUILD_ROLE_DELETE', () => ok('DELETE', `${roles}/${role.id}`));
  });

  it('GUILD_MEMBER_ADD, GUILD_MEMBER_REMOVE, GUILD_BAN_ADD and GUILD_BAN_REMOVE', async () => {
    const id = server.cli('user', 'create', '--name', 'passer_by')['user_id']!;
    const join = (): unknown => server.cli('guild', 'join', '--guild', guild.guildId, '--user', id);
    const isTheirs = (d: any): boolean => d.user.id === id;
    await brings('GUILD_MEMBER_ADD', join, isTheirs);
    await brings('GUILD_MEMBER_REMOVE', () => ok('DELETE', `/guilds/${guild.guildId}/members/${id}`), isTheirs);
    join();
    const ban = `/guilds/${guild.guildId}/bans/${id}`;
    await brings('GUILD_BAN_ADD', () => ok('PUT', ban, {}), isTheirs);
    const bans = await ok('GET', `/guilds/${guild.guildId}/bans`);
    assert.equal(bans.length, 1);
    assertObject('Ban', bans[0]);
    assertObject('Ban', await ok('GET', ban));
    await brings('GUILD_BAN_REMOVE', () => ok('DELETE', ban), isTheirs);
  });

  it('GUILD_EMOJIS_UPDATE', async () => {
    const update = await brings('GUILD_EMOJIS_UPDATE', () =>
      ok('POST', `/guilds/${guild.guildId}/emojis`, { name: 'other', image: PIXEL }),
    );
    assert.equal(update.emojis.length, 2);
    const list = await ok('GET', `/guilds/${guild.guildId}/emojis`);
    for (const emoji of list) assertObject('Emoji', emoji);
  });

  it('GUILD_MEMBERS_CHUNK, whole with presences, by id with one not found, and without a nonce', async () => {
    const asked = { guild_id: guild.guildId, presences: true };
    const whole = await brings('GUILD_MEMBERS_CHUNK', () =>
      watcher.send(8, { ...asked, query: '', limit: 0, nonce: 'n1' }),
    );
    assert.equal(whole.nonce, 'n1');
    assert.equal(whole.members.length, 3);
    assert.ok(whole.presences.length >= 2);
    const named = await brings('GUILD_MEMBERS_CHUNK', () => watcher.send(8, { ...asked, user_ids: [person.id, '1'] }));
    assert.deepEqual(named.not_found, ['1']);
    assert.equal(named.nonce, undefined);
  });

  it('MESSAGE_CREATE with mentions, an embed and a reply, and MESSAGE_UPDATE as a whole message', async () => {
    const embed = {
      title: 'T',
      color: 255,
      author: { name: 'A' },
      footer: { text: 'F' },
      fields: [{ name: 'n', value: 'v' }],
      timestamp: '2024-01-01T00:00:00Z',
    };
    const first = await brings('MESSAGE_CREATE', () =>
      say(`<@${bot.id}> <@${person.id}> hello`, { embeds: [embed], nonce: 42 }),
    );
    assert.equal(first.nonce, 42);
    assert.equal(first.embeds[0].type, 'rich');
    assert.deepEqual(first.mentions.map((user: any) => user.id).sort(), [bot.id, person.id].sort());
    const reference = { message_reference: { message_id: first.id } };
    const reply = await brings('MESSAGE_CREATE', () => say('answer', reference, person.token));
    assert.equal(reply.type, 19);
    assert.equal(reply.referenced_message.id, first.id);
    const changed = await brings('MESSAGE_UPDATE', () =>
      ok('PATCH', `/channels/${guild.channelId}/messages/${first.id}`, { content: 'changed' }),
    );
    assert.equal(changed.timestamp, first.timestamp);
    assert.ok(changed.edited_timestamp);
    await ok('DELETE', `/channels/${guild.channelId}/messages/${first.id}`);
    const orphan = await ok('GET', `/channels/${guild.channelId}/messages/${reply.id}`);
    assert.equal(orphan.referenced_message, null);
    assertObject('Message', orphan);
  });

  it('MESSAGE_CREATE with an attachment, whose type is read from its name', async () => {
    const form = new FormData();
    form.set('payload_json', JSON.stringify({ content: 'a file', attachments: [{ id: 0, description: 'a note' }] }));
    form.set('files[0]', new Blob(['note'], { type: 'application/octet-stream' }), 'note.txt');
    const message = await brings('MESSAGE_CREATE', () => {
      return fetch(`${server.api}/channels/${guild.channelId}/messages`, {
        method: 'POST',
        body: form,
        headers: { authorization: guild.ownerToken },
      });
    });
    assert.equal(message.attachments[0].content_type, 'text/plain; charset=utf-8');
    assert.equal(message.attachments[0].size, 4);
  });

  it('MESSAGE_CREATE of a webhook, and WEBHOOKS_UPDATE', async () => {
    let hook: any;
    await brings('WEBHOOKS_UPDATE', async () => {
      hook = await ok('POST', `/channels/${guild.channelId}/webhooks`, { name: 'Herald' });
    });
    const message = await brings('MESSAGE_CREATE', () =>
      ok('POST', `/webhooks/${hook.id}/${hook.token}`, { content: 'hear ye' }),
    );
    assert.equal(message.webhook_id, hook.id);
  });

  it('MESSAGE_DELETE and MESSAGE_DELETE_BULK', async () => {
    const ids = [(await say('one')).id, (await say('two')).id, (await say('three')).id];
    await brings('MESSAGE_DELETE', () => ok('DELETE', `/channels/${guild.channelId}/messages/${ids[0]}`));
    const bulk = await brings('MESSAGE_DELETE_BULK', () => {
      return ok('POST', `/channels/${guild.channelId}/messages/bulk-delete`, { messages: ids.slice(1) });
    });
    assert.deepEqual(bulk.ids.toSorted(), ids.slice(1).sort());
  });

  it('MESSAGE_REACTION_ADD, _REMOVE, _REMOVE_EMOJI and _REMOVE_ALL, and the counts that REST shows', async () => {
    const { id } = await say('react');
    const reactions = `/channels/${guild.channelId}/messages/${id}/reactions`;
    const added = await brings('MESSAGE_REACTION_ADD', () =>
      ok('PUT', `${reactions}/${THUMB}/@me`, undefined, person.token),
    );
    assert.equal(added.emoji.id, null);
    assert.equal(added.member.user.id, person.id);
    const [emoji] = await ok('GET', `/guilds/${guild.guildId}/emojis`);
    const custom = await brings('MESSAGE_REACTION_ADD', () => ok('PUT', `${reactions}/${emoji.name}:${emoji.id}/@me`));
    assert.equal(custom.emoji.id, emoji.id);
    const message = await ok('GET', `/channels/${guild.channelId}/messages/${id}`);
    assertObject('Message', message);
    assert.equal(message.reactions.length, 2);
    const users = await ok('GET', `${reactions}/${THUMB}`);
    for (const user of users) assertObject('User', user);
    await brings('MESSAGE_REACTION_REMOVE', () => ok('DELETE', `${reactions}/${THUMB}/@me`, undefined, person.token));
    await brings('MESSAGE_REACTION_REMOVE_EMOJI', () => ok('DELETE', `${reactions}/${emoji.name}:${emoji.id}`));
    await ok('PUT', `${reactions}/${THUMB}/@me`);
    await brings('MESSAGE_REACTION_REMOVE_ALL', () => ok('DELETE', reactions));
  });

  it('CHANNEL_PINS_UPDATE, the notice it leaves, and both lists of pins', async () => {
    const { id } = await say('pin me');
    const from = watcher.received.length;
    const pinned = await brings('CHANNEL_PINS_UPDATE', () =>
      ok('PUT', `/channels/${guild.channelId}/messages/pins/${id}`),
    );
    assert.match(pinned.last_pin_timestamp, /\+00:00$/);
    const notice = await watcher.dispatch('MESSAGE_CREATE', (d) => d.type === 6, from);
    assertReadable('MESSAGE_CREATE', notice.d);
    const page = await ok('GET', `/channels/${guild.channelId}/messages/pins`);
    assert.deepEqual(formatFaults(page), []);
    assertObject('Message', page.items[0].message);
    for (const message of await ok('GET', `/channels/${guild.channelId}/pins`)) assertObject('Message', message);
  });

  it('TYPING_START', async () => {
    const typing = await brings('TYPING_START', () =>
      ok('POST', `/channels/${guild.channelId}/typing`, undefined, person.token),
    );
    assert.equal(typing.member.user.id, person.id);
  });

  it('PRESENCE_UPDATE, from each odd form of activities, and when somebody leaves', async () => {
    const isTheirs = (d: any): boolean => d.user.id === person.id;
    const odd = {
      since: null,
      status: 'dnd',
      afk: false,
      game: { name: 'go', type: 0, created_at: '0001-01-01T00:00:00Z', url: null },
    };
    const update = await brings('PRESENCE_UPDATE', () => personGateway.send(3, odd), isTheirs);
    assert.equal(update.activities[0].name, 'go');
    const friend = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    await friend.dispatch('GUILD_CREATE');
    const offline = await brings(
      'PRESENCE_UPDATE',
      () => friend.close(1000),
      (d) => d.user.id === guild.ownerId && d.status === 'offline',
    );
    assert.deepEqual([offline.activities, offline.client_status], [[], {}]);
  });

  it('VOICE_STATE_UPDATE of a change and of a departure', async () => {
    const op = { guild_id: guild.guildId, self_mute: true, self_deaf: false };
    const moved = await brings('VOICE_STATE_UPDATE', () =>
      personGateway.send(4, { ...op, channel_id: guild.voiceChannelId }),
    );
    assert.equal(moved.self_mute, true);
    assert.equal(moved.member.user.id, person.id);
    const left = await brings('VOICE_STATE_UPDATE', () => personGateway.send(4, { ...op, channel_id: null }));
    assert.equal(left.channel_id, null);
  });

  it('INVITE_CREATE and INVITE_DELETE', async () => {
    const invite = await brings('INVITE_CREATE', () =>
      ok('POST', `/channels/${guild.channelId}/invites`, { max_age: 60 }),
    );
    assert.match(invite.expires_at, /\+00:00$/);
    assertObject('Invite', await ok('GET', `/invites/${invite.code}?with_counts=true`));
    await brings('INVITE_DELETE', () => ok('DELETE', `/invites/${invite.code}`));
  });

  it('GUILD_AUDIT_LOG_ENTRY_CREATE and the audit log', async () => {
    const manager = await ok('POST', `/guilds/${guild.guildId}/roles`, { name: 'auditor', permissions: '128' });
    await ok('PUT', `/guilds/${guild.guildId}/members/${bot.id}/roles/${manager.id}`);
    const from = watcher.received.length;
    await ok('PATCH', `/guilds/${guild.guildId}`, { name: 'Audited' });
    const { d } = await watcher.dispatch('GUILD_AUDIT_LOG_ENTRY_CREATE', () => true, from);
    assert.deepEqual(formatFaults(d), []);
    assert.equal(d.guild_id, guild.guildId);
    assert.deepEqual(formatFaults(await ok('GET', `/guilds/${guild.guildId}/audit-logs`)), []);
  });

  it('USER_UPDATE, and GUILD_MEMBER_UPDATE in the guilds of the user', async () => {
    const from = watcher.received.length;
    const update = await brings(
      'USER_UPDATE',
      () => ok('PATCH', '/users/@me', { username: 'renamed_person', avatar: PIXEL }, person.token),
      () => true,
      personGateway,
    );
    assert.match(update.avatar, /^[0-9a-f]{32}$/);
    const member = await watcher.dispatch(
      'GUILD_MEMBER_UPDATE',
      (d) => d.user.id === person.id && d.user.username === 'renamed_person',
      from,
    );
    assertReadable('GUILD_MEMBER_UPDATE', member.d);
  });

  it('INTERACTION_CREATE of a command, and the answer as a message', async () => {
    const command = await ok(
      'POST',
      `/applications/${bot.id}/commands`,
      { name: 'roll', description: 'Rolls dice' },
      bot.token,
    );
    assert.deepEqual(formatFaults(command), []);
    const invocation = {
      type: 2,
      application_id: bot.id,
      guild_id: guild.guildId,
      channel_id: guild.channelId,
      data: { id: command.id, name: 'roll', type: 1 },
    };
    const asked = await brings('INTERACTION_CREATE', () => ok('POST', '/interactions', invocation, person.token));
    assert.equal(missingObjectFields('Member', asked.member).length, 0);
    assert.equal(missingObjectFields('GuildChannel', asked.channel).length, 0);
    const answered = await brings('MESSAGE_CREATE', () => {
      return ok(
        'POST',
        `/interactions/${asked.id}/${asked.token}/callback?with_response=1`,
        { type: 4, data: { content: 'six' } },
        bot.token,
      );
    });
    assert.equal(answered.content, 'six');
  });

  it('the events of a private channel', async () => {
    const channel = await ok('POST', '/users/@me/channels', { recipient_id: person.id }, bot.token);
    assertObject('DmChannel', channel);
    const path = `/channels/${channel.id}/messages`;
    const isHere = (d: any): boolean => d.channel_id === channel.id;
    const from = watcher.received.length;
    const fromPerson = personGateway.received.length;
    const message = await brings('MESSAGE_CREATE', () => ok('POST', path, { content: 'psst' }, person.token), isHere);
    // discord.js drops it without this or a CHANNEL_CREATE before.
    assert.equal(message.channel_type, 1);
    assert.equal('guild_id' in message, false);
    // People are shown the channel first; bots are not, as on Discord.
    const opened = await personGateway.dispatch('CHANNEL_CREATE', (d) => d.id === channel.id, fromPerson);
    assertReadable('CHANNEL_CREATE', opened.d, 'dm');
    assert.equal(
      watcher.received.slice(from).some((payload) => payload.t === 'CHANNEL_CREATE'),
      false,
    );
    await brings(
      'MESSAGE_UPDATE',
      () => ok('PATCH', `${path}/${message.id}`, { content: 'louder' }, person.token),
      isHere,
    );
    await brings(
      'MESSAGE_REACTION_ADD',
      () => ok('PUT', `${path}/${message.id}/reactions/${THUMB}/@me`, undefined, person.token),
      isHere,
    );
    await brings(
      'MESSAGE_REACTION_REMOVE',
      () => ok('DELETE', `${path}/${message.id}/reactions/${THUMB}/@me`, undefined, person.token),
      isHere,
    );
    await brings('TYPING_START', () => ok('POST', `/channels/${channel.id}/typing`, undefined, person.token), isHere);
    await brings('CHANNEL_PINS_UPDATE', () => ok('PUT', `${path}/pins/${message.id}`, undefined, person.token), isHere);
    for (const listed of await ok('GET', path, undefined, bot.token)) assertObject('Message', listed);
    await brings('MESSAGE_DELETE', () => ok('DELETE', `${path}/${message.id}`, undefined, person.token), isHere);
  });

  it('the answers of REST', async () => {
    const get = (path: string): Promise<any> => ok('GET', path, undefined, bot.token);
    assertObject('CurrentUser', await get('/users/@me'));
    assertObject('User', await get(`/users/${person.id}`));
    assertObject('GatewayBot', await get('/gateway/bot'));
    assertObject('Application', await get('/applications/@me'));
    assertObject('Application', await get('/oauth2/applications/@me'));
    for (const path of [`/guilds/${guild.guildId}`, `/guilds/${guild.guildId}?with_counts=true`])
      assertObject('Guild', await get(path));
    assertObject('GuildChannel', await get(`/channels/${guild.channelId}`));
    assertObject('Member', await get(`/guilds/${guild.guildId}/members/${person.id}`));
    const lists: [keyof typeof OBJECT_FIELDS, string][] = [
      ['GuildChannel', `/guilds/${guild.guildId}/channels`],
      ['Message', `/channels/${guild.channelId}/messages?limit=100`],
      ['Member', `/guilds/${guild.guildId}/members?limit=1000`],
      ['Member', `/guilds/${guild.guildId}/members/search?query=w`],
      ['Role', `/guilds/${guild.guildId}/roles`],
    ];
    for (const [name, path] of lists) {
      const list = await get(path);
      assert.ok(list.length > 0, path);
      for (const item of list) assertObject(name, item);
    }
    assert.deepEqual(formatFaults(await get('/users/@me/guilds?with_counts=true')), []);
  });

  it('every event of the table has been looked at', () => {
    const unseen = Object.keys(EVENT_FIELDS).filter((event) => !seen.has(event) && !NOT_YET.has(event));
    assert.deepEqual(unseen, []);
  });
});
