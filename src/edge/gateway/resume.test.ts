import assert from 'node:assert/strict';
import { constants, createInflate } from 'node:zlib';
import { test } from 'node:test';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { forgetSavedEvents, restoreSessions, saveSessions } from '../../service/session/saved.ts';
import { MemoryStore } from '../../state/store/memory.ts';
import { storedBlocks } from './frames.ts';
import {
  BOT,
  type Client,
  type Frame,
  GUILD,
  OTHER_GUILD,
  PERSON,
  World,
  type WorldOptions,
} from './world.test-helper.ts';

function worldTest(name: string, use: (world: World) => Promise<void>, options: WorldOptions = {}): void {
  test(name, async () => {
    const world = new World(options);
    await world.fill();
    try {
      await use(world);
      assert.deepEqual(world.logged, []);
    } finally {
      await world.close();
    }
  });
}

const TOPIC = `guild:${GUILD}`;
const message = (id: string, content = ''): Uint8Array => encodeDispatch('MESSAGE_CREATE', { id, content });
const brief = (frames: readonly Frame[]): unknown[] => frames.map(({ op, t, s, d }) => [t ?? op, s, d?.id ?? d]);

async function resume(w: World, sessionId: string, seq: number, thread = 0, token = 'bot'): Promise<Client> {
  const client = w.connect(undefined, thread);
  client.take();
  client.say(6, { token, session_id: sessionId, seq });
  await w.settle();
  return client;
}

worldTest('RESUME replays what was missed with its numbers, then RESUMED with the next', async (w) => {
  const { client, sessionId } = await w.ready();
  w.say(TOPIC, {}, message('a'));
  await w.settle();
  client.socket.leave(1006);
  for (const id of ['b', 'c']) w.say(TOPIC, {}, message(id));
  await w.settle();
  const back = await resume(w, sessionId, 2);
  assert.deepEqual(brief(back.take()), [
    ['MESSAGE_CREATE', 3, 'a'],
    ['MESSAGE_CREATE', 4, 'b'],
    ['MESSAGE_CREATE', 5, 'c'],
    ['RESUMED', 6, {}],
  ]);
  w.say(TOPIC, {}, message('d'));
  await w.settle();
  assert.deepEqual(brief(back.take()), [['MESSAGE_CREATE', 7, 'd']]);
});

for (const code of [1006, 4000, 4200, 4901, 1012, 3000, 1005]) {
  worldTest(`a client that closes with ${code} may resume`, async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(code);
    const back = await resume(w, sessionId, 2);
    assert.deepEqual(brief(back.take()), [['RESUMED', 3, {}]]);
  });
}

for (const code of [1000, 1001]) {
  worldTest(`a client that closes with ${code} has ended its session`, async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(code);
    const back = await resume(w, sessionId, 2);
    assert.deepEqual(brief(back.take()), [[9, null, false]]);
    assert.equal(w.topics.get(TOPIC)?.sessions.size, 0, 'and its topics know');
  });
}

worldTest('a close that we began keeps the session, whatever code the client echoes', async (w) => {
  const { client, sessionId } = await w.ready();
  client.socket.write('{');
  assert.equal(client.closed, 4002);
  const back = await resume(w, sessionId, 2);
  assert.deepEqual(brief(back.take()), [['RESUMED', 3, {}]]);
});

worldTest('an unknown session, and that of another account, get op 9, and the socket may identify', async (w) => {
  const { sessionId } = await w.ready();
  for (const [id, token] of [
    ['nothing', 'bot'],
    [sessionId, 'person'],
  ] as const) {
    const client = await resume(w, id, 1, 0, token);
    assert.deepEqual(brief(client.take()), [[9, null, false]]);
    client.identify({ token: 'person', shard: [token === 'bot' ? 0 : 1, 16] });
    await w.settle();
    assert.ok(client.take().some(({ t }) => t === 'READY'));
  }
});

worldTest('a sequence that was never sent closes with 4007', async (w) => {
  const { client, sessionId } = await w.ready();
  client.socket.leave(1006);
  const back = await resume(w, sessionId, 3);
  assert.equal(back.closed, 4007);
});

