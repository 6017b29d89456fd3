import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSnowflakes } from '../../base/snowflake.ts';
import { ALL, DEFAULT_EVERYONE, PERMISSIONS } from '../../protocol/permissions.ts';
import { missingFields, missingObjectFields } from '../../protocol/required-fields.ts';
import {
  ANN,
  Bench,
  BOT,
  CHANNEL,
  GUILD,
  ORIGIN,
  OWNER,
  ROLE,
  SlowStore,
  STRANGER,
  VOICE_CATEGORY,
} from './testing.ts';

const P = PERMISSIONS;

test('a created message is answered whole, dispatched once, and read back', async () => {
  const bench = await Bench.withUsers();
  const { status, body } = await bench.ask('createMessage', ANN, { content: 'hello', nonce: 42 });
  assert.equal(status, 200);
  assert.deepEqual(missingObjectFields('Message', body), []);
  assert.equal(body.nonce, 42);
  assert.equal(body.author.id, ANN);
  assert.equal(body.guild_id, undefined);
  assert.equal(bench.events.length, 1);
  const event = bench.last('MESSAGE_CREATE');
  assert.deepEqual(missingFields('MESSAGE_CREATE', event), []);
  assert.equal(event.guild_id, GUILD);
  assert.equal(event.nonce, 42);
  assert.equal(event.member.user, undefined);
  const got = await bench.ask('getMessage', OWNER, { message_id: body.id });
  assert.equal(got.body.content, 'hello');
  const page = await bench.ask('listMessages', OWNER, { limit: 50 });
  assert.deepEqual(
    page.body.map((message: { id: string }) => message.id),
    [body.id],
  );
});

test('bots without the content intent get an emptied variant, unless they are mentioned', async () => {
  const bench = await Bench.withUsers();
  await bench.ask('createMessage', ANN, { content: `hi <@${BOT}>`, embeds: [{ type: 'rich', title: 'x' }] });
  const [event] = bench.events;
  assert.equal((event?.lite as { content: string } | undefined)?.content, '');
  assert.deepEqual((event?.lite as { embeds: unknown[] } | undefined)?.embeds, []);
  assert.deepEqual([...(event?.content_for ?? [])].sort(), [ANN, BOT].sort());
});

test('a private channel says its type, no guild and no variant', async () => {
  const bench = await Bench.withUsers({ direct: true });
  await bench.ask('createMessage', ANN, { content: 'psst' });
  const [event] = bench.events;
  assert.deepEqual(missingFields('MESSAGE_CREATE', event?.d, 'dm'), []);
  assert.equal((event?.d as { channel_type: number } | undefined)?.channel_type, 1);
  assert.equal(event?.lite, undefined);
  assert.equal(event?.intents, 1 << 12);
});

test('what may not be sent is refused with its own code', async () => {
  const bench = await Bench.withUsers();
  const code = async (userId: string, args: { [key: string]: unknown }) =>
    (await bench.ask('createMessage', userId, args)).body.code;
  assert.equal(await code(ANN, { content: '  ' }), 50006);
  assert.equal(await code(ANN, {}), 50006);
  assert.equal(await code(STRANGER, { content: 'x' }), 50001);
  assert.equal(await code(ANN, { content: 'x', channel_id: '1' }), 10003);
  assert.equal(await code(OWNER, { content: 'x', channel_id: VOICE_CATEGORY }), 50008);
  assert.equal(await code(ANN, { content: 'x', tts: true }), 50013);
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.SEND_MESSAGES);
  assert.equal(await code(ANN, { content: 'x' }), 50013);
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.EMBED_LINKS);
  assert.equal(await code(ANN, { content: 'x', embeds: [{ type: 'rich' }] }), 50013);
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.READ_MESSAGE_HISTORY);
  const id = await bench.say(OWNER, 'first');
  assert.equal(await code(ANN, { content: 'x', message_reference: { message_id: id } }), 160002);
  assert.equal(bench.failure, undefined);
});

