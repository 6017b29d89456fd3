// Whatever a client sends, it gets the protocol's own answer: its connection is closed with a code or goes on, nothing throws, and
// the others notice nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { GUILD, World } from './world.test-helper.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() & 0x7fffffff);
const CODES = new Set([4000, 4001, 4002, 4003, 4004, 4005, 4007, 4008, 4010, 4013, 4014]);

const opcode = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 31, 43), fc.integer(), fc.jsonValue());
const key = fc.constantFrom(
  'token',
  'intents',
  'shard',
  'presence',
  'large_threshold',
  'guild_id',
  'channel_id',
  'user_ids',
  'guild_ids',
  'query',
  'limit',
  'nonce',
  'session_id',
  'seq',
  'activities',
  'game',
  'status',
  '__proto__',
  'constructor',
  'toString',
);
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(GUILD, 'bot', 'Bot bot', 0, -1, 2 ** 53, '', [], {}, [0, 1], [[]], null, { name: 1, type: 'x' }),
);
const payload = fc.oneof(odd, fc.dictionary(key, odd));
const frame = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: opcode, d: payload }).map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  { weight: 1, arbitrary: fc.constant(`{"op":2,"d":{"token":"bot","intents":1,"__proto__":{"x":1}}}`) },
  { weight: 1, arbitrary: fc.constant(`{"op":1,"op":2,"d":{"token":"bot","intents":0},"d":null}`) },
);

test(`no frame harms the server (seed ${SEED})`, async () => {
  const world = new World({ gateway: { rateLimits: false } });
  await world.fill();
  const witness = (await world.ready()).client;
  let said = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 12, size: 'max' }), fc.boolean(), async (frames, identified) => {
      const client = world.connect();
      if (identified) client.identify();
      await world.settle();
      for (const bytes of frames) {
        if (client.closed !== undefined) break;
        client.socket.write(bytes);
        await world.settle();
      }
      if (client.closed === undefined) client.socket.leave(1000);
      else assert.ok(CODES.has(client.closed), `close code ${client.closed}`);
      said += 1;
      world.say(`guild:${GUILD}`, {}, encodeDispatch('MESSAGE_CREATE', { id: said }));
      await world.settle();
      assert.deepEqual(
        witness
          .take()
          .filter(({ t }) => t === 'MESSAGE_CREATE')
          .map(({ d }) => d.id),
        [said],
      );
      assert.deepEqual(world.logged, []);
      assert.equal(({} as { x?: number }).x, undefined);
    }),
    { seed: SEED, numRuns: 150 },
  );
  assert.deepEqual(world.node.logged, []);
  await world.close();
});
