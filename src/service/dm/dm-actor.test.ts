import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorContext, Message } from '../../actor/types.ts';
import { ManualClock } from '../../base/clock.ts';
import { SnowflakeGenerator } from '../../base/snowflake.ts';
import { missingFields, missingObjectFields } from '../../protocol/required-fields.ts';
import { MemoryStore } from '../../state/store/memory.ts';
import { ANN, BOT, OWNER, userRecord } from '../channel/testing.ts';
import { DmActor } from './dm-actor.ts';

const DM = '1000000000000000200';

async function start(channel = true, other = ANN) {
  const store = new MemoryStore();
  const doc = (value: unknown) => value as { [key: string]: unknown };
  await store.commit([OWNER, other].map((id) => ({ op: 'put', table: 'user', key: [id], doc: doc(userRecord(id)) })));
  if (channel) {
    const record = { id: DM, type: 1, flags: 0, last_pin_timestamp: null, recipient_ids: [OWNER, other] };
    await store.commit([{ op: 'put', table: 'channel', key: [DM, DM], doc: record }]);
  }
  const emitted: { topic: string; intents: number; frame: { t: string; d: { [key: string]: unknown } } }[] = [];
  const clock = new ManualClock(1_750_000_000_000);
  const context = {
    pid: 1,
    clock,
    runtime: { threads: (kind: string) => (kind === 'actor' ? [{ index: 3, kind }] : []) },
    cast: (to: { name: string }, { k, event, bytes }: Message) => {
      assert.equal(k, 'emit');
      const { intents } = event as { intents: number };
      emitted.push({ topic: to.name, intents, frame: JSON.parse(new TextDecoder().decode(bytes)) });
    },
    sendAfter: () => ({ cancel: () => {} }),
    stop: () => {},
  } as unknown as ActorContext;
  const actor = new DmActor(`dm:${DM}`, {
    store,
    ids: new SnowflakeGenerator(clock, 1, 1),
    dataDir: '',
    log: () => {},
    watchThreads: () => () => {},
  });
  await actor.init(context);
  const ask = async (op: string, user_id: string, args: { [key: string]: unknown }) => {
    const requester = { user_id, bot: false, application_id: null };
    const all = { channel_id: DM, origin: 'http://x', ...args };
    const reply = await actor.handleCall({ k: 'request', op, requester, reason: null, args: all });
    const { bytes } = reply;
    return {
      status: reply.status,
      body: bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes)),
    };
  };
  return { ask, emitted };
}

test('a message reaches both recipients’ topics, after the channel itself', async () => {
  const { ask, emitted } = await start();
  assert.equal((await ask('createMessage', ANN, { content: 'psst' })).status, 200);
  await ask('createMessage', OWNER, { content: 'yes?' });
  assert.deepEqual(
    emitted.map(({ topic, frame }) => `${topic.slice(-2)} ${frame.t}`),
    [
      '11 CHANNEL_CREATE',
      '11 MESSAGE_CREATE',
      '12 CHANNEL_CREATE',
      '12 MESSAGE_CREATE',
      '11 MESSAGE_CREATE',
      '12 MESSAGE_CREATE',
    ],
  );
  assert.ok(emitted.every(({ intents }) => intents === 1 << 12));
  const [shown, said] = emitted;
  assert.deepEqual(missingObjectFields('DmChannel', shown?.frame.d), []);
  assert.deepEqual(
    (shown?.frame.d['recipients'] as { id: string }[] | undefined)?.map(({ id }) => id),
    [ANN],
  );
  assert.deepEqual(missingFields('MESSAGE_CREATE', said?.frame.d, 'dm'), []);
  assert.equal(said?.frame.d['channel_type'], 1);
});

test('a bot gets the messages of a private channel without the channel', async () => {
  const { ask, emitted } = await start(true, BOT);
  await ask('createMessage', OWNER, { content: 'psst' });
  assert.deepEqual(
    emitted.map(({ topic, frame }) => `${topic.slice('user:'.length)} ${frame.t}`),
    [`${OWNER} CHANNEL_CREATE`, `${OWNER} MESSAGE_CREATE`, `${BOT} MESSAGE_CREATE`],
  );
});

test('reactions, typing, pins and edits go with the intents of private channels', async () => {
  const { ask, emitted } = await start();
  const { body } = await ask('createMessage', ANN, { content: 'x' });
  emitted.length = 0;
  await ask('addReaction', OWNER, { message_id: body.id, emoji: { id: null, name: '👍' } });
  await ask('typing', OWNER, {});
  assert.equal((await ask('pinMessage', OWNER, { message_id: body.id })).status, 204);
  assert.deepEqual(
    [...new Set(emitted.map(({ frame, intents }) => `${frame.t} ${Math.log2(intents)}`))],
    ['MESSAGE_REACTION_ADD 13', 'TYPING_START 14', 'MESSAGE_UPDATE 12', 'CHANNEL_PINS_UPDATE 12', 'MESSAGE_CREATE 12'],
  );
  for (const { frame } of emitted) assert.deepEqual(missingFields(frame.t as 'MESSAGE_CREATE', frame.d, 'dm'), []);
});

test('nobody else gets in, and a channel that is not there is unknown', async () => {
  const { ask } = await start();
  assert.equal((await ask('createMessage', BOT, { content: 'x' })).body.code, 50001);
  const missing = await start(false);
  assert.equal((await missing.ask('createMessage', ANN, { content: 'x' })).body.code, 10003);
});