worldTest('a session is kept for the resume window, then its topics forget it', async (w) => {
  const { client, sessionId } = await w.ready();
  client.socket.leave(1006);
  await w.node.advance(299_000);
  assert.equal(w.relays[0]?.sessions.size, 1);
  await w.node.advance(2_000);
  assert.equal(w.relays[0]?.sessions.size, 0);
  assert.equal(w.topics.get(TOPIC)?.sessions.size, 0);
  assert.deepEqual(brief((await resume(w, sessionId, 2)).take()), [[9, null, false]]);
});

worldTest('what a heartbeat acknowledged is forgotten: a RESUME from before it gets op 9', async (w) => {
  const { client, sessionId } = await w.ready();
  w.say(TOPIC, {}, message('a'));
  await w.settle();
  client.say(1, 3);
  assert.equal(w.relays[0]?.sessions.byId(sessionId)?.kept.count, 0);
  assert.equal(w.relays[0]?.privateLog.entries, 0);
  client.socket.leave(1006);
  assert.deepEqual(brief((await resume(w, sessionId, 2)).take()), [[9, null, false]]);
  assert.equal(w.relays[0]?.sessions.size, 0);
});

worldTest('a heartbeat with a forged sequence forgets no more than was sent', async (w) => {
  const { client, sessionId } = await w.ready();
  for (const d of [10 ** 9, -5, 1.5, 'x', {}, [], true]) client.say(1, d);
  w.say(TOPIC, {}, message('a'));
  await w.settle();
  client.socket.leave(1006);
  assert.deepEqual(brief((await resume(w, sessionId, 2)).take()), [
    ['MESSAGE_CREATE', 3, 'a'],
    ['RESUMED', 4, {}],
  ]);
});

worldTest(
  'a session whose replay fell out of the log gets op 9, never a gap',
  async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(1006);
    for (let i = 0; i < 40; i += 1) w.say(TOPIC, {}, message(String(i), 'x'.repeat(500)));
    await w.settle();
    assert.deepEqual(brief((await resume(w, sessionId, 2)).take()), [[9, null, false]]);
  },
  { relay: { log: { bytesMax: 8_192, entriesMax: 1_024, ageMaxMs: 1e9, slabBytes: 2_048 } } },
);

worldTest(
  'a session that missed more events than are kept gets op 9',
  async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(1006);
    for (let i = 0; i < 30; i += 1) w.say(TOPIC, {}, message(String(i)));
    await w.settle();
    await w.node.advance(1_000);
    const back = await resume(w, sessionId, 2);
    assert.deepEqual(brief(back.take()), [[9, null, false]]);
  },
  { relay: { replayEventsMax: 20 } },
);

worldTest('a newer connection takes a live session over; the old one is closed', async (w) => {
  const { client, sessionId } = await w.ready();
  const back = await resume(w, sessionId, 2);
  assert.equal(client.closed, 4000);
  assert.deepEqual(brief(back.take()), [['RESUMED', 3, {}]]);
  w.say(TOPIC, {}, message('a'));
  await w.settle();
  assert.deepEqual(brief(back.take()), [['MESSAGE_CREATE', 4, 'a']]);
});

worldTest('events lost on their way to the thread end the sessions with op 9', async (w) => {
  const { client } = await w.ready();
  const relay = w.relays[0];
  relay?.topics.gap(w.node.of('actor').thread);
  assert.deepEqual(brief(client.take()), [[9, null, false]]);
  assert.equal(relay?.sessions.size, 0);
  client.identify({ shard: [1, 16] });
  await w.settle();
  assert.ok(client.take().some(({ t }) => t === 'READY'));
});

// ---- between threads

