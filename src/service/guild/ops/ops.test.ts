import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PERMISSIONS as P } from '../../../protocol/permissions.ts';
import { isoTimestamp } from '../../../protocol/timestamp.ts';
import type { UserRecord } from '../../../protocol/records.ts';
import { OPERATOR } from '../../request.ts';
import { type Answer, GuildBench } from '../testing.ts';

let bench: GuildBench;
let mod: UserRecord;
let low: UserRecord;
/** Roles from the lowest up: bottom, middle (mod's), top. */
let roles: { bottom: string; middle: string; top: string };

const MODERATOR =
  P.MANAGE_ROLES | P.MANAGE_CHANNELS | P.KICK_MEMBERS | P.BAN_MEMBERS | P.MANAGE_NICKNAMES | P.VIEW_CHANNEL;

const refused = ({ status, body }: Answer) => [status, body?.code];
const events = () =>
  bench.take().flatMap(({ t }) => (t === undefined || t === 'GUILD_AUDIT_LOG_ENTRY_CREATE' ? [] : [t]));

async function role(name: string, permissions: bigint): Promise<string> {
  const { body } = await bench.ask('role.create', { patch: { name, permissions: String(permissions) } });
  return body.id;
}

beforeEach(async () => {
  bench = await GuildBench.start();
  mod = await bench.member('mod');
  low = await bench.member('low');
  roles = { top: await role('top', 0n), middle: await role('middle', MODERATOR), bottom: await role('bottom', 0n) };
  const order = [roles.bottom, roles.middle, roles.top].map((id, i) => ({ id, position: i + 1 }));
  assert.equal((await bench.ask('role.positions', { positions: order })).status, 200);
  assert.equal((await bench.ask('member.role.add', { user_id: mod.id, role_id: roles.middle })).status, 204);
  await bench.attach(bench.owner);
  bench.take();
});
afterEach(() => bench.close());

describe('roles', () => {
  it('are only given, edited and deleted below one’s own highest', async () => {
    const as = mod.id;
    assert.equal((await bench.ask('member.role.add', { user_id: low.id, role_id: roles.bottom }, as)).status, 204);
    for (const role_id of [roles.middle, roles.top]) {
      assert.deepEqual(refused(await bench.ask('member.role.add', { user_id: low.id, role_id }, as)), [403, 50013]);
      assert.deepEqual(refused(await bench.ask('role.modify', { role_id, patch: { name: 'x' } }, as)), [403, 50013]);
      assert.deepEqual(refused(await bench.ask('role.delete', { role_id }, as)), [403, 50013]);
    }
    assert.equal((await bench.ask('role.modify', { role_id: roles.bottom, patch: { name: 'x' } }, as)).status, 200);
    assert.deepEqual(refused(await bench.ask('role.create', { patch: {} }, low.id)), [403, 50013]);
  });

  it('carry only permissions that their maker has', async () => {
    const patch = { permissions: String(P.ADMINISTRATOR) };
    assert.deepEqual(refused(await bench.ask('role.create', { patch }, mod.id)), [403, 50013]);
    const more = { permissions: String(P.KICK_MEMBERS) };
    assert.equal((await bench.ask('role.create', { patch: more }, mod.id)).status, 200);
  });

  it('keep their order above the one who sorts', async () => {
    const swap = [
      { id: roles.top, position: 1 },
      { id: roles.bottom, position: 3 },
    ];
    assert.deepEqual(refused(await bench.ask('role.positions', { positions: swap }, mod.id)), [403, 50013]);
    const { body } = await bench.ask('role.positions', { positions: swap });
    const positions = Object.fromEntries(body.map((r: { id: string; position: number }) => [r.id, r.position]));
    assert.deepEqual([positions[roles.top], positions[roles.middle], positions[roles.bottom]], [1, 2, 3]);
  });

  it('leave members and overwrites when they are deleted, for good', async () => {
    const overwrite = { id: roles.middle, type: 0, allow: '0', deny: '0' };
    await bench.ask('overwrite.put', { channel_id: bench.made.textChannelId, overwrite });
    bench.take();
    assert.equal((await bench.ask('role.delete', { role_id: roles.middle })).status, 204);
    assert.deepEqual(events(), ['GUILD_ROLE_DELETE', 'CHANNEL_UPDATE']);
    assert.deepEqual((await bench.ask('member.get', { user_id: mod.id })).body.roles, []);
    assert.deepEqual(
      (await bench.ask('channel.get', { channel_id: bench.made.textChannelId })).body.permission_overwrites,
      [],
    );
  });

  it('keep both ways to say a colour in step', async () => {
    const { body } = await bench.ask('role.create', { patch: { color: 255 } });
    assert.deepEqual(body.colors, { primary_color: 255, secondary_color: null, tertiary_color: null });
    const colors = { primary_color: 7, secondary_color: 8, tertiary_color: null };
    assert.equal((await bench.ask('role.modify', { role_id: body.id, patch: { colors } })).body.color, 7);
  });
});

