import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { ALL_INTENTS, INTENTS } from '../../protocol/intents.ts';
import { BOT, type Client, GUILD, OTHER_GUILD, PERSON, World, type WorldOptions } from './world.test-helper.ts';

async function withWorld(options: WorldOptions, use: (world: World) => Promise<void>): Promise<void> {
  const world = new World(options);
  await world.fill();
  try {
    await use(world);
    assert.deepEqual(world.logged, []);
  } finally {
    await world.close();
  }
}

function worldTest(name: string, use: (world: World) => Promise<void>, options: WorldOptions = {}): void {
  test(name, () => withWorld(options, use));
}

const message = (id: string): Uint8Array => encodeDispatch('MESSAGE_CREATE', { id });
const ids = (client: Client): string[] =>
  client
    .take()
    .filter(({ t }) => t === 'MESSAGE_CREATE')
    .map(({ d }) => d.id);

// ---- hello and identify

worldTest('HELLO comes first, and IDENTIFY is answered with READY and a GUILD_CREATE per guild', async (w) => {
  const client = w.connect();
  assert.deepEqual(
    client.take().map(({ op, d }) => [op, d.heartbeat_interval]),
    [[10, 41_250]],
  );
  client.identify();
  await w.settle();
  const [ready, guild, ...rest] = client.take();
  assert.equal(ready?.t, 'READY');
  assert.equal(ready?.s, 1);
  assert.deepEqual(ready?.d.guilds, [{ id: GUILD, unavailable: true }]);
  assert.equal(ready?.d.resume_gateway_url, 'ws://localhost:8080');
  assert.equal(ready?.d.user.id, BOT);
  assert.equal(ready?.d.v, 10);
  assert.equal('shard' in ready.d, false);
  assert.deepEqual(ready?.d.private_channels, []);
  assert.equal(guild?.t, 'GUILD_CREATE');
  assert.equal(guild?.s, 2);
  assert.deepEqual(rest, []);
});

worldTest(
  'a configured public URL is what clients are told',
  async (w) => {
    const { frames } = await w.ready();
    assert.equal(frames.find(({ t }) => t === 'READY')?.d.resume_gateway_url, 'wss://chat.example');
  },
  { gateway: { publicUrl: 'https://chat.example/' } },
);

worldTest('a heartbeat is answered at any time, before IDENTIFY too', async (w) => {
  const client = w.connect();
  client.say(1, null);
  client.say(1, 0);
  client.say(1, 251);
  assert.deepEqual(
    client.take().map(({ op }) => op),
    [10, 11, 11, 11],
  );
  assert.equal(client.closed, undefined);
});

worldTest('version 9 is served as version 10; another closes with 4012, another encoding with 4002', async (w) => {
  assert.equal((await w.ready({}, 0, 'v=9')).frames.find(({ t }) => t === 'READY')?.d.v, 9);
  assert.equal(w.connect('v=8').closed, 4012);
  assert.equal(w.connect('v=x').closed, 4012);
  assert.equal(w.connect('v=10&encoding=etf').closed, 4002);
  assert.equal(w.connect('v=10').closed, undefined);
  assert.equal(w.connect('v=10&compress=zstd-stream').closed, undefined);
});

for (const [name, extra] of Object.entries({
  'Eris, with the token as Bot xxx and a status of its own': {
    token: 'Bot bot',
    v: 10,
    compress: false,
    large_threshold: 250,
    presence: { activities: null, afk: false, since: null, status: 'offline' },
    properties: { os: 'linux', browser: 'Eris', device: 'Eris' },
  },
  'oceanic, compress as text': { token: 'Bot bot', compress: 'zlib-stream', shard: [0, 1] },
  'discordgo, old property names and an old presence': {
    token: 'Bot bot',
    compress: true,
    properties: { $os: 'linux', $browser: 'x', $device: '', $referer: '' },
    presence: { since: null, game: { name: '', type: 0, created_at: '0001-01-01T00:00:00Z' }, status: '', afk: false },
  },
  hikari: { compress: false, capabilities: 0, presence: { since: null, game: null, status: 'online', afk: false } },
  'with nulls': { shard: null, presence: null, compress: null, large_threshold: null, properties: null },
})) {
  worldTest(`IDENTIFY as written by ${name}`, async (w) => {
    const { frames, client } = await w.ready(extra);
    assert.deepEqual(
      frames.filter(({ op }) => op === 0).map(({ t }) => t),
      ['READY', 'GUILD_CREATE'],
    );
    assert.equal(client.closed, undefined);
  });
}