worldTest(
  'a session moves to the thread where its client comes back',
  async (w) => {
    const { client, sessionId } = await w.ready();
    w.say(TOPIC, {}, message('a'));
    await w.settle();
    client.socket.leave(1006);
    w.say(TOPIC, {}, message('b'));
    await w.settle();
    const back = await resume(w, sessionId, 2, 1);
    assert.deepEqual(brief(back.take()), [
      ['MESSAGE_CREATE', 3, 'a'],
      ['MESSAGE_CREATE', 4, 'b'],
      ['RESUMED', 5, {}],
    ]);
    assert.deepEqual(
      w.relays.map(({ sessions }) => sessions.size),
      [0, 1],
    );
    w.say(TOPIC, {}, message('c'));
    await w.settle();
    assert.deepEqual(brief(back.take()), [['MESSAGE_CREATE', 6, 'c']]);
    assert.equal(w.relays[0]?.privateLog.entries, 0);
  },
  { threads: 2 },
);

worldTest(
  'a wrong sequence after a move is refused and the session goes on',
  async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(1006);
    assert.equal((await resume(w, sessionId, 99, 1)).closed, 4007);
    assert.deepEqual(brief((await resume(w, sessionId, 2, 0)).take()), [['RESUMED', 3, {}]]);
  },
  { threads: 2 },
);

worldTest(
  'a topic that starts anew during a move loses nobody',
  async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(1006);
    w.tell(TOPIC, { k: 'crash' });
    const back = await resume(w, sessionId, 2, 1);
    await w.node.advance(2_000);
    w.say(TOPIC, {}, message('a'));
    await w.settle();
    assert.deepEqual(brief(back.take()), [
      ['RESUMED', 3, {}],
      ['MESSAGE_CREATE', 4, 'a'],
    ]);
  },
  { threads: 2 },
);

worldTest(
  'a topic that does not let go ends the session with op 9 on both sides',
  async (w) => {
    const { client, sessionId } = await w.ready();
    client.socket.leave(1006);
    const relay = w.relays[0];
    const session = relay?.sessions.byId(sessionId);
    assert.ok(relay !== undefined && session !== undefined);
    const topic = w.topics.get(TOPIC);
    assert.ok(topic !== undefined);
    topic.handleCast = () => {};
    const back = await resume(w, sessionId, 2, 1);
    assert.deepEqual(back.take(), []);
    await w.node.advance(6_000);
    assert.deepEqual(brief(back.take()), [[9, null, false]]);
    assert.deepEqual(
      w.relays.map(({ sessions }) => sessions.size),
      [0, 0],
    );
  },
  { threads: 2 },
);

// ---- slow consumers

worldTest('a slow consumer sheds lossy events, and catches up when it reads again', async (w) => {
  const { client } = await w.ready();
  client.take();
  client.socket.windowBytes = 0;
  const big = 'x'.repeat(40_000);
  for (let i = 0; i < 3; i += 1) w.say(TOPIC, {}, message(`big ${i}`, big));
  await w.settle();
  for (let i = 0; i < 5; i += 1) w.say(TOPIC, { lossy: true }, encodeDispatch('TYPING_START', { id: String(i) }));
  w.say(TOPIC, {}, message('after'));
  await w.settle();
  assert.equal(w.relays[0]?.stats().lossyShed, 5);
  client.socket.open(Number.POSITIVE_INFINITY);
  await w.settle();
  w.say(TOPIC, { lossy: true }, encodeDispatch('TYPING_START', { id: 'now' }));
  await w.settle();
  assert.deepEqual(
    client.take().map(({ s, d }) => [s, d.id]),
    [
      [3, 'big 0'],
      [4, 'big 1'],
      [5, 'big 2'],
      [6, 'after'],
      [7, 'now'],
    ],
  );
});

worldTest('a consumer whose queue is full is closed resumably and counted, and misses nothing', async (w) => {
  const { client, sessionId } = await w.ready();
  client.socket.windowBytes = 0;
  const big = 'x'.repeat(30_000);
  for (let i = 0; i < 40; i += 1) w.say(TOPIC, {}, message(String(i), big));
  await w.settle();
  assert.equal(client.closed, 4000);
  assert.equal(w.relays[0]?.stats().slowCloses, 1);
  assert.ok(client.socket.received.length < 10);
  const back = await resume(w, sessionId, 2);
  const frames = back.take();
  assert.deepEqual(
    frames.slice(0, -1).map(({ s, d }) => [s, d.id]),
    Array.from({ length: 40 }, (_, i) => [i + 3, String(i)]),
  );
  assert.equal(frames.at(-1)?.t, 'RESUMED');
});

