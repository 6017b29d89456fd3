import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../base/clock.ts';
import { TopicAudience } from './audience.ts';
import { gateOwner, IDENTIFY_WINDOW_MS, IdentifyGate } from './identify-gate.ts';
import { PrivateLog } from './private-log.ts';
import { SessionRegistry } from './registry.ts';
import { isOnShard } from './topics.ts';
import { LIVE, Session, type SessionSpec, tokenTag } from './session.ts';

function session(key: number, extra: Partial<SessionSpec> = {}): Session {
  const spec = {
    key,
    id: `session ${key}`,
    user_id: String(1_000 + key),
    bot: true,
    intents: 0b1111,
    large_threshold: 50,
    shard_id: 0,
    shard_count: 1,
    presence: null,
    token_tag: 0,
  };
  const made = new Session({ ...spec, ...extra }, () => {});
  made.status = LIVE;
  return made;
}

test('the sequence rises by one for each event, and acknowledging never passes what was sent', () => {
  const own = new PrivateLog();
  const s = session(1);
  for (let i = 0; i < 10; i += 1) s.give(i);
  assert.equal(s.sequence, 10);
  assert.equal(s.floor, 0);
  s.sent = 6;
  s.acknowledge(9, own);
  assert.equal(s.floor, 6);
  s.acknowledge(3, own);
  assert.equal(s.floor, 6, 'an older heartbeat changes nothing');
  assert.equal(s.judgeResume(5), 'lost');
  assert.equal(s.judgeResume(6), 'ok');
  assert.equal(s.judgeResume(10), 'ok');
  assert.equal(s.judgeResume(11), 'beyond');
  s.rewind(8, own);
  assert.equal(s.sent, 8);
  assert.equal(s.floor, 8);
});

test('a session that came from elsewhere goes on with its number', () => {
  const s = session(1);
  s.adopt({ presence: null, sequence: 41 });
  s.give(7);
  assert.equal(s.sequence, 42);
});

test('listeners follow intents, views, shards and content, and are made once until something changes', () => {
  const topic = new TopicAudience('guild:1');
  const all = session(1, { intents: 0b11 | (1 << 15) });
  const blind = session(2, { intents: 0b01 });
  const person = session(3, { bot: false, intents: 0b10 });
  const first = topic.attach(all, ['a', 'b']);
  topic.attach(blind, ['a']);
  topic.attach(person, 'all');
  const list = topic.listeners('a', 0b01);
  assert.deepEqual([list.full, list.lite], [[all], [blind]]);
  assert.equal(topic.listeners('a', 0b01), list);
  assert.deepEqual(topic.listeners('b', 0).full, [all, person]);
  assert.deepEqual(topic.listeners('c', 0).full, [person]);
  assert.deepEqual(topic.listeners(undefined, 0).lite, [blind]);
  topic.setView(first, ['a', 'b']);
  assert.equal(topic.listeners('a', 0b01), list, 'the same view changes nothing');
  topic.setView(first, ['b']);
  assert.deepEqual(topic.listeners('a', 0b01).full, []);
  topic.detach(first);
  assert.deepEqual(topic.listeners('b', 0).full, [person]);
  assert.deepEqual(all.topics, []);
  for (let channel = 0; channel < 500; channel += 1) topic.listeners(String(channel), 0);
  const user = new TopicAudience('user:1');
  const shards = [session(4), session(5, { shard_id: 1, shard_count: 2 })];
  for (const each of shards) user.attach(each, 'all');
  assert.deepEqual(user.listeners(undefined, 0).lite, [shards[0]]);
});

test('attachments are found and leave from both sides, however many there are', () => {
  const topics = Array.from({ length: 20 }, (_, i) => new TopicAudience(`guild:${i + 1}`));
  const sessions = Array.from({ length: 7 }, (_, i) => session(i));
  for (const topic of topics) for (const each of sessions) topic.attach(each, 'all');
  for (const topic of topics) {
    for (const each of sessions) {
      const attachment = topic.find(each);
      assert.ok(attachment?.session === each && attachment.topic === topic);
    }
  }
  for (const topic of topics.slice(0, 10)) for (const each of sessions) topic.detach(topic.find(each)!);
  for (const each of sessions) assert.equal(each.topics.length, 10);
  for (const topic of topics) assert.equal(topic.empty, topics.indexOf(topic) < 10);
});

test('the registry finds sessions by key, id and user, and gives no key twice', () => {
  const registry = new SessionRegistry();
  const [one, two, other] = [session(1, { user_id: '7' }), session(2, { user_id: '7' }), session(3, { user_id: '8' })];
  for (const each of [one, two, other]) registry.add(each as Session);
  assert.deepEqual(registry.ofUser('7'), [one, two]);
  assert.deepEqual(registry.ofUser('8'), [other]);
  assert.throws(() => registry.add(one as Session));
  registry.remove(one as Session);
  registry.remove(one as Session);
  assert.deepEqual(registry.ofUser('7'), [two]);
  registry.remove(two as Session);
  assert.deepEqual(registry.ofUser('7'), []);
  assert.equal(registry.byId('session 3'), other);
  assert.equal(registry.get(3), other);
  assert.ok(registry.nextKey() < registry.nextKey());
});

test('the identify gate admits a key once in its window, and forgets what is over', () => {
  const clock = new ManualClock();
  const gate = new IdentifyGate(clock);
  assert.ok(gate.admit('1', 0));
  assert.ok(!gate.admit('1', 0));
  assert.ok(gate.admit('1', 1));
  assert.ok(gate.admit('2', 0));
  clock.advance(IDENTIFY_WINDOW_MS);
  assert.ok(gate.admit('1', 0));
  assert.ok(!gate.admit('1', 0));
  for (let i = 0; i < 16; i += 1) assert.ok(gateOwner(String(10n ** 17n + BigInt(i)), 3) < 3);
});

test("guilds are on the shard that Discord's formula gives", () => {
  const guild = String((41n << 22n) | 5n);
  assert.ok(isOnShard(guild, 0, 1));
  assert.ok(isOnShard(guild, 1, 4));
  assert.ok(!isOnShard(guild, 0, 4));
});

test('tokens of an account are told apart by a small integer', () => {
  assert.equal(tokenTag('0000001ffff'), 1);
  assert.equal(tokenTag('f'.repeat(64)), 0xfffffff);
});
