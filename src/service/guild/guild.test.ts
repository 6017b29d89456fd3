import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { INTENTS, VALID } from '../../protocol/intents.ts';
import { StoreError } from '../../state/store/port.ts';
import { OPERATOR } from '../request.ts';
import { GuildBench, WITHOUT_PRESENCES } from './testing.ts';

let bench: GuildBench;

const names = (heard: readonly { k: string; t?: string }[]) => heard.map(({ k, t }) => t ?? k);

describe('a guild and its sessions', () => {
  beforeEach(async () => {
    bench = await GuildBench.start();
  });
  afterEach(() => bench.close());

  it('announces itself to every I/O thread when it starts', async () => {
    await bench.ask('guild.get');
    const up = bench.take().filter(({ k }) => k === 'up');
    assert.deepEqual(up.map(({ thread }) => thread).sort(), [1, 2]);
  });

  it('answers an attach with the view and GUILD_CREATE, own member and @everyone in it', async () => {
    await bench.attach(bench.owner);
    const attached = bench.take().find(({ k }) => k === 'attached');
    assert.equal(attached?.t, 'GUILD_CREATE');
    assert.deepEqual(attached?.record['view'], [bench.made.textChannelId, bench.made.voiceChannelId]);
    const d = attached?.d as Record<string, unknown>;
    assert.equal(d['unavailable'], false);
    assert.equal(d['large'], false);
    assert.equal(d['member_count'], 1);
    assert.equal(typeof d['joined_at'], 'string');
    assert.deepEqual(
      (d['roles'] as { id: string }[]).map(({ id }) => id),
      [bench.guildId],
    );
    assert.deepEqual(
      (d['members'] as { user: { id: string } }[]).map(({ user }) => user.id),
      [bench.owner.id],
    );
  });

  it('refuses who is no member', async () => {
    await bench.attach(await bench.user('stranger'));
    const attached = bench.take().find(({ k }) => k === 'attached');
    assert.equal(attached?.record['view'], null);
    assert.equal(attached?.record.bytes, undefined);
  });

  it('sends no snapshot without the GUILDS intent, nor on reattach', async () => {
    await bench.attach(bench.owner, { intents: INTENTS.GUILD_MESSAGES });
    await bench.attach(bench.owner, { mode: 'reattach' });
    const attached = bench.take().filter(({ k }) => k === 'attached');
    assert.deepEqual(
      attached.map(({ record }) => record.bytes),
      [undefined, undefined],
    );
  });

  it('lists only the own member and those in voice without GUILD_PRESENCES', async () => {
    const [a, b] = [await bench.member('a'), await bench.member('b')];
    const voice = await bench.attach(b);
    bench.cast({ ...join(voice), channel_id: bench.made.voiceChannelId });
    await bench.attach(a, { intents: WITHOUT_PRESENCES });
    const d = bench.take().findLast(({ t }) => t === 'GUILD_CREATE')?.d as Record<string, unknown[]>;
    assert.deepEqual(
      (d['members'] as { user: { id: string } }[]).map(({ user }) => user.id).sort(),
      [a.id, b.id].sort(),
    );
    assert.deepEqual(d['presences'], []);
    assert.equal(d['voice_states']?.length, 1);
  });

  it('lists online members only when the guild is large', async () => {
    const users = [];
    for (let i = 0; i < 4; i += 1) users.push(await bench.member(`m${i}`));
    const [first, second] = users;
    assert(first !== undefined && second !== undefined);
    await bench.attach(first, { large_threshold: 3 });
    await bench.attach(second, { large_threshold: 3 });
    const d = bench.take().findLast(({ t }) => t === 'GUILD_CREATE')?.d as Record<string, { user: { id: string } }[]>;
    assert.equal(d['large'] as unknown, true);
    assert.deepEqual(d['members']?.map(({ user }) => user.id).sort(), [first.id, second.id].sort());
    assert.deepEqual(
      d['presences']?.map(({ user }) => user.id),
      [first.id],
    );
  });

  it('lists every member, and the presences of those online, when the guild is not large', async () => {
    const [a, b] = [await bench.member('a'), await bench.member('b')];
    await bench.attach(a);
    await bench.attach(b);
    const d = bench.take().findLast(({ t }) => t === 'GUILD_CREATE')?.d as Record<string, { user: { id: string } }[]>;
    assert.deepEqual(d['members']?.map(({ user }) => user.id).sort(), [bench.owner.id, a.id, b.id].sort());
    assert.deepEqual(
      d['presences']?.map(({ user }) => user.id),
      [a.id],
    );
  });

  it('sends events only to threads whose sessions can want them', async () => {
    const io = bench.node.of('io', 1).thread;
    await bench.attach(bench.owner, { intents: INTENTS.GUILDS });
    await bench.attach(bench.owner, { thread: io, intents: INTENTS.GUILD_MESSAGES });
    bench.take();
    await bench.ask('role.create', { patch: { name: 'r' } });
    const heard = bench.take().filter(({ t }) => t === 'GUILD_ROLE_CREATE');
    assert.deepEqual(
      heard.map(({ thread }) => thread),
      [bench.node.of('io', 0).thread],
    );
  });

  it('tells a member that loses a channel after the event that says so', async () => {
    const user = await bench.member('user');
    await bench.attach(user);
    await bench.attach(bench.owner);
    bench.take();
    const channel_id = bench.made.textChannelId;
    const overwrite = { id: user.id, type: 1, allow: '0', deny: '1024' };
    assert.equal((await bench.ask('overwrite.put', { channel_id, overwrite })).status, 204);
    const heard = bench.take();
    assert.deepEqual(names(heard), ['GUILD_AUDIT_LOG_ENTRY_CREATE', 'CHANNEL_UPDATE', 'views']);
    assert.deepEqual(heard[2]?.record['users'], [[user.id, [bench.made.voiceChannelId]]]);
  });

  it('sends a kicked member GUILD_DELETE, the others GUILD_MEMBER_REMOVE, then ends its view', async () => {
    const user = await bench.member('user');
    await bench.attach(user);
    await bench.attach(bench.owner, { thread: bench.node.of('io', 1).thread });
    bench.take();
    assert.equal((await bench.ask('member.kick', { user_id: user.id })).status, 204);
    const heard = bench.take();
    const own = heard.filter(({ thread }) => thread === bench.node.of('io', 0).thread);
    assert.deepEqual(
      own.map(({ k, t, record }) => [t ?? k, record['only'] ?? null, record['except'] ?? null]),
      [
        ['GUILD_DELETE', [user.id], null],
        ['GUILD_MEMBER_REMOVE', null, [user.id]],
        ['views', null, null],
      ],
    );
    assert.deepEqual(own[0]?.d, { id: bench.guildId });
    assert.deepEqual(own[2]?.record['users'], [[user.id, null]]);
    const others = heard.filter(({ thread }) => thread !== bench.node.of('io', 0).thread);
    assert.deepEqual(names(others), ['GUILD_AUDIT_LOG_ENTRY_CREATE', 'GUILD_MEMBER_REMOVE']);
    assert.equal(await bench.store.get('member', [bench.guildId, user.id]), null);
    assert.equal(await bench.store.get('user_guild', [user.id, bench.guildId]), null);
  });

  it('asks the sessions of who joins to attach, once the join is durable', async () => {
    const user = await bench.member('user');
    const told = bench.userTopics.find(({ topic }) => topic === `user:${user.id}`);
    assert.deepEqual(told?.message['event'], { intents: 0, join: bench.guildId });
    assert.equal(told?.message.bytes?.length, 0);
  });

  it('hands a session over without a gap: detached at the old relay, attached at the new', async () => {
    const { thread, session, session_id, user_id } = await bench.attach(bench.owner);
    bench.take();
    const to = { thread: bench.node.of('io', 1).thread, session: 99 };
    bench.cast({ k: 'move', from: { thread, session }, to, session_id, user_id });
    await bench.ask('role.create', { patch: {} });
    assert.deepEqual(
      bench
        .take()
        .filter(({ t }) => t === undefined || t === 'GUILD_ROLE_CREATE')
        .map((heard) => [heard.thread, heard.t ?? heard.k]),
      [
        [thread, 'detached'],
        [to.thread, 'attached'],
        [to.thread, 'GUILD_ROLE_CREATE'],
      ].sort((a, b) => Number(a[0]) - Number(b[0])),
    );
  });

  it('dispatches presences collected and lossy, the most active status first, offline at the end', async () => {
    const user = await bench.member('user');
    await bench.attach(bench.owner);
    const first = await bench.attach(user, { presence: { status: 'idle', activities: [], since: null, afk: false } });
    const second = await bench.attach(user);
    await bench.node.advance(200);
    let heard = bench.take().filter(({ t, d }) => t === 'PRESENCE_UPDATE' && d.user.id === user.id);
    assert.deepEqual(
      heard.map(({ d, record }) => [d.status, record['lossy']]),
      [['online', true]],
    );
    bench.cast({ ...second, k: 'detach' });
    await bench.node.advance(200);
    bench.cast({ ...first, k: 'detach' });
    await bench.node.advance(200);
    heard = bench.take().filter(({ t }) => t === 'PRESENCE_UPDATE');
    assert.deepEqual(
      heard.map(({ d }) => d.status),
      ['idle', 'offline'],
    );
    assert.deepEqual(heard[1]?.d.client_status, {});
  });

  it('keeps invisible users offline to others', async () => {
    const user = await bench.member('user');
    await bench.attach(bench.owner);
    await bench.attach(user, { presence: { status: 'invisible', activities: [], since: null, afk: false } });
    await bench.node.advance(200);
    const heard = bench.take().filter(({ t, d }) => t === 'PRESENCE_UPDATE' && d.user.id === user.id);
    assert.deepEqual(heard, []);
  });

  it('keeps voice states: join, full channel, own session only, leave at the end of the session', async () => {
    const user = await bench.member('user');
    const session = await bench.attach(user);
    const other = await bench.attach(bench.owner);
    bench.take();
    const channel_id = bench.made.voiceChannelId;
    bench.cast({ ...join(session), channel_id });
    await bench.ask('channel.modify', { channel_id, patch: { user_limit: 1 } });
    const joined = bench.take().filter(({ t }) => t === 'VOICE_STATE_UPDATE');
    assert.equal(joined.length, 1);
    assert.equal(joined[0]?.d.channel_id, channel_id);
    assert.equal(joined[0]?.d.member.user.id, user.id);
    assert.deepEqual(joined[0]?.record['always'], [user.id]);
    const third = await bench.attach(await bench.member('third'));
    bench.cast({ ...join(third), channel_id });
    bench.cast({ ...join(other), user_id: user.id, channel_id: null });
    await bench.node.settle();
    assert.deepEqual(
      bench.take().filter(({ t }) => t === 'VOICE_STATE_UPDATE'),
      [],
    );
    bench.cast({ ...session, k: 'detach' });
    await bench.node.settle();
    const left = bench.take().filter(({ t }) => t === 'VOICE_STATE_UPDATE');
    assert.deepEqual(
      left.map(({ d }) => d.channel_id),
      [null],
    );
  });

  it('forgets the sessions of an I/O thread that goes down', async () => {
    const user = await bench.member('user');
    await bench.attach(bench.owner);
    await bench.attach(user, { thread: bench.node.of('io', 1).thread });
    await bench.node.advance(200);
    bench.take();
    bench.node.cut(bench.node.of('io', 1).thread);
    await bench.node.advance(200);
    const heard = bench.take().filter(({ t }) => t === 'PRESENCE_UPDATE');
    assert.deepEqual(
      heard.map(({ d }) => [d.user.id, d.status]),
      [[user.id, 'offline']],
    );
  });

  it('answers opcode 8 to the asking session alone, at least one chunk, not_found and nonce in it', async () => {
    const user = await bench.member('Zed');
    const session = await bench.attach(bench.owner);
    bench.take();
    const ask = { ...session, k: 'members', query: null, limit: 0, user_ids: null, presences: false, nonce: 'n' };
    bench.cast({ ...ask, query: 'nobody', limit: 10 });
    bench.cast({ ...ask, query: 'ze', limit: 10 });
    bench.cast({ ...ask, user_ids: [user.id, '123456789012345678'], presences: true });
    bench.cast({ ...ask, query: '' });
    await bench.node.settle();
    const heard = bench.take().filter(({ t }) => t === 'GUILD_MEMBERS_CHUNK');
    const ids = heard.map(({ d }) => d.members.map((member: { user: { id: string } }) => member.user.id));
    assert.deepEqual(ids, [[], [user.id], [user.id], [bench.owner.id, user.id]]);
    assert.deepEqual(
      heard.map(({ record }) => record['session']),
      [1, 2, 3, 4].map(() => session.session),
    );
    assert.deepEqual(heard[2]?.d.not_found, ['123456789012345678']);
    assert.deepEqual(
      heard.map(({ d }) => [d.chunk_index, d.chunk_count, d.nonce]),
      [1, 2, 3, 4].map(() => [0, 1, 'n']),
    );
  });

  it('gives the whole member list only to bots that were granted it', async () => {
    const bot = await bench.member('bot', { bot: true });
    const session = await bench.attach(bot, { intents: VALID & ~INTENTS.GUILD_MEMBERS });
    bench.cast({ ...session, k: 'members', query: '', limit: 0, user_ids: null, presences: false, nonce: null });
    await bench.node.settle();
    const chunk = bench.take().find(({ t }) => t === 'GUILD_MEMBERS_CHUNK');
    assert.deepEqual(chunk?.d.members, []);
    assert.equal('nonce' in (chunk?.d ?? {}), false);
  });

  it('fills with thousands of members and sends the list in chunks of 1,000, one after the other, to wherever the session is', async () => {
    for (let batch = 0; batch < 3; batch += 1) {
      const users = Array.from({ length: 800 }, (_, i) => ({
        ...bench.owner,
        id: bench.ids.next(),
        username: `u${batch}-${i}`,
      }));
      await bench.store.commit(
        users.map((user) => ({ op: 'put', table: 'user', key: [user.id], doc: { ...user } }) as const),
      );
      const { body } = await bench.ask('fill', { users }, OPERATOR);
      assert.equal(body.member_count, 1 + (batch + 1) * 800);
    }
    const session = await bench.attach(bench.owner);
    bench.take();
    bench.cast({ ...session, k: 'members', query: '', limit: 0, user_ids: null, presences: false, nonce: null });
    await bench.node.advance(20);
    bench.cast({ ...session, k: 'move', from: session, to: { thread: bench.node.of('io', 1).thread, session: 7 } });
    await bench.node.advance(100);
    const chunks = bench.take().filter(({ t }) => t === 'GUILD_MEMBERS_CHUNK');
    assert.deepEqual(
      chunks.map(({ d }) => d.members.length),
      [1000, 1000, 401],
    );
  });

  it('updates members when a user changes', async () => {
    await bench.attach(bench.owner);
    bench.take();
    bench.cast({ k: 'user', user: { ...bench.owner, username: 'renamed' } });
    await bench.node.settle();
    const update = bench.take().find(({ t }) => t === 'GUILD_MEMBER_UPDATE');
    assert.equal(update?.d.user.username, 'renamed');
    assert.deepEqual(update?.record['always'], [bench.owner.id]);
  });

  it('ends when nobody needs it, and comes back from the store', async () => {
    await bench.ask('guild.modify', { patch: { name: 'Renamed' } });
    const before = bench.node.of('actor').stats().actors;
    await bench.node.advance(700_000);
    assert.equal(bench.node.of('actor').stats().actors < before, true);
    assert.equal((await bench.ask('guild.get')).body.name, 'Renamed');
  });

  it('is gone after its deletion, with all its rows', async () => {
    const user = await bench.member('user');
    await bench.attach(user);
    bench.take();
    assert.equal((await bench.ask('guild.delete', {}, user.id)).status, 403);
    assert.equal((await bench.ask('guild.delete')).status, 204);
    const heard = bench.take();
    assert.deepEqual(names(heard), ['GUILD_DELETE', 'views']);
    assert.equal((await bench.ask('guild.get')).status, 404);
    for (const table of ['guild', 'role', 'channel', 'member', 'guild_invite'] as const) {
      assert.equal(await bench.store.count(table, [bench.guildId]), 0, table);
    }
    assert.equal(await bench.store.get('channel_owner', [bench.made.textChannelId]), null);
    assert.equal(await bench.store.get('user_guild', [user.id, bench.guildId]), null);
  });
});