worldTest('one slow consumer does not hold up the others', async (w) => {
  const slow = (await w.ready()).client;
  const fast = (await w.ready({ token: 'person' })).client;
  slow.socket.windowBytes = 0;
  for (let i = 0; i < 100; i += 1) w.say(TOPIC, {}, message(String(i), 'x'.repeat(5_000)));
  await w.settle();
  assert.equal(fast.take().filter(({ t }) => t === 'MESSAGE_CREATE').length, 100);
});

worldTest('snapshots wait for a client that does not read', async (w) => {
  for (let i = 0; i < 30; i += 1) {
    const guild = String(BigInt(OTHER_GUILD) + BigInt(i) * (1n << 22n));
    await w.store.commit([{ op: 'put', table: 'user_guild', key: [BOT, guild], doc: { guild_id: guild } }]);
  }
  const { frames } = await w.ready();
  assert.equal(frames.filter(({ t }) => t === 'GUILD_CREATE').length, 31);
  assert.equal(w.relays[0]?.sessions.ofUser(BOT)[0]?.joining, null);
});

worldTest('frames of one turn go out in one write', async (w) => {
  const { client } = await w.ready();
  const before = client.socket.corks;
  for (let i = 0; i < 10; i += 1) w.say(TOPIC, {}, message(String(i)));
  await w.settle();
  assert.equal(client.take().filter(({ t }) => t === 'MESSAGE_CREATE').length, 10);
  assert.ok(client.socket.corks - before <= 2);
});

// ---- a clean stop

test('sessions outlive a clean stop: what was missed before, between and after is replayed once, on whatever thread', async () => {
  const store = new MemoryStore();
  const before = new World({ store, threads: 2 });
  await before.fill();
  const bot = await before.ready();
  const person = await before.ready({ token: 'person' }, 1);
  before.say(TOPIC, {}, message('a'));
  await before.settle();
  bot.client.socket.leave(1006);
  before.say(TOPIC, {}, message('b'));
  await before.settle();
  const stop = before.gateways.map((gateway) => gateway.reconnectAll(10));
  assert.ok(person.client.take().some(({ d }) => d?.id === 'b'));
  const late = before.connect();
  late.say(6, { token: 'bot', session_id: bot.sessionId, seq: 2 });
  await before.settle();
  await Promise.all(stop);
  assert.equal(person.client.closed, 1012);
  assert.deepEqual(
    late.take().map(({ op }) => op),
    [10],
    'who comes during the stop waits',
  );
  for (const relay of before.relays) await saveSessions(relay, store);
  await before.close();

  const after = new World({ store, threads: 3 });
  const restoring = Promise.all(after.relays.map((relay) => restoreSessions(relay, store)));
  await after.settle();
  assert.equal(
    (await restoring).reduce((sum, n) => sum + n, 0),
    2,
  );
  assert.equal(after.topics.get(TOPIC)?.sessions.size, 2, 'attached before the port opens');
  assert.equal((await store.list('session', [], { after: 's/', before: 's0' })).length, 0);
  await forgetSavedEvents(store);
  assert.equal(await store.count('session', []), 0);
  after.say(TOPIC, {}, message('c'));
  await after.settle();
  for (let thread = 0; thread < 2; thread += 1) {
    const session = thread === 0 ? bot : person;
    const back = await resume(after, session.sessionId, 2, thread, thread === 0 ? 'bot' : 'person');
    assert.deepEqual(brief(back.take()), [
      ['MESSAGE_CREATE', 3, 'a'],
      ['MESSAGE_CREATE', 4, 'b'],
      ...(session === person ? [] : []),
      ['MESSAGE_CREATE', 5, 'c'],
      ['RESUMED', 6, {}],
    ]);
    after.say(TOPIC, { only: [thread === 0 ? BOT : PERSON] }, message('d'));
    await after.settle();
    assert.deepEqual(brief(back.take()), [['MESSAGE_CREATE', 7, 'd']]);
  }
  await after.close();
});