test('a reply shows what it answers and mentions its author; null once that is deleted', async () => {
  const bench = await Bench.withUsers();
  const first = await bench.say(OWNER, 'question');
  const reply = await bench.ask('createMessage', ANN, { content: 'answer', message_reference: { message_id: first } });
  assert.equal(reply.body.type, 19);
  assert.equal(reply.body.referenced_message.content, 'question');
  assert.deepEqual(
    reply.body.mentions.map((user: { id: string }) => user.id),
    [OWNER],
  );
  assert.deepEqual(missingObjectFields('Message', reply.body), []);
  const silent = await bench.ask('createMessage', ANN, {
    content: 'answer',
    message_reference: { message_id: first },
    allowed_mentions: { parse: [] },
  });
  assert.deepEqual(silent.body.mentions, []);
  await bench.ask('deleteMessage', OWNER, { message_id: first });
  const after = await bench.ask('getMessage', ANN, { message_id: reply.body.id });
  assert.equal(after.body.referenced_message, null);
  const gone = { content: 'late', message_reference: { message_id: first } };
  assert.equal((await bench.ask('createMessage', ANN, gone)).body.code, 50035);
  const anyway = { ...gone, message_reference: { message_id: first, fail_if_not_exists: false } };
  const sent = await bench.ask('createMessage', ANN, anyway);
  assert.equal(sent.body.type, 0);
});

test('everyone and roles are mentioned by those who may', async () => {
  const bench = await Bench.withUsers();
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.MENTION_EVERYONE);
  const content = `@everyone <@&${ROLE}> <@&${GUILD}> <@999999999999999999>`;
  const weak = await bench.ask('createMessage', ANN, { content });
  assert.equal(weak.body.mention_everyone, false);
  assert.deepEqual(weak.body.mention_roles, [ROLE]);
  assert.deepEqual(weak.body.mentions, []);
  const strong = await bench.ask('createMessage', OWNER, { content });
  assert.equal(strong.body.mention_everyone, true);
  const none = await bench.ask('createMessage', OWNER, { content, allowed_mentions: { parse: ['users'] } });
  assert.equal(none.body.mention_everyone, false);
  assert.deepEqual(none.body.mention_roles, []);
});

test('an enforced nonce gives the first message again: in flight, later, and after a crash', async () => {
  const bench = await Bench.withUsers();
  const args = { content: 'once', nonce: 'n-1', enforce_nonce: true };
  bench.store.hold();
  const twins = [bench.ask('createMessage', ANN, args), bench.ask('createMessage', ANN, args)];
  bench.store.release();
  const [first, second] = await Promise.all(twins);
  assert.equal(first?.body.id, second?.body.id);
  assert.equal((await bench.ask('createMessage', ANN, args)).body.id, first?.body.id);
  assert.equal(bench.events.length, 1);
  assert.notEqual((await bench.ask('createMessage', OWNER, args)).body.id, first?.body.id);

  const restarted = new Bench({ store: bench.store, clockMs: bench.clock.nowMs() + 60_000 });
  assert.equal((await restarted.ask('createMessage', ANN, args)).body.id, first?.body.id);
  const later = new Bench({ store: bench.store, clockMs: bench.clock.nowMs() + 301_000 });
  assert.notEqual((await later.ask('createMessage', ANN, args)).body.id, first?.body.id);
});

test('a nonce is free again once its message is deleted', async () => {
  const bench = await Bench.withUsers();
  const args = { content: 'once', nonce: 'n-1', enforce_nonce: true };
  const first = await bench.ask('createMessage', ANN, args);
  await bench.ask('deleteMessage', ANN, { message_id: first.body.id });
  const second = await bench.ask('createMessage', ANN, args);
  assert.notEqual(second.body.id, first.body.id);
});