describe('a guild whose store is slow', () => {
  it('gives a session that attaches meanwhile the change in its snapshot, and not once more as an event', async () => {
    let held: PromiseWithResolvers<void> | undefined;
    bench = await GuildBench.start((store) => {
      const commit = store.commit.bind(store);
      store.commit = async (ops) => {
        await held?.promise;
        await commit(ops);
      };
      return store;
    });
    try {
      await bench.attach(bench.owner);
      bench.take();
      held = Promise.withResolvers<void>();
      const other = bench.node.of('io', 1).thread;
      const created = bench.ask('role.create', { patch: { name: 'new' } });
      await bench.node.settle();
      await bench.attach(bench.owner, { thread: other });
      const modified = bench.ask('guild.modify', { patch: { name: 'Later' } });
      await bench.node.settle();
      assert.deepEqual(names(bench.take()), []);
      held.resolve();
      assert.deepEqual([(await created).status, (await modified).status], [200, 200]);
      const heard = bench.take().filter(({ t }) => t !== 'GUILD_AUDIT_LOG_ENTRY_CREATE');
      const first = heard.filter(({ thread }) => thread !== other);
      assert.deepEqual(names(first), ['GUILD_ROLE_CREATE', 'GUILD_UPDATE']);
      const second = heard.filter(({ thread }) => thread === other);
      assert.deepEqual(names(second), ['GUILD_CREATE', 'GUILD_UPDATE']);
      const snapshot = second[0]?.d as { name: string; roles: { name: string }[] };
      assert.deepEqual([snapshot.name, snapshot.roles.map(({ name }) => name)], ['Test', ['@everyone', 'new']]);
    } finally {
      await bench.close();
    }
  });
});