describe('members', () => {
  it('are kicked, banned and renamed only from above; the owner by nobody', async () => {
    const peer = await bench.member('peer');
    await bench.ask('member.role.add', { user_id: peer.id, role_id: roles.middle });
    for (const user_id of [peer.id, bench.owner.id]) {
      assert.deepEqual(refused(await bench.ask('member.kick', { user_id }, mod.id)), [403, 50013]);
      assert.deepEqual(
        refused(await bench.ask('ban.put', { user_id, delete_message_seconds: 0 }, mod.id)),
        [403, 50013],
      );
      assert.deepEqual(
        refused(await bench.ask('member.modify', { user_id, patch: { nick: 'x' } }, mod.id)),
        [403, 50013],
      );
    }
    assert.equal((await bench.ask('member.modify', { user_id: low.id, patch: { nick: 'x' } }, mod.id)).body.nick, 'x');
    assert.equal((await bench.ask('member.kick', { user_id: low.id }, mod.id)).status, 204);
    assert.deepEqual(refused(await bench.ask('member.kick', { user_id: low.id }, mod.id)), [404, 10007]);
  });

  it('are unknown to strangers, and so is the guild', async () => {
    const stranger = await bench.user('stranger');
    assert.deepEqual(refused(await bench.ask('member.get', { user_id: low.id }, stranger.id)), [404, 10004]);
    assert.deepEqual(
      refused(await bench.ask('channel.get', { channel_id: bench.made.textChannelId }, stranger.id)),
      [403, 50001],
    );
    assert.deepEqual(refused(await bench.ask('channel.get', { channel_id: '5' })), [404, 10003]);
    assert.deepEqual(refused(await bench.ask('join', { user: stranger }, mod.id)), [403, 50001]);
  });

  it('lose all but sight while timed out, and get it back by themselves', async () => {
    const until = isoTimestamp(bench.node.clock.nowMs() + 60_000);
    const patch = { communication_disabled_until: until };
    assert.deepEqual(refused(await bench.ask('member.modify', { user_id: low.id, patch }, mod.id)), [403, 50013]);
    assert.equal((await bench.ask('member.modify', { user_id: mod.id, patch })).status, 200);
    assert.deepEqual(refused(await bench.ask('role.create', { patch: {} }, mod.id)), [403, 50013]);
    assert.equal((await bench.ask('channel.get', { channel_id: bench.made.textChannelId }, mod.id)).status, 200);
    await bench.node.advance(61_000);
    assert.equal((await bench.ask('role.create', { patch: {} }, mod.id)).status, 200);
  });

  it('page in ascending order of their ids', async () => {
    const first = (await bench.ask('member.list', { limit: 2 })).body;
    const rest = (await bench.ask('member.list', { limit: 100, after: first[1].user.id })).body;
    assert.deepEqual(
      [...first, ...rest].map((member: { user: { id: string } }) => member.user.id),
      [bench.owner.id, mod.id, low.id],
    );
    assert.deepEqual((await bench.ask('member.list', { limit: 100, after: low.id })).body, []);
  });

  it('move and mute only in voice', async () => {
    const mute = { user_id: low.id, patch: { mute: true } };
    assert.deepEqual(refused(await bench.ask('member.modify', mute)), [400, 40032]);
    const { thread, session, session_id } = await bench.attach(low);
    const voice = { k: 'voice', thread, session, session_id, user_id: low.id };
    bench.cast({
      ...voice,
      channel_id: bench.made.voiceChannelId,
      self_mute: false,
      self_deaf: false,
      self_video: false,
    });
    await bench.node.settle();
    bench.take();
    assert.equal((await bench.ask('member.modify', mute)).status, 200);
    assert.deepEqual(events(), ['GUILD_MEMBER_UPDATE', 'VOICE_STATE_UPDATE']);
    const states = (await bench.ask('voice.list')).body;
    assert.deepEqual(
      states.map((state: { mute: boolean }) => state.mute),
      [true],
    );
    await bench.ask('member.modify', { user_id: low.id, patch: { channel_id: null } });
    assert.deepEqual((await bench.ask('voice.list')).body, []);
  });
});