test('ids rise after a restart with a clock that went back, also above deleted messages', async () => {
  const bench = await Bench.withUsers();
  await bench.say(ANN, 'one');
  const two = await bench.say(ANN, 'two');
  await bench.ask('deleteMessage', ANN, { message_id: two });
  const earlier = new Bench({ store: bench.store, clockMs: bench.clock.nowMs() - 3_600_000 });
  const three = await earlier.say(ANN, 'three');
  assert.ok(compareSnowflakes(three, two) > 0);
});

test('slow mode answers 429 with the time left, also after a restart, and spares moderators', async () => {
  const bench = await Bench.withUsers();
  const slow = (one: Bench): void => {
    const channel = one.fake.channel(CHANNEL);
    if (channel !== undefined) one.fake.setChannel({ ...channel, rate_limit_per_user: 10 });
  };
  slow(bench);
  await bench.say(ANN, 'one');
  bench.clock.advance(4_000);
  const refused = await bench.ask('createMessage', ANN, { content: 'two' });
  assert.equal(refused.status, 429);
  assert.equal(refused.body.code, 20016);
  assert.equal(refused.retryAfter, 6);
  const restarted = new Bench({ store: bench.store, clockMs: bench.clock.nowMs() });
  slow(restarted);
  assert.equal((await restarted.ask('createMessage', ANN, { content: 'two' })).status, 429);
  await bench.say(OWNER, 'a');
  assert.equal((await bench.ask('createMessage', OWNER, { content: 'b' })).status, 200);
  bench.clock.advance(6_000);
  assert.equal((await bench.ask('createMessage', ANN, { content: 'two' })).status, 200);
});

test('an edit keeps the timestamp, sends the whole message, and is the author’s alone', async () => {
  const bench = await Bench.withUsers();
  const created = await bench.ask('createMessage', ANN, { content: 'frist' });
  const message_id = created.body.id;
  bench.clock.advance(5_000);
  const edited = await bench.ask('editMessage', ANN, { message_id, content: 'first' });
  assert.equal(edited.body.content, 'first');
  const event = bench.last('MESSAGE_UPDATE');
  assert.deepEqual(missingFields('MESSAGE_UPDATE', event), []);
  assert.equal(event.timestamp, created.body.timestamp);
  assert.notEqual(event.edited_timestamp, null);
  assert.equal((await bench.ask('editMessage', OWNER, { message_id, content: 'mine' })).body.code, 50005);
  const hidden = await bench.ask('editMessage', OWNER, { message_id, flags: 4 });
  assert.equal(hidden.body.flags, 4);
  assert.equal(hidden.body.edited_timestamp, edited.body.edited_timestamp);
  assert.equal((await bench.ask('editMessage', BOT, { message_id, flags: 0 })).body.code, 50013);
  assert.equal((await bench.ask('editMessage', ANN, { message_id, content: '' })).body.code, 50006);
  assert.equal((await bench.ask('editMessage', ANN, { message_id: '5', content: 'x' })).body.code, 10008);
});

test('edits in flight build on each other', async () => {
  const bench = await Bench.withUsers();
  bench.store.hold();
  const created = bench.ask('createMessage', ANN, { content: 'a' });
  await new Promise((resolve) => setImmediate(resolve));
  const id = bench.fake.book.lastMessageId(CHANNEL) ?? '';
  const edits = [
    bench.ask('editMessage', ANN, { message_id: id, content: 'b' }),
    bench.ask('editMessage', OWNER, { message_id: id, flags: 4 }),
    bench.ask('addReaction', OWNER, { message_id: id, emoji: { id: null, name: '👍' } }),
    bench.ask('deleteMessage', ANN, { message_id: id }),
    bench.ask('editMessage', ANN, { message_id: id, content: 'c' }),
  ];
  bench.store.release();
  await created;
  const statuses = (await Promise.all(edits)).map(({ status }) => status);
  assert.deepEqual(statuses, [200, 200, 204, 204, 404]);
  assert.deepEqual(
    bench.events.map(({ t }) => t),
    ['MESSAGE_CREATE', 'MESSAGE_UPDATE', 'MESSAGE_UPDATE', 'MESSAGE_REACTION_ADD', 'MESSAGE_DELETE'],
  );
  assert.equal(await bench.store.message(CHANNEL, id), null);
  assert.equal(await bench.store.count('reaction', [id]), 0);
  assert.equal(bench.fake.book.inFlight, 0);
});

