import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_EVERYONE, PERMISSIONS } from '../../protocol/permissions.ts';
import { missingFields, missingObjectFields } from '../../protocol/required-fields.ts';
import { ANN, Bench, BOT, CHANNEL, EMOJI, GUILD, OWNER } from './testing.ts';

const P = PERMISSIONS;
const THUMB = { id: null, name: '👍' };
const PARTY = { id: EMOJI, name: 'party' };

async function reactionsSeenBy(bench: Bench, userId: string, message_id: string) {
  const { body } = await bench.ask('getMessage', userId, { message_id });
  assert.deepEqual(missingObjectFields('Message', body), []);
  return (body.reactions ?? []).map((one: { emoji: { name: string }; count: number; me: boolean }) => [
    one.emoji.name,
    one.count,
    one.me,
  ]);
}

test('a reaction is counted once, told once, and known as the reader’s own', async () => {
  const bench = await Bench.withUsers();
  const message_id = await bench.say(OWNER, 'x');
  for (let n = 0; n < 2; n += 1) {
    assert.equal((await bench.ask('addReaction', ANN, { message_id, emoji: THUMB })).status, 204);
  }
  await bench.ask('addReaction', BOT, { message_id, emoji: THUMB });
  await bench.ask('addReaction', BOT, { message_id, emoji: PARTY });
  const added = bench.events.filter(({ t }) => t === 'MESSAGE_REACTION_ADD');
  assert.equal(added.length, 3);
  for (const { d } of added) assert.deepEqual(missingFields('MESSAGE_REACTION_ADD', d), []);
  assert.equal((added[0]?.d as { message_author_id: string } | undefined)?.message_author_id, OWNER);
  assert.deepEqual((added[2]?.d as { emoji: unknown } | undefined)?.emoji, {
    id: EMOJI,
    name: 'party',
    animated: true,
  });
  assert.deepEqual(await reactionsSeenBy(bench, ANN, message_id), [
    ['👍', 2, true],
    ['party', 1, false],
  ]);
});

test('many reactors: `me` and the pages of users come from the rows', async () => {
  const bench = await Bench.withUsers();
  const message_id = await bench.say(OWNER, 'x');
  const users = Array.from({ length: 12 }, (_, n) => String(2_000_000_000_000_000_000n + BigInt(n)));
  for (const id of users) {
    bench.fake.granted.set(id, DEFAULT_EVERYONE);
    await bench.ask('addReaction', id, { message_id, emoji: THUMB });
  }
  assert.deepEqual(await reactionsSeenBy(bench, users[11] ?? '', message_id), [['👍', 12, true]]);
  assert.deepEqual(await reactionsSeenBy(bench, ANN, message_id), [['👍', 12, false]]);
  await bench.ask('removeReaction', users[0] ?? '', { message_id, emoji: THUMB });
  assert.deepEqual(await reactionsSeenBy(bench, users[0] ?? '', message_id), [['👍', 11, false]]);
  const page = async (args: { [key: string]: unknown }) =>
    (await bench.ask('listReactions', ANN, { message_id, emoji: THUMB, limit: 5, type: 0, ...args })).body.map(
      ({ id }: { id: string }) => id,
    );
  assert.deepEqual(await page({}), users.slice(1, 6));
  assert.deepEqual(await page({ after: users[8] }), users.slice(9));
  assert.deepEqual(await page({ after: users[11] }), []);
  assert.deepEqual(await page({ type: 1 }), []);
});

test('ADD_REACTIONS is needed for a new emoji only, and at most twenty are held', async () => {
  const bench = await Bench.withUsers();
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.ADD_REACTIONS);
  const message_id = await bench.say(OWNER, 'x');
  assert.equal((await bench.ask('addReaction', ANN, { message_id, emoji: THUMB })).body.code, 50013);
  await bench.ask('addReaction', OWNER, { message_id, emoji: THUMB });
  assert.equal((await bench.ask('addReaction', ANN, { message_id, emoji: THUMB })).status, 204);
  for (let n = 0; n < 19; n += 1) {
    const emoji = { id: null, name: String.fromCodePoint(0x1f600 + n) };
    assert.equal((await bench.ask('addReaction', OWNER, { message_id, emoji })).status, 204);
  }
  assert.equal((await bench.ask('addReaction', OWNER, { message_id, emoji: PARTY })).body.code, 30010);
  const unknown = { id: '1000000000000000099', name: 'nope' };
  assert.equal((await bench.ask('addReaction', OWNER, { message_id, emoji: unknown })).body.code, 10014);
});

test('a custom emoji of another guild is usable by its members', async () => {
  const bench = await Bench.withUsers();
  const message_id = await bench.say(OWNER, 'x');
  const other = '1000000000000000031';
  const emoji = { id: '1000000000000000032', name: 'far' };
  await bench.store.commit([
    { op: 'put', table: 'user_guild', key: [ANN, other], doc: { guild_id: other } },
    { op: 'put', table: 'emoji', key: [other, emoji.id], doc: { ...emoji, guild_id: other, animated: false } },
  ]);
  assert.equal((await bench.ask('addReaction', OWNER, { message_id, emoji })).body.code, 10014);
  assert.equal((await bench.ask('addReaction', ANN, { message_id, emoji })).status, 204);
});