describe('channels', () => {
  it('start in step with their category, and are let go when it is deleted', async () => {
    const deny = { id: bench.guildId, type: 0, allow: '0', deny: String(P.SEND_MESSAGES) };
    const category = (
      await bench.ask('channel.create', { patch: { name: 'c', type: 4, permission_overwrites: [deny] } })
    ).body;
    const child = (await bench.ask('channel.create', { patch: { name: 'child', parent_id: category.id } })).body;
    assert.deepEqual(child.permission_overwrites, [deny]);
    assert.equal(child.position, 1);
    bench.take();
    assert.equal((await bench.ask('channel.delete', { channel_id: category.id })).body.id, category.id);
    assert.deepEqual(events(), ['CHANNEL_DELETE', 'CHANNEL_UPDATE']);
    assert.equal((await bench.ask('channel.get', { channel_id: child.id })).body.parent_id, null);
  });

  it('take their invites with them, and the guild’s pointers', async () => {
    const channel_id = bench.made.textChannelId;
    assert.equal((await bench.ask('guild.get')).body.system_channel_id, channel_id);
    assert.equal((await bench.ask('channel.delete', { channel_id })).status, 200);
    assert.equal((await bench.ask('guild.get')).body.system_channel_id, null);
    assert.deepEqual((await bench.ask('invite.listGuild')).body, []);
    assert.equal(await bench.store.get('invite', [bench.made.inviteCode]), null);
    assert.equal(await bench.store.get('channel_owner', [channel_id]), null);
  });

  it('are hidden by overwrites, also from who may manage channels', async () => {
    const channel_id = bench.made.textChannelId;
    await bench.ask('overwrite.put', {
      channel_id,
      overwrite: { id: mod.id, type: 1, allow: '0', deny: String(P.VIEW_CHANNEL) },
    });
    assert.deepEqual(
      refused(await bench.ask('channel.modify', { channel_id, patch: { name: 'x' } }, mod.id)),
      [403, 50001],
    );
    assert.equal((await bench.ask('overwrite.delete', { channel_id, overwrite_id: mod.id })).status, 204);
    assert.equal((await bench.ask('channel.modify', { channel_id, patch: { name: 'x' } }, mod.id)).body.name, 'x');
    assert.deepEqual(refused(await bench.ask('overwrite.delete', { channel_id, overwrite_id: mod.id })), [404, 10009]);
  });

  it('get no overwrite that its setter has not', async () => {
    const channel_id = bench.made.textChannelId;
    const overwrite = { id: low.id, type: 1, allow: String(P.ADMINISTRATOR), deny: '0' };
    assert.deepEqual(refused(await bench.ask('overwrite.put', { channel_id, overwrite }, mod.id)), [403, 50013]);
  });
});