worldTest('payloads in binary frames are read as text is', async (w) => {
  const client = w.connect();
  const text = JSON.stringify({ op: 2, d: { token: 'bot', intents: 1, properties: {} } });
  client.socket.write(new TextEncoder().encode(text), true);
  await w.settle();
  assert.ok(client.take().some(({ t }) => t === 'READY'));
});

worldTest('without the GUILDS intent there is no GUILD_CREATE, and events come all the same', async (w) => {
  const { client, frames } = await w.ready({ intents: INTENTS.GUILD_MESSAGES });
  assert.deepEqual(
    frames.map(({ t }) => t),
    [null, 'READY'],
  );
  w.say(`guild:${GUILD}`, { intents: INTENTS.GUILD_MESSAGES }, message('1'));
  await w.settle();
  assert.deepEqual(ids(client), ['1']);
});

worldTest('a person needs no intents and no privileges', async (w) => {
  const { frames } = await w.ready({ token: 'person', intents: undefined });
  assert.equal(frames.find(({ t }) => t === 'READY')?.d.user.id, PERSON);
  assert.equal(frames.find(({ t }) => t === 'READY')?.d.application.id, PERSON);
  assert.equal(w.relays[0]?.sessions.ofUser(PERSON)[0]?.intents, ALL_INTENTS);
});

worldTest("guilds are divided among shards, and the user's own events go to shard 0", async (w) => {
  // (100000000000000001 >> 22) % 2 and (100000000008388608 >> 22) % 2 differ.
  await w.store.commit([{ op: 'put', table: 'user_guild', key: [BOT, OTHER_GUILD], doc: { guild_id: OTHER_GUILD } }]);
  const shard = (id: string): number => Number((BigInt(id) >> 22n) % 2n);
  const clients = [await w.ready({ shard: [0, 2] }), await w.ready({ shard: [1, 2] })];
  for (const [at, { frames }] of clients.entries()) {
    const ready = frames.find(({ t }) => t === 'READY');
    assert.deepEqual(ready?.d.shard, [at, 2]);
    const expected = [GUILD, OTHER_GUILD].filter((id) => shard(id) === at);
    assert.deepEqual(
      ready?.d.guilds.map(({ id }: { id: string }) => id),
      expected,
    );
  }
  w.say(`user:${BOT}`, { intents: INTENTS.DIRECT_MESSAGES }, message('dm'));
  w.say(`user:${BOT}`, { intents: 0 }, encodeDispatch('INTERACTION_CREATE', {}));
  await w.settle();
  assert.deepEqual(
    clients[0]?.client.take().map(({ t }) => t),
    ['INTERACTION_CREATE'],
  );
  assert.deepEqual(clients[1]?.client.take(), []);
});

worldTest('a guild that READY named and that is gone is answered with GUILD_DELETE', async (w) => {
  w.tell(`guild:${GUILD}`, { k: 'expel', user: BOT });
  await w.settle();
  const { frames } = await w.ready();
  assert.deepEqual(frames.map(({ t, d }) => [t, d.id]).slice(2), [['GUILD_DELETE', GUILD]]);
});

// ---- how connections close

