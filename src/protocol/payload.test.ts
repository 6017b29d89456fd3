import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as payload from './payload.ts';
import type { InviteRecord, VoiceStateRecord } from './records.ts';
import { type EVENT_FIELDS, missingFields, missingObjectFields } from './required-fields.ts';
import { aChannel, aGuild, aMember, aMessageDoc, anApplication, aRole, aUser } from './samples.ts';

const user = aUser();
const bot = aUser({ id: '1200000000000000007', username: 'clerk', bot: true });
const guild = aGuild();
const role = aRole({ id: guild.id, name: '@everyone', position: 0 });
const member = aMember();
const channel = aChannel();
const voice = aChannel({ id: '1300000000000000002', type: 2, name: 'Lounge' });
const dm = aChannel({ id: '1300000000000000003', type: 1, recipient_ids: [user.id, bot.id] });
const MESSAGE = '1400000000000000000';
const emoji = {
  id: '1500000000000000000',
  guild_id: guild.id,
  name: 'blob',
  roles: [],
  user_id: user.id,
  animated: false,
};
const invite: InviteRecord = {
  code: 'abcdefgh',
  guild_id: guild.id,
  channel_id: channel.id,
  inviter_id: user.id,
  max_age: 3600,
  max_uses: 0,
  uses: 0,
  temporary: false,
  created_at: '2024-01-01T00:00:00.000000+00:00',
};
const voiceState: VoiceStateRecord = {
  guild_id: guild.id,
  channel_id: voice.id,
  user_id: user.id,
  session_id: 'f00d',
  deaf: false,
  mute: false,
  self_deaf: false,
  self_mute: true,
  self_video: false,
  suppress: false,
  request_to_speak_timestamp: null,
};
const wholeMember = payload.memberPayload(member, user);
const presence = payload.presencePayload({
  user_id: user.id,
  guild_id: guild.id,
  status: 'online',
  activities: payload.readActivities([{ name: 'chess', type: 0, created_at: '0001-01-01T00:00:00Z' }], 5.5),
});
const attachment = payload.attachmentPayload(
  { id: '1600000000000000000', filename: 'a b.txt', content_type: 'text/plain; charset=utf-8', size: 3 },
  channel.id,
  'http://localhost:8080',
);
const answered = payload.messagePayload({
  id: '1399999999999999999',
  channel_id: channel.id,
  author: bot,
  doc: aMessageDoc(),
  mentions: [],
  attachments: [],
});
const message = payload.messagePayload({
  id: MESSAGE,
  channel_id: channel.id,
  author: user,
  doc: aMessageDoc({
    type: 19,
    message_reference: { type: 0, channel_id: channel.id, message_id: answered.id, guild_id: guild.id },
    embeds: [{ type: 'rich', title: 'x', fields: [{ name: 'a', value: 'b', inline: true }] }],
  }),
  mentions: [bot],
  attachments: [attachment],
  reactions: [{ emoji: { id: null, name: '👍' }, count: 2, me: true }],
  referenced_message: answered,
  guild_id: guild.id,
  member: payload.messageMemberPayload(member),
});
const reaction = {
  user_id: user.id,
  channel_id: channel.id,
  message_id: MESSAGE,
  guild_id: guild.id,
  emoji: { id: null, name: '👍' },
};
const channelEvent = payload.channelPayload(channel, { last_message_id: MESSAGE });
const guildUser = payload.guildUserPayload(guild.id, user);