describe('bans and invites', () => {
  it('keep the banned out until the ban is lifted', async () => {
    const args = { user_id: low.id, delete_message_seconds: 0 };
    assert.equal((await bench.ask('ban.put', args, mod.id, 'spam')).status, 204);
    assert.deepEqual(events(), ['GUILD_MEMBER_REMOVE', 'GUILD_BAN_ADD']);
    const ban = (await bench.ask('ban.get', { user_id: low.id })).body;
    assert.deepEqual([ban.reason, ban.user.id], ['spam', low.id]);
    const code = bench.made.inviteCode;
    assert.deepEqual(refused(await bench.ask('invite.accept', { code }, low.id)), [403, 40007]);
    assert.deepEqual(refused(await bench.ask('join', { user: low }, OPERATOR)), [403, 40007]);
    assert.equal((await bench.ask('ban.delete', { user_id: low.id })).status, 204);
    assert.deepEqual(refused(await bench.ask('ban.delete', { user_id: low.id })), [404, 10026]);
    bench.take();
    assert.equal((await bench.ask('invite.accept', { code }, low.id)).body.new_member, true);
    assert.deepEqual(events(), ['GUILD_MEMBER_ADD']);
    assert.equal((await bench.ask('invite.get', { code })).body.code, code);
  });

  it('end with their uses and their time', async () => {
    const form = { max_age: 60, max_uses: 1, temporary: false, unique: true };
    const channel_id = bench.made.textChannelId;
    const once = (await bench.ask('invite.create', { channel_id, form })).body;
    const [a, b] = [await bench.user('a'), await bench.user('b')];
    const answers = await Promise.all([a, b].map(({ id }) => bench.ask('invite.accept', { code: once.code }, id)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404]);
    const short = (await bench.ask('invite.create', { channel_id, form: { ...form, max_uses: 0 } })).body;
    await bench.node.advance(61_000);
    assert.deepEqual(refused(await bench.ask('invite.get', { code: short.code })), [404, 10006]);
  });

  it('are the same one when nothing else was asked for', async () => {
    const form = { max_age: 0, max_uses: 0, temporary: false, unique: false };
    const { body } = await bench.ask('invite.create', { channel_id: bench.made.textChannelId, form });
    assert.equal(body.code, bench.made.inviteCode);
  });

  it('are counted in bulk, with those that could not be banned named', async () => {
    const { body } = await bench.ask('ban.bulk', {
      user_ids: [low.id, bench.owner.id, '77'],
      delete_message_seconds: 0,
    });
    assert.deepEqual(body, { banned_users: [low.id], failed_users: [bench.owner.id, '77'] });
  });

  it('take the messages of the last days with them', async () => {
    const channel_id = bench.made.textChannelId;
    const ids = [bench.ids.next(), bench.ids.next(), bench.ids.next()];
    const authors = [low.id, mod.id, low.id];
    await bench.store.commit(
      ids.map((id, i) => ({
        op: 'putMessage',
        message: { id, channel_id, author_id: authors[i] ?? '', nonce: null, doc: {} },
      })),
    );
    bench.take();
    await bench.ask('ban.put', { user_id: low.id, delete_message_seconds: 3600 });
    const bulk = bench.take().find(({ t }) => t === 'MESSAGE_DELETE_BULK');
    assert.deepEqual(bulk?.d.ids.sort(), [ids[0], ids[2]].sort());
    assert.equal(bulk?.record['channel'], channel_id);
    assert.deepEqual(
      (await bench.store.messages(channel_id, { limit: 10 })).map(({ id }) => id),
      [ids[1]],
    );
  });
});

describe('the audit log', () => {
  it('names who did what, and why', async () => {
    await bench.ask('member.kick', { user_id: low.id }, mod.id, 'rude');
    const { body } = await bench.ask('audit.list', { action_type: 20, limit: 10 });
    const [entry] = body.audit_log_entries;
    assert.deepEqual([entry.user_id, entry.target_id, entry.reason], [mod.id, low.id, 'rude']);
    assert.deepEqual(body.users.map((user: { id: string }) => user.id).sort(), [mod.id, low.id].sort());
    assert.deepEqual(refused(await bench.ask('audit.list', { limit: 10 }, mod.id)), [403, 50013]);
  });
});

describe('emojis and the guild', () => {
  it('announce the whole list of emojis when one changes', async () => {
    const emoji = { id: bench.ids.next(), name: 'wave', roles: [], animated: false };
    assert.equal((await bench.ask('emoji.create', emoji)).status, 201);
    assert.equal((await bench.ask('emoji.modify', { emoji_id: emoji.id, patch: { name: 'hi' } })).body.name, 'hi');
    assert.deepEqual(events(), ['GUILD_EMOJIS_UPDATE', 'GUILD_EMOJIS_UPDATE']);
    assert.equal((await bench.ask('emoji.delete', { emoji_id: emoji.id })).status, 204);
    assert.deepEqual((await bench.ask('emoji.list')).body, []);
    assert.deepEqual(refused(await bench.ask('emoji.get', { emoji_id: emoji.id })), [400, 10014]);
  });

  it('change hands only by the owner', async () => {
    await bench.ask('role.modify', {
      role_id: roles.middle,
      patch: { permissions: String(MODERATOR | P.MANAGE_GUILD) },
    });
    const patch = { owner_id: mod.id };
    assert.deepEqual(refused(await bench.ask('guild.modify', { patch }, mod.id)), [403, 50013]);
    assert.equal((await bench.ask('guild.modify', { patch })).body.owner_id, mod.id);
    assert.deepEqual(refused(await bench.ask('guild.delete')), [403, 50013]);
  });

  it('give a bot its managed role when permissions are asked for', async () => {
    const bot = await bench.user('bot', { bot: true });
    const { body } = await bench.ask('join', { user: bot, permissions: '8' }, OPERATOR);
    const managed = (await bench.ask('role.get', { role_id: body.roles[0] })).body;
    assert.deepEqual([managed.managed, managed.tags.bot_id], [true, bot.id]);
    assert.deepEqual(refused(await bench.ask('role.delete', { role_id: managed.id })), [400, 50028]);
  });
});