const CLOSES: Readonly<Record<string, [number, unknown]>> = {
  'a wrong token': [4004, { op: 2, d: { token: 'nobody', intents: 0, properties: {} } }],
  'no token': [4004, { op: 2, d: { intents: 0, properties: {} } }],
  'a token of the wrong type': [4004, { op: 2, d: { token: 7, intents: 0 } }],
  'a shard outside its count': [4010, { op: 2, d: { token: 'bot', intents: 0, shard: [2, 2] } }],
  'a shard that is none': [4010, { op: 2, d: { token: 'bot', intents: 0, shard: [0] } }],
  'a fractional shard': [4010, { op: 2, d: { token: 'bot', intents: 0, shard: [0.5, 2] } }],
  'negative intents': [4013, { op: 2, d: { token: 'bot', intents: -1 } }],
  'intents as text': [4013, { op: 2, d: { token: 'bot', intents: '1' } }],
  'no intents': [4013, { op: 2, d: { token: 'bot' } }],
  'unknown intents': [4013, { op: 2, d: { token: 'bot', intents: 1 << 30 } }],
  'IDENTIFY without data': [4002, { op: 2, d: null }],
  'IDENTIFY with a list': [4002, { op: 2, d: [] }],
  'a presence before IDENTIFY': [4003, { op: 3, d: { status: 'online', activities: [], since: null, afk: false } }],
  'a voice state before IDENTIFY': [4003, { op: 4, d: {} }],
  'a member request before IDENTIFY': [4003, { op: 8, d: {} }],
  'an unknown opcode': [4001, { op: 99, d: null }],
  'an opcode of the server': [4001, { op: 0, d: null, t: 'READY', s: 1 }],
  'HELLO from a client': [4001, { op: 10, d: null }],
  'an opcode as text': [4002, { op: '1', d: null }],
  'no opcode': [4002, { d: null }],
  'a fractional opcode': [4002, { op: 1.5 }],
  'RESUME without data': [4002, { op: 6, d: null }],
  'RESUME with a sequence as text': [4002, { op: 6, d: { token: 'bot', session_id: 'x', seq: '1' } }],
  'RESUME with a negative sequence': [4007, { op: 6, d: { token: 'bot', session_id: 'x', seq: -1 } }],
  'RESUME with a wrong token': [4004, { op: 6, d: { token: 'nobody', session_id: 'x', seq: 1 } }],
};

for (const [name, [code, payload]] of Object.entries(CLOSES)) {
  worldTest(`${name} closes with ${code}`, async (w) => {
    const client = w.connect();
    client.socket.write(JSON.stringify(payload));
    await w.settle();
    assert.equal(client.closed, code);
    assert.equal(w.relays[0]?.sessions.size, 0);
    assert.equal(w.gateways[0]?.connections, 0);
  });
}

for (const [name, bytes] of Object.entries({
  'text that is not JSON': '{"op":',
  nothing: '',
  'a list': '[]',
  null: 'null',
  'a number': '7',
  'bytes that are not UTF-8': new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]),
  'nesting without end': '['.repeat(2_000) + ']'.repeat(2_000),
  'more than 4,096 bytes': JSON.stringify({ op: 1, d: 'x'.repeat(4_096) }),
})) {
  worldTest(`${name} closes with 4002`, async (w) => {
    const client = w.connect();
    client.socket.write(bytes);
    assert.equal(client.closed, 4002);
  });
}

worldTest('4,096 bytes are still read', async (w) => {
  const client = w.connect();
  const empty = JSON.stringify({ op: 1, d: '' }).length;
  client.say(1, 'x'.repeat(4_096 - empty));
  assert.equal(client.closed, undefined);
  client.say(1, 'x'.repeat(4_097 - empty));
  assert.equal(client.closed, 4002);
});

worldTest('a second IDENTIFY closes with 4005, while the first is under way and after', async (w) => {
  const early = w.connect();
  early.identify();
  early.identify();
  assert.equal(early.closed, 4005);
  const { client } = await w.ready({ shard: [1, 16] });
  client.identify();
  assert.equal(client.closed, 4005);
  const resumer = await w.ready({ shard: [2, 16] });
  resumer.client.say(6, { token: 'bot', session_id: 'x', seq: 1 });
  assert.equal(resumer.client.closed, 4005);
});

worldTest('privileged intents that the application was not given close with 4014', async (w) => {
  const application = await w.store.get<{ privileged: string[] }>('application', [BOT]);
  const doc = { ...application, privileged: ['content'] };
  await w.store.commit([{ op: 'put', table: 'application', key: [BOT], doc }]);
  for (const [intents, code] of [
    [INTENTS.GUILD_MEMBERS, 4014],
    [INTENTS.GUILD_PRESENCES, 4014],
    [INTENTS.MESSAGE_CONTENT, undefined],
  ] as const) {
    const client = w.connect();
    client.identify({ intents, shard: [intents & 7, 16] });
    await w.settle();
    assert.equal(client.closed, code);
  }
});

worldTest('more than 120 events in a minute close with 4008; heartbeats are counted apart', async (w) => {
  const { client } = await w.ready();
  for (let i = 0; i < 100; i += 1) client.say(1, null);
  // IDENTIFY was the first.
  for (let i = 1; i < 120; i += 1) client.say(43, {});
  assert.equal(client.closed, undefined);
  client.say(43, {});
  assert.equal(client.closed, 4008);
  const other = await w.ready({ shard: [1, 16] });
  for (let i = 1; i < 120; i += 1) other.client.say(43, {});
  await w.node.advance(60_000);
  other.client.say(43, {});
  assert.equal(other.client.closed, undefined);
});