test('reactions are removed one, of another, of an emoji, and all', async () => {
  const bench = await Bench.withUsers();
  const message_id = await bench.say(OWNER, 'x');
  for (const user of [ANN, BOT]) {
    for (const emoji of [THUMB, PARTY]) await bench.ask('addReaction', user, { message_id, emoji });
  }
  assert.equal((await bench.ask('removeReaction', ANN, { message_id, emoji: THUMB, user_id: BOT })).body.code, 50013);
  assert.equal((await bench.ask('removeReaction', OWNER, { message_id, emoji: THUMB, user_id: BOT })).status, 204);
  assert.deepEqual(missingFields('MESSAGE_REACTION_REMOVE', bench.last('MESSAGE_REACTION_REMOVE')), []);
  assert.equal((await bench.ask('removeReaction', ANN, { message_id, emoji: THUMB })).status, 204);
  assert.deepEqual(await reactionsSeenBy(bench, ANN, message_id), [['party', 2, true]]);
  assert.equal((await bench.ask('removeReaction', ANN, { message_id, emoji: THUMB })).body.code, 10014);
  assert.equal((await bench.ask('removeEmojiReactions', ANN, { message_id, emoji: PARTY })).body.code, 50013);
  await bench.ask('removeEmojiReactions', OWNER, { message_id, emoji: PARTY });
  assert.deepEqual(bench.last('MESSAGE_REACTION_REMOVE_EMOJI'), {
    channel_id: CHANNEL,
    message_id,
    guild_id: GUILD,
    emoji: { id: EMOJI, name: 'party', animated: true },
    burst: false,
    type: 0,
  });
  await bench.ask('addReaction', ANN, { message_id, emoji: THUMB });
  await bench.ask('removeAllReactions', OWNER, { message_id });
  assert.deepEqual(await reactionsSeenBy(bench, ANN, message_id), []);
  assert.equal(await bench.store.count('reaction', [message_id]), 0);
});

test('pins: marked, told, announced by a system message, listed by both routes, and at most 250', async () => {
  const bench = await Bench.withUsers();
  const ids = [await bench.say(ANN, 'a'), await bench.say(ANN, 'b'), await bench.say(ANN, 'c')];
  assert.equal((await bench.ask('pinMessage', ANN, { message_id: ids[0] })).body.code, 50013);
  for (const message_id of ids) {
    bench.clock.advance(1000);
    assert.equal((await bench.ask('pinMessage', OWNER, { message_id })).status, 204);
    assert.equal((await bench.ask('pinMessage', OWNER, { message_id })).status, 204);
  }
  assert.equal(bench.events.filter(({ t }) => t === 'CHANNEL_PINS_UPDATE').length, 3);
  assert.deepEqual(missingFields('CHANNEL_PINS_UPDATE', bench.last('CHANNEL_PINS_UPDATE')), []);
  assert.equal(bench.last('MESSAGE_UPDATE').pinned, true);
  const notice = bench.last('MESSAGE_CREATE');
  assert.equal(notice.type, 6);
  assert.equal(notice.message_reference.message_id, ids[2]);
  assert.deepEqual(missingFields('MESSAGE_CREATE', notice), []);
  const all = await bench.ask('listAllPins', ANN);
  assert.deepEqual(
    all.body.map(({ id }: { id: string }) => id),
    ids.toReversed(),
  );
  const first = await bench.ask('listPins', ANN, { limit: 2 });
  assert.equal(first.body.has_more, true);
  const second = await bench.ask('listPins', ANN, { limit: 2, before: first.body.items[1].pinned_at });
  assert.deepEqual(
    second.body.items.map(({ message }: { message: { id: string } }) => message.id),
    [ids[0]],
  );
  assert.equal(second.body.has_more, false);
  assert.equal((await bench.ask('editMessage', OWNER, { message_id: notice.id, flags: 4 })).body.code, 50021);
  await bench.ask('unpinMessage', OWNER, { message_id: ids[0] });
  await bench.ask('deleteMessage', OWNER, { message_id: ids[1] });
  assert.equal((await bench.ask('listAllPins', ANN)).body.length, 1);
  const rows = Array.from({ length: 249 }, (_, n) => String(3_000_000_000_000_000_000n + BigInt(n)));
  await bench.store.commit(
    rows.map((id) => ({
      op: 'put',
      table: 'pin',
      key: [CHANNEL, id],
      doc: { message_id: id, pinned_at: '2020-01-01T00:00:00.000000+00:00' },
    })),
  );
  assert.equal((await bench.ask('pinMessage', OWNER, { message_id: ids[0] })).body.code, 30003);
});

test('typing is told with the member, may be lost, and needs SEND_MESSAGES', async () => {
  const bench = await Bench.withUsers();
  assert.equal((await bench.ask('typing', ANN)).status, 204);
  assert.deepEqual(missingFields('TYPING_START', bench.last('TYPING_START')), []);
  assert.equal(bench.events[0]?.lossy, true);
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.SEND_MESSAGES);
  assert.equal((await bench.ask('typing', ANN)).body.code, 50013);
});