test('a saved session that has expired is not restored', async () => {
  const store = new MemoryStore();
  const before = new World({ store });
  await before.fill();
  const { client } = await before.ready();
  client.socket.leave(1006);
  await saveSessions(before.relays[0]!, store);
  await before.close();
  const after = new World({ store });
  after.node.clock.advance(301_000);
  assert.equal(await restoreSessions(after.relays[0]!, store), 0);
  assert.equal((await store.list('session', [], { after: 's/', before: 's0' })).length, 0);
  await after.close();
});

// ---- zlib-stream

async function inflate(frames: readonly { bytes: Uint8Array; isBinary: boolean }[]): Promise<Frame[]> {
  const stream = createInflate({ flush: constants.Z_SYNC_FLUSH });
  const out: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => out.push(chunk));
  const decoded: Frame[] = [];
  for (const { bytes, isBinary } of frames) {
    assert.ok(isBinary);
    assert.deepEqual([...bytes.slice(-4)], [0, 0, 0xff, 0xff]);
    out.length = 0;
    await new Promise<void>((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve())));
    decoded.push(JSON.parse(Buffer.concat(out).toString()) as Frame);
  }
  return decoded;
}

worldTest('zlib-stream is one stream for the connection: HELLO, replies and events alike, each flushed', async (w) => {
  const client = w.connect('v=10&encoding=json&compress=zlib-stream');
  client.say(1, null);
  assert.equal(w.gateways[0]?.deflates.used, 0, 'no compressor before there is a session');
  client.identify();
  await w.settle();
  assert.equal(w.gateways[0]?.deflates.used, 1);
  for (let i = 0; i < 5; i += 1) w.say(TOPIC, {}, message(String(i), 'x'.repeat(1_000)));
  await w.settle();
  client.say(1, 3);
  await w.settle();
  // The portable compressor works off the thread: its frames come when it has them.
  while (client.socket.received.length < 10) await new Promise((resolve) => setImmediate(resolve));
  const frames = await inflate(client.socket.received);
  assert.deepEqual(
    frames.map(({ op, t }) => t ?? op),
    [10, 11, 'READY', 'GUILD_CREATE', ...Array(5).fill('MESSAGE_CREATE'), 11],
  );
  assert.deepEqual(
    frames.filter(({ op }) => op === 0).map(({ s }) => s),
    [1, 2, 3, 4, 5, 6, 7],
  );
  assert.ok((client.socket.received.at(-2)?.bytes.length ?? 0) < 200, 'it is compressed');
  client.socket.leave(1006);
  assert.equal(w.gateways[0]?.deflates.used, 0);
});

test('stored blocks of any length inflate to the message', async () => {
  const long = JSON.stringify({ op: 0, d: 'x'.repeat(200_000) });
  const [frame] = await inflate([{ bytes: storedBlocks(new TextEncoder().encode(long), true), isBinary: true }]);
  assert.equal(frame?.d.length, 200_000);
});

worldTest(
  'when all compressors are in use, sessions are sent stored blocks',
  async (w) => {
    const taken = Array.from({ length: 2_000 }, () => w.gateways[0]?.deflates.take()).filter(
      (stream) => stream !== null,
    );
    const client = w.connect('v=10&compress=zlib-stream');
    client.identify();
    await w.settle();
    const frames = await inflate(client.socket.received);
    assert.deepEqual(
      frames.map(({ op, t }) => t ?? op),
      [10, 'READY', 'GUILD_CREATE'],
    );
    assert.ok(taken.length < 2_000);
  },
  { gateway: { createDeflate: () => ({ compress() {}, close() {}, queuedBytes: 0 }) } },
);