worldTest('a connection that does not identify is closed after a minute, heartbeats or not', async (w) => {
  const client = w.connect();
  await w.node.advance(59_000);
  client.say(1, null);
  w.gateways[0]?.sweep();
  assert.equal(client.closed, undefined);
  await w.node.advance(1_000);
  client.say(1, null);
  w.gateways[0]?.sweep();
  assert.equal(client.closed, 4009);
});

worldTest('a client that falls silent is asked for a heartbeat, then closed; its session waits', async (w) => {
  const { client, sessionId } = await w.ready();
  await w.node.advance(46_300);
  w.gateways[0]?.sweep();
  w.gateways[0]?.sweep();
  assert.deepEqual(
    client.take().map(({ op }) => op),
    [1],
    'asked once',
  );
  await w.node.advance(15_000);
  w.gateways[0]?.sweep();
  assert.equal(client.closed, 4000);
  assert.ok(w.relays[0]?.sessions.byId(sessionId));
});

worldTest('5,000 unidentified sockets of one address leave identified clients alone', async (w) => {
  const { client } = await w.ready();
  const others = Array.from({ length: 5_000 }, () => w.connect());
  assert.equal(w.gateways[0]?.connections, 5_001);
  assert.equal(w.relays[0]?.sessions.size, 1);
  w.say(`guild:${GUILD}`, {}, message('1'));
  await w.settle();
  assert.deepEqual(ids(client), ['1']);
  for (const other of others) other.socket.leave(1006);
  assert.equal(w.gateways[0]?.connections, 1);
});

// ---- identify concurrency

worldTest(
  'an account identifies once per key in five seconds; op 9 leaves the socket usable',
  async (w) => {
    await w.ready({ shard: [0, 32] });
    const same = w.connect();
    same.identify({ shard: [16, 32] });
    const other = w.connect(undefined, 1);
    other.identify({ shard: [1, 32] });
    const person = w.connect(undefined, 1);
    person.identify({ token: 'person' });
    await w.settle();
    assert.deepEqual(
      same.take().map(({ op, d }) => (op === 9 ? d : op)),
      [10, false],
    );
    assert.ok(other.take().some(({ t }) => t === 'READY'));
    assert.ok(person.take().some(({ t }) => t === 'READY'));
    await w.node.advance(5_000);
    same.identify({ shard: [16, 32] });
    await w.settle();
    assert.ok(
      same.take().some(({ t }) => t === 'READY'),
      'identifies anew on the same socket',
    );
  },
  { threads: 2 },
);

worldTest(
  'with rate limits off nobody queues',
  async (w) => {
    for (let i = 0; i < 5; i += 1) assert.ok((await w.ready()).frames.some(({ t }) => t === 'READY'));
  },
  { gateway: { rateLimits: false } },
);

// ---- who hears what

worldTest('events go by intent, channel, user and session', async (w) => {
  const bot = (await w.ready({ intents: INTENTS.GUILDS | INTENTS.GUILD_MESSAGES })).client;
  const person = (await w.ready({ token: 'person', intents: undefined })).client;
  const topic = `guild:${GUILD}`;
  w.tell(topic, { k: 'view', user: BOT, view: ['1'] });
  w.say(topic, { intents: INTENTS.GUILD_MESSAGES, channel: '1' }, message('both'));
  w.say(topic, { intents: INTENTS.GUILD_MESSAGES, channel: '2' }, message('hidden'));
  w.say(topic, { intents: INTENTS.GUILD_MESSAGE_TYPING }, message('typing'));
  w.say(topic, { intents: 0, only: [BOT] }, message('only bot'));
  w.say(topic, { intents: 0, except: [BOT] }, message('not bot'));
  w.say(topic, { intents: INTENTS.GUILD_MEMBERS, always: [BOT] }, message('always bot'));
  w.say(topic, { intents: INTENTS.GUILD_MEMBERS, only: [BOT] }, message('bot lacks the intent'));
  const [session] = w.relays[0]?.sessions.ofUser(PERSON) ?? [];
  w.say(topic, { intents: 0, session: session?.key }, message('chunk'));
  await w.settle();
  assert.deepEqual(ids(bot), ['both', 'only bot', 'always bot']);
  assert.deepEqual(ids(person), ['both', 'hidden', 'typing', 'not bot', 'always bot', 'chunk']);
});

