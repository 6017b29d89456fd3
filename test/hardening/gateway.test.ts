// The gateway against clients that err, lie and flood: each gets the protocol's own close code, and nobody else notices.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { GUILDS_PER_SHARD_MAX } from '../../src/edge/gateway/gateway.ts';
import { openOffline } from '../../src/state/store/offline.ts';
import { GatewayClient, TEST_INTENTS } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';
import { BINARY, CONTINUATION, frame, RawGateway, TEXT } from './raw.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const RUNS = 250;

describe(`the gateway's door (seed ${SEED})`, { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  let bot: { id: string; token: string };
  /** Identified before all harm, and served after it. */
  let witness: GatewayClient;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
    bot = server.bot(guild, 'subject');
    witness = await GatewayClient.identify(server.origin, { token: server.bot(guild, 'witness').token });
    await witness.dispatch('GUILD_CREATE');
  });

  after(async () => {
    witness?.cut();
    await server?.dispose();
  });

  const identified = async (query?: string): Promise<GatewayClient> => {
    const client = await GatewayClient.identify(server.origin, { token: bot.token }, query);
    await client.dispatch('GUILD_CREATE');
    return client;
  };

  async function serves(): Promise<void> {
    const content = `still here ${Math.random()}`;
    const sent = await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, { content });
    assert.equal(sent.status, 200);
    await witness.dispatch('MESSAGE_CREATE', (d) => d.content === content);
    assert.doesNotMatch(server.stderr, /"level":"error"/);
  }

  async function closesWith(code: number, act: (client: GatewayClient) => void, query?: string): Promise<void> {
    const client = await GatewayClient.connect(server.origin, query);
    act(client);
    assert.equal(await client.closed(), code);
  }

  describe('close codes', () => {
    const identify = (fields: object) => (client: GatewayClient) =>
      client.send(2, { token: bot.token, intents: 0, properties: {}, ...fields });

    it('4001: an opcode that there is not', async () => {
      for (const op of [0, 5, 7, 9, 10, 11, 12, 99, -1]) await closesWith(4001, (client) => client.send(op, null));
    });

    it('4002: what is not a payload', async () => {
      for (const text of [
        '',
        'null',
        '1',
        '"x"',
        '[]',
        '{',
        '{}',
        '{"op":"1"}',
        '{"op":1.5}',
        '{"op":null}',
        `${'['.repeat(2000)}`,
      ]) {
        await closesWith(4002, (client) => client.sendRaw(text));
      }
      await closesWith(4002, (client) => client.sendRaw(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])));
      for (const d of [null, 1, 'x', [], true]) {
        await closesWith(4002, (client) => client.send(2, d));
        await closesWith(4002, (client) => client.send(6, d));
      }
      await closesWith(4002, () => {}, 'v=10&encoding=etf').catch(async () => {
        // It closes before HELLO.
        const client = new GatewayClient(`${server.origin.replace('http', 'ws')}/?v=10&encoding=etf`);
        assert.equal(await client.closed(), 4002);
      });
    });

    it('4003: something before IDENTIFY', async () => {
      for (const op of [3, 4, 8, 31, 43])
        await closesWith(4003, (client) => client.send(op, { guild_id: guild.guildId }));
    });

    it('4004: no token, a wrong one, one of another shape', async () => {
      for (const token of [
        undefined,
        1,
        null,
        {},
        '',
        'x',
        'Bot ',
        `${bot.token}x`,
        bot.token.slice(0, -1),
        '\0',
        'x'.repeat(3000),
      ]) {
        await closesWith(4004, identify({ token }));
      }
    });

    it('4005: IDENTIFY or RESUME twice', async () => {
      for (const op of [2, 6]) {
        const client = await identified();
        client.send(op, { token: bot.token, intents: 0, properties: {}, session_id: client.sessionId, seq: 1 });
        assert.equal(await client.closed(), 4005);
      }
      await closesWith(4005, (client) => {
        identify({})(client);
        identify({})(client);
      });
    });

    it('4007: a sequence that never was', async () => {
      const client = await identified();
      client.cut();
      // Well beyond: events of others go on for the session while it is away.
      for (const seq of [-1, 1.5, 2 ** 40, Number.MAX_SAFE_INTEGER, client.sequence! + 1_000]) {
        const late = await GatewayClient.resume(server.origin, { token: bot.token, session_id: client.sessionId, seq });
        assert.equal(await late.closed(), 4007, `seq ${seq}`);
      }
    });

    it('4008: more than 120 messages a minute, heartbeats apart', async () => {
      const client = await identified();
      for (let i = 0; i < 119; i += 1) client.send(3, { status: 'online', since: null, afk: false, activities: [] });
      for (let i = 0; i < 100; i += 1) client.send(1, null);
      await client.count((payload) => payload.op === 11, 100);
      assert.equal(client.closeCode, undefined);
      client.send(3, { status: 'idle', since: null, afk: false, activities: [] });
      client.send(3, { status: 'idle', since: null, afk: false, activities: [] });
      assert.equal(await client.closed(), 4008);
    });

    it('4010: a shard that cannot be', async () => {
      for (const shard of [
        [1, 1],
        [-1, 1],
        [0, 0],
        [0],
        [0, 1, 2],
        ['0', '1'],
        'x',
        7,
        {},
        [0.5, 2],
        [2 ** 60, 2 ** 61],
      ]) {
        await closesWith(4010, identify({ shard }));
      }
    });

    it('4012: a version that is not spoken', async () => {
      for (const version of ['6', '11', 'x', '']) {
        const client = new GatewayClient(`${server.origin.replace('http', 'ws')}/?v=${version}&encoding=json`);
        assert.equal(await client.closed(), 4012, `v=${version}`);
      }
    });

    it('4013: intents that are none; 4014: such as the application may not have', async () => {
      for (const intents of [-1, 1.5, 'x', {}, [], 2 ** 40, null, undefined])
        await closesWith(4013, identify({ intents }));
      const plain = server.bot(guild, 'unprivileged', 'none');
      for (const intents of [1 << 1, 1 << 8, 1 << 15])
        await closesWith(4014, identify({ token: plain.token, intents }));
    });
  });

  it('a heartbeat is answered before IDENTIFY, whatever it says; unknown keys mean nothing', async () => {
    const client = await GatewayClient.connect(server.origin);
    for (const d of [null, 0, 251, -1, 'x', {}, [], 2 ** 60]) client.send(1, d);
    client.sendRaw('{"op":1}');
    await client.count((payload) => payload.op === 11, 9);
    client.sendRaw(
      JSON.stringify({
        op: 2,
        s: 4,
        t: 'X',
        extra: { deep: [1] },
        d: {
          token: bot.token,
          intents: 513,
          properties: { $os: 1, odd: {} },
          compress: false,
          guild_subscriptions: 7,
          nonsense: [[]],
          presence: 'x',
        },
      }),
    );
    await client.dispatch('READY');
    await client.dispatch('GUILD_CREATE');
    client.cut();
  });

  it('keys like __proto__, and keys given twice, are harmless', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) {
      const client = await GatewayClient.connect(server.origin);
      client.sendRaw(
        `{"op":99,"op":2,"${key}":{"polluted":1},"d":{"token":"x","token":${JSON.stringify(bot.token)},"intents":1,"${key}":{"token":1,"polluted":1},"properties":{"${key}":{}}}}`,
      );
      const ready = await client.dispatch('READY');
      assert.equal(ready.d.polluted, undefined);
      client.cut();
    }
  });

  describe('the limit of 4,096 bytes', () => {
    const padded = (bytes: number): string => {
      const empty = JSON.stringify({ op: 1, d: null, x: '' });
      return JSON.stringify({ op: 1, d: null, x: 'x'.repeat(bytes - empty.length) });
    };
    const cut = (text: string, size: number, opcode = TEXT): Buffer => {
      const parts: Buffer[] = [];
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += size) {
        parts.push(frame(at === 0 ? opcode : CONTINUATION, bytes.subarray(at, at + size), at + size >= bytes.length));
      }
      return Buffer.concat(parts);
    };

    it('4,096 bytes are taken, whole and in fragments of any size', async () => {
      for (const size of [4096, 2048, 1000, 1]) {
        const gateway = await RawGateway.connect(server.port);
        gateway.connection.write(cut(padded(4096), size));
        assert.equal((await gateway.payload()).op, 11);
        gateway.end();
      }
    });

    it('one more is 4002, whole and in fragments', async () => {
      for (const size of [4097, 4096, 100]) {
        for (const bytes of [4097, 16 * 1024]) {
          const gateway = await RawGateway.connect(server.port);
          gateway.connection.write(cut(padded(bytes), size));
          assert.equal(await gateway.closeCode(), 4002, `${bytes} in ${size}`);
          gateway.end();
        }
      }
    });

    it('far more ends the connection, and is not kept', async () => {
      for (const size of [17 * 1024, 1000, 1 << 20]) {
        const gateway = await RawGateway.connect(server.port);
        gateway.connection.write(cut(padded(size === 1 << 20 ? 4 << 20 : 40_000), size));
        assert.ok([4002, 1006, 1009].includes(await gateway.closeCode()));
        gateway.end();
      }
      // Fragments without an end.
      const gateway = await RawGateway.connect(server.port);
      gateway.connection.write(frame(TEXT, 'x'.repeat(4000), false));
      for (let i = 0; i < 20 && !gateway.connection.isClosed; i += 1) {
        gateway.connection.write(frame(CONTINUATION, 'x'.repeat(4000), false));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await gateway.connection.closed();
    });

    it('binary frames are read as text', async () => {
      const gateway = await RawGateway.connect(server.port);
      gateway.connection.write(cut(padded(300), 70, BINARY));
      assert.equal((await gateway.payload()).op, 11);
      gateway.connection.write(
        frame(BINARY, JSON.stringify({ op: 2, d: { token: bot.token, intents: 1, properties: {} } })),
      );
      assert.equal((await gateway.payload()).t, 'READY');
      gateway.end();
    });
  });

  it('frames that RFC 6455 forbids end their connection only', async () => {
    const unmasked = Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('{}')]);
    const reserved = frame(TEXT, '{"op":1}');
    reserved[0] = (reserved[0] as number) | 0x40;
    const vectors = [
      unmasked,
      reserved,
      frame(3, 'x'),
      frame(11, 'x'),
      frame(9, 'x'.repeat(126)),
      frame(9, 'x', false),
      frame(CONTINUATION, 'x'),
    ];
    for (const bytes of vectors) {
      const gateway = await RawGateway.connect(server.port);
      gateway.connection.write(bytes);
      // Some are let pass by the parser (a mask is not demanded): then the payload is judged.
      gateway.connection.write(frame(TEXT, '{'));
      await gateway.connection.closed();
    }
    await serves();
  });

  describe('RESUME', () => {
    it('with the token of another, or of a session that is not, is op 9; the socket may identify then', async () => {
      const client = await identified();
      client.cut();
      const foreign = await GatewayClient.resume(server.origin, {
        token: guild.ownerToken,
        session_id: client.sessionId,
        seq: 1,
      });
      assert.equal((await foreign.next((payload) => payload.op === 9)).d, false);
      for (const id of [
        '',
        'x',
        client.sessionId.slice(1),
        '../../x',
        '__proto__',
        '\0'.repeat(32),
        'a'.repeat(3000),
      ]) {
        const late = await GatewayClient.resume(server.origin, { token: bot.token, session_id: id, seq: 1 });
        assert.equal((await late.next((payload) => payload.op === 9)).d, false);
        late.send(2, { token: bot.token, intents: 1, properties: {} });
        await late.dispatch('READY');
        late.cut();
      }
      // The foreigner did the session no harm.
      const back = await GatewayClient.resume(server.origin, {
        token: bot.token,
        session_id: client.sessionId,
        seq: client.sequence!,
      });
      await back.dispatch('RESUMED');
      back.cut();
      foreign.cut();
    });

    it('with a wrong token is 4004, with fields of wrong types 4002', async () => {
      await closesWith(4004, (client) => client.send(6, { token: 'x', session_id: 'x', seq: 1 }));
      for (const d of [
        {},
        { token: 1, session_id: 'x', seq: 1 },
        { token: 'x', session_id: 1, seq: 1 },
        { token: 'x', session_id: 'x', seq: 'x' },
      ]) {
        await closesWith(4002, (client) => client.send(6, d));
      }
    });
  });

  it('ids of 64 bits are read exactly when they come as JSON numbers', async () => {
    const client = await identified();
    client.sendRaw(`{"op":8,"d":{"guild_id":${guild.guildId},"user_ids":[${bot.id},${guild.ownerId}],"nonce":"n"}}`);
    const chunk = await client.dispatch('GUILD_MEMBERS_CHUNK', (d) => d.nonce === 'n');
    assert.deepEqual(chunk.d.members.map((member: any) => member.user.id).sort(), [bot.id, guild.ownerId].sort());
    client.sendRaw(
      `{"op":4,"d":{"guild_id":${guild.guildId},"channel_id":${guild.voiceChannelId},"self_mute":0,"self_deaf":1}}`,
    );
    const state = await client.dispatch('VOICE_STATE_UPDATE', (d) => d.channel_id === guild.voiceChannelId);
    assert.equal(state.d.user_id, bot.id);
    client.sendRaw(
      `{"op":3,"d":{"status":"idle","since":${Date.now()},"afk":false,"activities":[{"name":"n","type":0,"application_id":${bot.id}}]}}`,
    );
    await witness.dispatch('PRESENCE_UPDATE', (d) => d.user.id === bot.id && d.status === 'idle');
    client.cut();
  });

  it('presence updates pass on at most five in 20 s', async () => {
    const client = await identified();
    const game = (i: number): void =>
      client.send(3, { status: 'dnd', since: null, afk: false, activities: [{ name: `game ${i}`, type: 0 }] });
    const isGame = (d: any): boolean => d.user.id === bot.id && d.activities[0]?.name.startsWith('game ') === true;
    // Each seen before the next is sent, because the guild sends only the last of those that come close together.
    for (let i = 0; i < 5; i += 1) {
      game(i);
      await witness.dispatch('PRESENCE_UPDATE', (d) => isGame(d) && d.activities[0].name === `game ${i}`);
    }
    const start = witness.received.length;
    for (let i = 5; i < 40; i += 1) game(i);
    client.send(1, null);
    await client.next((payload) => payload.op === 11);
    // Several times as long as the guild collects changes for.
    await new Promise((resolve) => setTimeout(resolve, 600));
    await serves();
    assert.deepEqual(
      witness.received.slice(start).filter(({ t, d }) => t === 'PRESENCE_UPDATE' && isGame(d)),
      [],
    );
    client.cut();
  });

  it('zlib-stream is one stream; a session goes on in one', async () => {
    const client = await identified('v=10&encoding=json&compress=zlib-stream');
    const content = 'compressed '.repeat(100).trim();
    await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, { content });
    await client.dispatch('MESSAGE_CREATE', (d) => d.content === content);
    client.sendRaw('{');
    assert.equal(await client.closed(), 4002);
  });

  it('permessage-deflate is declined', async () => {
    for (const offer of [
      'permessage-deflate',
      'permessage-deflate; client_max_window_bits',
      'permessage-deflate; server_no_context_takeover, x-webkit-deflate-frame',
    ]) {
      const gateway = await RawGateway.connect(server.port, [
        `Sec-WebSocket-Extensions: ${offer}`,
        'Sec-WebSocket-Protocol: json, x',
      ]);
      assert.equal(gateway.reply.headers.get('sec-websocket-extensions'), undefined);
      assert.equal(gateway.reply.headers.get('sec-websocket-protocol'), undefined);
      gateway.end();
    }
  });

  describe('random frames harm nobody', () => {
    const wrong = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom<unknown>(
        null,
        -1,
        0,
        1,
        1.5,
        2 ** 53,
        1e308,
        '',
        '0',
        '-1',
        'x',
        '\0',
        '\ud800',
        [],
        {},
        [[]],
        [null],
        true,
        '99999999999999999999999',
        [1, 'x', null],
      ),
      fc.constantFrom<unknown>('GUILD', 'CHANNEL', 'TOKEN', 'BOT'),
    );
    const fields = [
      'token',
      'intents',
      'properties',
      'shard',
      'presence',
      'large_threshold',
      'compress',
      'session_id',
      'seq',
      'guild_id',
      'guild_ids',
      'channel_id',
      'self_mute',
      'self_deaf',
      'self_video',
      'query',
      'limit',
      'user_ids',
      'presences',
      'nonce',
      'status',
      'since',
      'afk',
      'activities',
      'game',
      '__proto__',
      'constructor',
      'toString',
    ];
    const payload = fc.record({
      op: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(1, 2, 3, 4, 6, 8, 31, 43) },
        { weight: 1, arbitrary: wrong },
      ),
      d: fc.oneof(
        { weight: 6, arbitrary: fc.dictionary(fc.constantFrom(...fields), wrong, { maxKeys: 8 }) },
        { weight: 1, arbitrary: wrong },
      ),
    });
    const real = (text: string): string =>
      text
        .replaceAll('"GUILD"', `"${guild.guildId}"`)
        .replaceAll('"CHANNEL"', guild.voiceChannelId)
        .replaceAll('"BOT"', bot.id)
        .replaceAll('"TOKEN"', JSON.stringify(bot.token));
    const text = fc.oneof(
      { weight: 6, arbitrary: payload.map((value) => ({ text: JSON.stringify(value) })) },
      { weight: 1, arbitrary: fc.string({ maxLength: 200 }).map((value) => ({ text: value })) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((value) => ({ bytes: Buffer.from(value) })) },
    );
    type Message = { text: string } | { bytes: Buffer };
    const CLOSE_CODES = new Set([1006, ...Array.from({ length: 15 }, (_, i) => 4000 + i)]);

    /** Each batch on a connection; the client is unknown or identified. An error of ours (4000) is a failure. */
    async function suffers(messages: readonly Message[], isIdentified: boolean): Promise<void> {
      const client = isIdentified
        ? await GatewayClient.identify(server.origin, { token: bot.token, intents: TEST_INTENTS })
        : await GatewayClient.connect(server.origin);
      for (const message of messages) client.sendRaw('text' in message ? real(message.text) : message.bytes);
      client.send(1, null);
      await Promise.race([client.closed(), client.next((heard) => heard.op === 11)]).catch(() => {});
      if (client.closeCode !== undefined) {
        assert.ok(CLOSE_CODES.has(client.closeCode) && client.closeCode !== 4000, `closed with ${client.closeCode}`);
      }
      client.cut();
    }

    it('before IDENTIFY', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 6 }), (messages) => suffers(messages, false)),
        { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 8_000 },
      );
      await serves();
    });

    it('after it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 6 }), (messages) => suffers(messages, true)),
        { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 8_000 },
      );
      await serves();
    });

    it('each field of each opcode with each wrong value', async () => {
      const values = [
        null,
        -1,
        1.5,
        2 ** 60,
        '',
        'x',
        '\ud800\0',
        [],
        [null],
        {},
        { __proto__: 1 },
        true,
        '9'.repeat(40),
      ];
      const shapes: [number, Record<string, unknown>][] = [
        [3, { status: 'online', since: null, afk: false, activities: [{ name: 'x', type: 0 }] }],
        [4, { guild_id: guild.guildId, channel_id: null, self_mute: false, self_deaf: false }],
        [8, { guild_id: guild.guildId, query: '', limit: 1, user_ids: [bot.id], presences: false, nonce: 'n' }],
        [31, { guild_ids: [guild.guildId] }],
      ];
      for (const [op, shape] of shapes) {
        for (const field of Object.keys(shape)) {
          // One connection for each value that closes, so each starts anew only then.
          let client: GatewayClient | undefined;
          for (const value of values) {
            client ??= await GatewayClient.identify(server.origin, { token: bot.token });
            const acks = client.received.filter((heard) => heard.op === 11).length;
            client.send(op, { ...shape, [field]: value });
            client.send(1, null);
            await client.count((heard) => heard.op === 11, acks + 1).catch(() => {});
            if (client.closeCode === undefined) continue;
            assert.equal(client.closeCode, 4002, `op ${op} ${field} ${JSON.stringify(value)}`);
            client = undefined;
          }
          client?.cut();
        }
      }
      await serves();
    });
  });
});