const EVENTS: { readonly [event in keyof typeof EVENT_FIELDS]: unknown } = {
  READY: payload.readyPayload({
    user: bot,
    application: anApplication(),
    guild_ids: [guild.id],
    session_id: 'f00d',
    resume_gateway_url: 'ws://localhost:8080',
    shard: [0, 1],
  }),
  RESUMED: {},
  GUILD_CREATE: payload.guildCreatePayload(guild, {
    roles: [role],
    emojis: [emoji],
    joined_at: member.joined_at,
    large: false,
    member_count: 1,
    members: [wholeMember],
    channels: [payload.channelPayload(channel), payload.channelPayload(voice)],
    presences: [presence],
    voice_states: [payload.voiceStatePayload(voiceState, undefined, { inGuild: true })],
  }),
  GUILD_UPDATE: payload.guildPayload(guild, { roles: [role], emojis: [emoji] }),
  GUILD_DELETE: payload.unavailableGuildPayload(guild.id),
  GUILD_ROLE_CREATE: payload.roleEventPayload(guild.id, role),
  GUILD_ROLE_UPDATE: payload.roleEventPayload(guild.id, role),
  GUILD_ROLE_DELETE: { guild_id: guild.id, role_id: role.id },
  GUILD_MEMBER_ADD: payload.memberEventPayload(member, user),
  GUILD_MEMBER_UPDATE: payload.memberEventPayload(member, user),
  GUILD_MEMBER_REMOVE: guildUser,
  GUILD_BAN_ADD: guildUser,
  GUILD_BAN_REMOVE: guildUser,
  GUILD_EMOJIS_UPDATE: payload.emojisUpdatePayload(guild.id, [payload.emojiPayload(emoji, user)]),
  GUILD_MEMBERS_CHUNK: payload.membersChunkPayload({
    guild_id: guild.id,
    members: [wholeMember],
    chunk_index: 0,
    chunk_count: 1,
    presences: [presence],
    nonce: null,
  }),
  CHANNEL_CREATE: channelEvent,
  CHANNEL_UPDATE: payload.channelPayload(voice),
  CHANNEL_DELETE: channelEvent,
  CHANNEL_PINS_UPDATE: payload.pinsUpdatePayload(channel.id, guild.id, null),
  MESSAGE_CREATE: message,
  MESSAGE_UPDATE: message,
  MESSAGE_DELETE: payload.messageDeletePayload(MESSAGE, channel.id, guild.id),
  MESSAGE_DELETE_BULK: payload.messageDeleteBulkPayload([MESSAGE], channel.id, guild.id),
  MESSAGE_REACTION_ADD: payload.reactionPayload({ ...reaction, member: wholeMember, message_author_id: user.id }),
  MESSAGE_REACTION_REMOVE: payload.reactionPayload(reaction),
  MESSAGE_REACTION_REMOVE_ALL: payload.reactionClearPayload(MESSAGE, channel.id, guild.id),
  MESSAGE_REACTION_REMOVE_EMOJI: payload.reactionClearPayload(MESSAGE, channel.id, guild.id, reaction.emoji),
  TYPING_START: payload.typingPayload({
    channel_id: channel.id,
    user_id: user.id,
    timestampMs: 1_700_000_000_123,
    guild_id: guild.id,
    member: wholeMember,
  }),
  PRESENCE_UPDATE: presence,
  VOICE_STATE_UPDATE: payload.voiceStatePayload(voiceState, wholeMember),
  VOICE_SERVER_UPDATE: payload.voiceServerPayload(guild.id, 'secret', 'localhost:8443'),
  USER_UPDATE: payload.currentUserPayload(user),
  INVITE_CREATE: payload.inviteCreatePayload(invite, user),
  INVITE_DELETE: payload.inviteDeletePayload(invite),
  WEBHOOKS_UPDATE: { guild_id: guild.id, channel_id: channel.id },
  INTERACTION_CREATE: payload.interactionPayload({
    id: MESSAGE,
    application_id: bot.id,
    type: 2,
    token: 'secret',
    data: { id: '1700000000000000000', name: 'ping', type: 1 },
    guild_id: guild.id,
    channel_id: channel.id,
    channel: channelEvent,
    member: wholeMember,
    permissions: '8',
    app_permissions: '8',
    invoker_id: user.id,
  }),
};

for (const [event, d] of Object.entries(EVENTS)) {
  test(`${event} holds what every client requires`, () => {
    // As it travels: an undefined key is gone, a wrong number is null.
    assert.deepEqual(missingFields(event, JSON.parse(JSON.stringify(d))), []);
  });
}