worldTest(
  'message content goes to those who may see it: people, bots with the intent, and whom the message concerns',
  async (w) => {
    const seer = (await w.ready({ intents: INTENTS.GUILD_MESSAGES | INTENTS.MESSAGE_CONTENT })).client;
    const lite = (await w.ready({ intents: INTENTS.GUILD_MESSAGES })).client;
    const person = (await w.ready({ token: 'person', intents: INTENTS.GUILD_MESSAGES })).client;
    const say = (n: number, extra: object): void => {
      const full = encodeDispatch('MESSAGE_CREATE', { id: `${n} full`, content: 'secret' });
      const without = encodeDispatch('MESSAGE_CREATE', { id: `${n} lite`, content: '' });
      w.say(`guild:${GUILD}`, { split: full.length, ...extra }, Buffer.concat([full, without]));
    };
    say(1, {});
    say(2, { content_for: [BOT] });
    await w.settle();
    assert.deepEqual(ids(seer), ['1 full', '2 full']);
    assert.deepEqual(ids(lite), ['1 lite', '2 full']);
    assert.deepEqual(ids(person), ['1 full', '2 full']);
  },
  { gateway: { rateLimits: false } },
);

worldTest('a member that leaves hears nothing more; one that joins gets the guild', async (w) => {
  const { client } = await w.ready();
  w.tell(`guild:${GUILD}`, { k: 'expel', user: BOT });
  w.say(`guild:${GUILD}`, {}, message('not yours'));
  w.say(`user:${BOT}`, { intents: 0, join: OTHER_GUILD }, new Uint8Array(0));
  await w.settle();
  w.say(`guild:${OTHER_GUILD}`, {}, message('welcome'));
  await w.settle();
  assert.deepEqual(
    client.take().map(({ t, d, s }) => [t, d.id, s]),
    [
      ['GUILD_CREATE', OTHER_GUILD, 3],
      ['MESSAGE_CREATE', 'welcome', 4],
    ],
  );
});

worldTest('a topic that starts anew hears of its sessions again', async (w) => {
  const { client } = await w.ready();
  w.tell(`guild:${GUILD}`, { k: 'crash' });
  await w.settle();
  await w.node.advance(1_000);
  w.say(`guild:${GUILD}`, {}, message('1'));
  await w.settle();
  assert.deepEqual(ids(client), ['1']);
});

worldTest('an attach without an answer is asked again', async (w) => {
  const relay = w.relays[0];
  const { client } = await w.ready();
  const [session] = relay?.sessions.ofUser(BOT) ?? [];
  assert.ok(session !== undefined && relay !== undefined);
  // As if the question or its answer had been lost.
  relay.topics.expect(session, `guild:${OTHER_GUILD}`);
  await w.node.advance(12_000);
  w.say(`guild:${OTHER_GUILD}`, {}, message('1'));
  await w.settle();
  assert.deepEqual(ids(client), ['1']);
});

// ---- opcodes of a session

worldTest('a presence goes to the guilds, five in twenty seconds, and of the rest the last', async (w) => {
  const { client } = await w.ready({ presence: { status: 'idle', activities: [], since: null, afk: false } });
  const topic = w.topics.get(`guild:${GUILD}`);
  const attach = topic?.heard.find(({ k }) => k === 'attach');
  assert.equal((attach?.['presence'] as { status: string } | undefined)?.status, 'idle');
  for (let i = 0; i < 8; i += 1)
    client.say(3, { status: 'dnd', activities: [{ name: String(i), type: 0 }], since: null, afk: false });
  await w.settle();
  const names = (): unknown[] =>
    (topic?.heard ?? [])
      .filter(({ k }) => k === 'presence')
      .map(({ presence }) => (presence as { activities: { name: string }[] }).activities[0]?.name);
  assert.deepEqual(names(), ['0', '1', '2', '3', '4']);
  await w.node.advance(20_000);
  client.say(1, null);
  w.gateways[0]?.sweep();
  await w.settle();
  assert.deepEqual(names(), ['0', '1', '2', '3', '4', '7']);
  client.say(3, 'x');
  assert.equal(client.closed, 4002);
});

worldTest('who identifies without a presence is online', async (w) => {
  await w.ready({});
  const attach = w.topics.get(`guild:${GUILD}`)?.heard.find(({ k }) => k === 'attach');
  assert.deepEqual(attach?.['presence'], { status: 'online', activities: [], since: null, afk: false });
});