describe('the clock of the door', { timeout: 60_000 }, () => {
  let server: Server;
  let guild: Provision;

  before(async () => {
    server = await Server.start({ GUILDHALL_GATEWAY_IDENTIFY_TIMEOUT_S: '2', GUILDHALL_GATEWAY_MAX_CONCURRENCY: '2' });
    guild = server.provision();
  });

  after(() => server?.dispose());

  it('closes who neither identifies nor resumes, heartbeats or not', async () => {
    const silent = await GatewayClient.connect(server.origin);
    const beating = await GatewayClient.connect(server.origin);
    const beat = setInterval(() => beating.socket.readyState === 1 && beating.send(1, null), 100);
    const codes = await Promise.all([silent.closed(), beating.closed()]);
    clearInterval(beat);
    assert.deepEqual(codes, [4009, 4009]);
    assert.ok(beating.received.some((payload) => payload.op === 11));
  });

  it('4011: a bot of more guilds than a shard may have', async () => {
    const bot = server.bot(guild, 'everywhere');
    assert.equal(await server.stop(), 0);
    const store = openOffline(server.dataDir);
    const ids = Array.from({ length: GUILDS_PER_SHARD_MAX }, (_, i) => String(10n ** 18n + BigInt(i) * 4_194_304n));
    await store.commit(
      ids.map((id) => ({ op: 'put', table: 'user_guild', key: [bot.id, id], doc: { guild_id: id, user_id: bot.id } })),
    );
    await store.close();
    await server.start();
    const client = await GatewayClient.connect(server.origin);
    client.send(2, { token: bot.token, intents: 1, properties: {} });
    assert.equal(await client.closed(), 4011);
    // Half of them are few enough.
    const half = await GatewayClient.connect(server.origin);
    half.send(2, { token: bot.token, intents: 1, properties: {}, shard: [1, 2] });
    assert.equal((await half.dispatch('READY')).d.guilds.length >= GUILDS_PER_SHARD_MAX / 2, true);
    half.cut();
  });

  it('an identify key that is used twice in its window is op 9, and the same socket may try again', async () => {
    const { token } = server.bot(guild, 'shards');
    const open: GatewayClient[] = [];
    const attempt = async (shard: [number, number]): Promise<GatewayClient> => {
      const client = await GatewayClient.connect(server.origin);
      open.push(client);
      client.send(2, { token, intents: 1, properties: {}, shard });
      return client;
    };
    const isAnswer = ({ op, t }: { op: number; t: string | null }): boolean => op === 9 || t === 'READY';
    // Keys 0 and 1 of two; a third shard has the key of the first.
    const first = await Promise.all([attempt([0, 4]), attempt([1, 4])]);
    for (const client of first) assert.equal((await client.next(isAnswer)).t, 'READY');
    const third = await attempt([2, 4]);
    assert.equal((await third.next(isAnswer)).op, 9);
    for (;;) {
      const before = third.received.length;
      third.send(2, { token, intents: 1, properties: {}, shard: [2, 4] });
      const answer = await third.next(isAnswer, before);
      if (answer.t === 'READY') break;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    // Another account has a table of its own.
    const other = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    for (const client of [...open, other]) client.cut();
  });
});