describe('a guild whose store fails', () => {
  it('answers 500, dispatches nothing of it, and starts again from what is stored', async () => {
    let broken = false;
    bench = await GuildBench.start((store) => {
      const commit = store.commit.bind(store);
      store.commit = async (ops) => {
        if (broken) throw new StoreError('disk full');
        await commit(ops);
      };
      return store;
    });
    try {
      await bench.attach(bench.owner);
      bench.take();
      broken = true;
      const answers = await Promise.all([
        bench.ask('role.create', { patch: { name: 'lost' } }),
        bench.ask('role.create', { patch: { name: 'lost too' } }),
      ]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [500, 500],
      );
      broken = false;
      await bench.node.advance(1_000);
      const { body } = await bench.ask('role.list');
      assert.deepEqual(
        body.map(({ name }: { name: string }) => name),
        ['@everyone'],
      );
      assert.deepEqual(names(bench.take()), ['up', 'up']);
      assert(bench.logged.some(({ event }) => event === 'topic_failed'));
    } finally {
      await bench.close();
    }
  });
});

function join(session: { thread: number; session: number; session_id: string; user_id: string }) {
  const { thread, session: key, session_id, user_id } = session;
  return {
    k: 'voice',
    thread,
    session: key,
    session_id,
    user_id,
    self_mute: false,
    self_deaf: false,
    self_video: false,
  };
}