test('pages go by before, after and around, newest first, and need the history permission', async () => {
  const bench = await Bench.withUsers();
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await bench.say(ANN, String(n)));
  const page = async (args: { [key: string]: unknown }) =>
    (await bench.ask('listMessages', OWNER, args)).body.map((message: { content: string }) => message.content).join('');
  assert.equal(await page({ limit: 3 }), '654');
  assert.equal(await page({ limit: 3, before: ids[3] }), '210');
  assert.equal(await page({ limit: 3, after: ids[3] }), '654');
  assert.equal(await page({ limit: 2, after: ids[0] }), '21');
  assert.equal(await page({ limit: 3, around: ids[3] }), '432');
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE & ~P.READ_MESSAGE_HISTORY);
  assert.deepEqual((await bench.ask('listMessages', ANN, { limit: 3 })).body, []);
  assert.equal((await bench.ask('listMessages', STRANGER, { limit: 3 })).body.code, 50001);
});

test('identical pages in flight are read once', async () => {
  const bench = await Bench.withUsers();
  await bench.say(ANN, 'x');
  let reads = 0;
  const read = bench.store.messages.bind(bench.store);
  bench.store.messages = (...args) => {
    reads += 1;
    return read(...args);
  };
  const pages = await Promise.all(Array.from({ length: 10 }, () => bench.ask('listMessages', ANN, { limit: 50 })));
  assert.equal(reads, 1);
  assert.ok(pages.every(({ body }) => body.length === 1));
});

test('bulk delete refuses wrong counts, old and repeated messages, and tells of those that were there', async () => {
  const bench = await Bench.withUsers();
  const ids = [await bench.say(ANN, 'a'), await bench.say(ANN, 'b')];
  const code = async (userId: string, messages: string[]) =>
    (await bench.ask('bulkDelete', userId, { messages })).body?.code;
  assert.equal(await code(ANN, ids), 50013);
  assert.equal(await code(OWNER, ids.slice(0, 1)), 50016);
  assert.equal(await code(OWNER, [ids[0] ?? '', '175928847299117063']), 50034);
  assert.equal(await code(OWNER, [ids[0] ?? '', ids[0] ?? '']), 50035);
  const missing = String(BigInt(ids[1] ?? '0') + 1n);
  assert.equal(await code(OWNER, [...ids, missing]), undefined);
  const event = bench.last('MESSAGE_DELETE_BULK');
  assert.deepEqual(event.ids, ids);
  assert.deepEqual(missingFields('MESSAGE_DELETE_BULK', event), []);
  assert.deepEqual((await bench.ask('listMessages', OWNER, { limit: 50 })).body, []);
  const direct = await Bench.withUsers({ direct: true });
  assert.equal((await direct.ask('bulkDelete', OWNER, { messages: ids })).body.code, 50003);
});

test('others’ messages are deleted with MANAGE_MESSAGES, and never in a private channel', async () => {
  const bench = await Bench.withUsers();
  const id = await bench.say(OWNER, 'x');
  assert.equal((await bench.ask('deleteMessage', ANN, { message_id: id })).body.code, 50013);
  bench.fake.granted.set(ANN, DEFAULT_EVERYONE | P.MANAGE_MESSAGES);
  assert.equal((await bench.ask('deleteMessage', ANN, { message_id: id })).status, 204);
  assert.deepEqual(bench.last('MESSAGE_DELETE'), { id, channel_id: CHANNEL, guild_id: GUILD });
  assert.equal((await bench.ask('deleteMessage', ANN, { message_id: id })).body.code, 10008);
  const direct = await Bench.withUsers({ direct: true });
  direct.fake.granted.set(ANN, ALL);
  const theirs = await direct.say(OWNER, 'x');
  assert.equal((await direct.ask('deleteMessage', ANN, { message_id: theirs })).body.code, 50003);
});