test('objects of REST answers hold what every client requires', () => {
  const parts = { owner: user, bot, guild_count: 3 };
  const application = payload.applicationPayload(anApplication(), parts);
  assert.deepEqual(missingObjectFields('Application', application), []);
  assert.deepEqual(missingObjectFields('GatewayBot', payload.gatewayBotPayload('ws://localhost', 1)), []);
  assert.deepEqual(missingObjectFields('CurrentUser', payload.currentUserPayload(user)), []);
  assert.deepEqual(
    missingObjectFields('Ban', payload.banPayload({ guild_id: guild.id, user_id: user.id, reason: null }, user)),
    [],
  );
  assert.deepEqual(missingObjectFields('DmChannel', payload.dmChannelPayload(dm, [user])), []);
  const page = payload.inviteMetadataPayload(invite, { guild, channel, inviter: user });
  assert.deepEqual(missingObjectFields('Invite', page), []);
  assert.equal(page.expires_at, '2024-01-01T01:00:00.000000+00:00');
});

test('in a private channel the guild keys are absent, not null', () => {
  const direct = payload.messagePayload({
    id: MESSAGE,
    channel_id: dm.id,
    author: user,
    doc: aMessageDoc(),
    mentions: [],
    attachments: [],
    guild_id: null,
    channel_type: 1,
  });
  assert.deepEqual(missingFields('MESSAGE_CREATE', direct, 'dm'), []);
  assert.equal('guild_id' in direct, false);
  assert.equal(direct.channel_type, 1);
  assert.deepEqual(missingFields('CHANNEL_CREATE', payload.dmChannelPayload(dm, [user]), 'dm'), []);
});

test('an answer to a deleted message says null, and any other message has no such key', () => {
  const parts = { id: MESSAGE, channel_id: channel.id, author: user, mentions: [], attachments: [] };
  assert.equal(payload.messagePayload({ ...parts, doc: aMessageDoc({ type: 19 }) }).referenced_message, null);
  assert.equal('referenced_message' in payload.messagePayload({ ...parts, doc: aMessageDoc() }), false);
});

test('without MESSAGE_CONTENT everything somebody wrote is emptied, also in the message answered to', () => {
  const lite = payload.withoutContent(message);
  assert.deepEqual(missingFields('MESSAGE_CREATE', lite), []);
  assert.equal(lite.content, '');
  assert.deepEqual(lite.attachments, []);
  assert.equal((lite.referenced_message as { content: string }).content, '');
  assert.equal(message.content, 'good morning');
});

test('nothing of an activity is passed on but what its type allows, with the time of the server', () => {
  const read = payload.readActivities(
    [
      { name: 'x', type: 1, url: 'javascript:alert(1)', created_at: '0001-01-01T00:00:00Z', evil: { deep: 1 } },
      { name: '', type: 0 },
      { name: 'y', type: 9 },
      null,
      { name: 'z', timestamps: { start: 5, end: '6' }, emoji: { name: '🎲', id: null } },
    ],
    1000.9,
  );
  assert.deepEqual(read, [
    { name: 'x', type: 1, created_at: 1000 },
    { name: 'z', type: 0, created_at: 1000, timestamps: { start: 5 }, emoji: { name: '🎲' } },
  ]);
  assert.equal(payload.readActivities({ name: 'game', type: 0 }, 1)[0]?.name, 'game');
  assert.deepEqual(payload.readActivities(null, 1), []);
});

test('the table finds what is missing, null, of the wrong type, or said with a Z', () => {
  const broken = { ...structuredClone(message), timestamp: '2024-01-01T00:00:00.123Z', tts: null } as object as {
    [key: string]: unknown;
  };
  delete broken['edited_timestamp'];
  (broken['author'] as { id: unknown }).id = 5;
  assert.deepEqual(missingFields('MESSAGE_CREATE', broken).sort(), [
    'author.id: not snowflake (5)',
    'edited_timestamp: missing',
    'timestamp: not timestamp ("2024-01-01T00:00:00.123Z")',
    'tts: null',
  ]);
});