worldTest('a voice state is validated and handed to the guild', async (w) => {
  const { client } = await w.ready();
  client.socket.write(
    `{"op":4,"d":{"guild_id":${GUILD},"channel_id":123456789012345678,"self_mute":true,"self_deaf":false}}`,
  );
  client.say(4, { guild_id: OTHER_GUILD, channel_id: '1', self_mute: false, self_deaf: false });
  client.say(4, { guild_id: GUILD, channel_id: null, self_mute: false, self_deaf: false });
  await w.settle();
  const heard = w.topics.get(`guild:${GUILD}`)?.heard.filter(({ k }) => k === 'voice') ?? [];
  assert.deepEqual(
    heard.map((voice) => [voice['channel_id'], voice['self_mute']]),
    [
      ['123456789012345678', true],
      [null, false],
    ],
  );
  assert.equal(w.topics.get(`guild:${OTHER_GUILD}`), undefined, 'a guild it is not in hears nothing');
  client.say(4, { guild_id: 'x', channel_id: null });
  assert.equal(client.closed, 4002);
});

for (const [name, d] of Object.entries({
  'no guild': { query: '', limit: 0 },
  'a query of the wrong type': { guild_id: GUILD, query: 1, limit: 0 },
  'a negative limit': { guild_id: GUILD, query: '', limit: -1 },
  'too many ids': { guild_id: GUILD, user_ids: Array.from({ length: 101 }, (_, i) => String(i + 1)) },
  'ids that are none': { guild_id: GUILD, user_ids: ['x'] },
  'a nonce of the wrong type': { guild_id: GUILD, query: '', limit: 0, nonce: {} },
})) {
  worldTest(`a member request with ${name} closes with 4002`, async (w) => {
    const { client } = await w.ready();
    client.say(8, d);
    assert.equal(client.closed, 4002);
  });
}

worldTest('member requests reach the guild, whole lists only so often', async (w) => {
  const { client } = await w.ready();
  client.say(8, { guild_id: GUILD, query: 'a', limit: 5, nonce: 'n' });
  client.say(8, { guild_id: GUILD, user_ids: BOT, presences: true });
  for (let i = 0; i < 11; i += 1) client.say(8, { guild_id: GUILD, query: '', limit: 0, nonce: 'x'.repeat(33) });
  await w.settle();
  const heard = w.topics.get(`guild:${GUILD}`)?.heard.filter(({ k }) => k === 'members') ?? [];
  assert.equal(heard.length, 12);
  assert.deepEqual(
    heard.slice(0, 3).map(({ query, limit, user_ids, presences, nonce }) => [query, limit, user_ids, presences, nonce]),
    [
      ['a', 5, null, false, 'n'],
      [null, 0, [BOT], true, null],
      ['', 0, null, false, null],
    ],
  );
  const limited = client.take().filter(({ t }) => t === 'RATE_LIMITED');
  assert.equal(limited.length, 1);
  assert.equal(limited[0]?.d.opcode, 8);
  assert.ok(limited[0]?.d.retry_after > 0);
});

worldTest('soundboard requests are answered for each guild of the session', async (w) => {
  const { client } = await w.ready();
  client.say(31, { guild_ids: [GUILD, OTHER_GUILD] });
  await w.settle();
  assert.deepEqual(
    client.take().map(({ t, d }) => [t, d]),
    [['SOUNDBOARD_SOUNDS', { guild_id: GUILD, soundboard_sounds: [] }]],
  );
});

// ---- revocation

worldTest('a revoked token ends the sessions that began with it, with 4004, and no others', async (w) => {
  const one = (await w.ready({ token: 'person' })).client;
  await w.node.advance(5_000);
  const two = await w.ready({ token: 'person2' });
  const relay = { thread: w.node.of('io').thread, name: 'relay' };
  w.node.runtime(0).cast(relay, { k: 'revoked', user_id: PERSON, hashes: ['b'.repeat(64)] });
  await w.settle();
  assert.equal(one.closed, 4004);
  assert.equal(two.client.closed, undefined);
  two.client.socket.leave(1006);
  await w.node.runtime(0).call(relay, { k: 'revoked', user_id: PERSON });
  assert.equal(w.relays[0]?.sessions.size, 0, 'a waiting session ends too');
});