test('a webhook speaks under its own name and reaches only its own messages', async () => {
  const bench = await Bench.withUsers();
  const as = { webhook_id: '1000000000000000099', author: { username: 'Hook', avatar: null } };
  const sent = await bench.ask('createMessage', STRANGER, { content: 'beep', as });
  assert.equal(sent.body.author.username, 'Hook');
  assert.equal(sent.body.webhook_id, as.webhook_id);
  assert.deepEqual(missingFields('MESSAGE_CREATE', { ...bench.last('MESSAGE_CREATE'), member: undefined }, 'dm'), []);
  const other = await bench.say(ANN, 'x');
  const refused = await bench.ask('editMessage', STRANGER, { message_id: other, content: 'y', as });
  assert.equal(refused.body.code, 10008);
  assert.equal((await bench.ask('getMessage', STRANGER, { message_id: other, as })).body.code, 10008);
  assert.equal((await bench.ask('getMessage', STRANGER, { message_id: sent.body.id, as })).body.content, 'beep');
  const edited = await bench.ask('editMessage', STRANGER, { message_id: sent.body.id, content: 'boop', as });
  assert.equal(edited.body.content, 'boop');
});

test('attachments are shown at the reader’s origin, and an embed finds them by name', async () => {
  const bench = await Bench.withUsers();
  const attachments = [{ id: '1000000000000000077', filename: 'a.png', content_type: 'image/png', size: 3 }];
  const embeds = [{ type: 'rich', image: { url: 'attachment://a.png' } }];
  const { body } = await bench.ask('createMessage', ANN, { attachments, embeds });
  const url = `${ORIGIN}/attachments/${CHANNEL}/1000000000000000077/a.png`;
  assert.equal(body.attachments[0].url, url);
  assert.equal(body.embeds[0].image.url, url);
  assert.deepEqual(missingObjectFields('Message', body), []);
  const hidden = await bench.ask('editMessage', OWNER, { message_id: body.id, flags: 4 });
  assert.deepEqual(hidden.body.embeds, []);
  const shown = await bench.ask('editMessage', OWNER, { message_id: body.id, flags: 0 });
  assert.equal(shown.body.embeds[0].image.url, url);
  const row = await bench.store.get('attachment', [CHANNEL, '1000000000000000077']);
  assert.deepEqual(row, { message_id: body.id, filename: 'a.png', size: 3 });
  await bench.ask('editMessage', ANN, { message_id: body.id, attachments: [], content: 'text now' });
  assert.equal(await bench.store.get('attachment', [CHANNEL, '1000000000000000077']), null);
});

test('a message of an announcement channel is published once', async () => {
  const bench = await Bench.withUsers();
  const message_id = await bench.say(ANN, 'news');
  assert.equal((await bench.ask('crosspost', ANN, { message_id })).body.code, 50024);
  const channel = bench.fake.channel(CHANNEL);
  if (channel !== undefined) bench.fake.setChannel({ ...channel, type: 5 });
  assert.equal((await bench.ask('crosspost', BOT, { message_id })).body.code, 50013);
  for (let n = 0; n < 2; n += 1) assert.equal((await bench.ask('crosspost', ANN, { message_id })).body.flags, 1);
  assert.equal(bench.events.filter(({ t }) => t === 'MESSAGE_UPDATE').length, 1);
});

test('a commit that fails ends the topic and answers an error', async () => {
  const store = new SlowStore();
  const bench = new Bench({ store });
  store.commit = () => Promise.reject(new Error('disk full'));
  const { status } = await bench.ask('createMessage', ANN, { content: 'x' });
  assert.equal(status, 500);
  assert.match(String(bench.failure), /disk full/);
  assert.equal(bench.events.length, 0);
});
