import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { BOT, GUILD, World } from './world.test-helper.ts';

async function world(options = {}): Promise<World> {
  const made = new World(options);
  await made.fill();
  return made;
}

test('HELLO comes first, and IDENTIFY is answered with READY and a GUILD_CREATE per guild', async () => {
  const w = await world();
  const client = w.connect();
  assert.deepEqual(client.take().map(({ op, d }) => [op, d.heartbeat_interval]), [[10, 41_250]]);
  client.identify();
  await w.settle();
  const [ready, guild, ...rest] = client.take();
  assert.equal(ready?.t, 'READY');
  assert.equal(ready?.s, 1);
  assert.deepEqual(ready?.d.guilds, [{ id: GUILD, unavailable: true }]);
  assert.equal(ready?.d.resume_gateway_url, 'ws://localhost:8080');
  assert.equal(ready?.d.user.id, BOT);
  assert.equal(guild?.t, 'GUILD_CREATE');
  assert.equal(guild?.s, 2);
  assert.deepEqual(rest, []);
  await w.close();
});

test('an event of the guild reaches its sessions with the next sequence', async () => {
  const w = await world();
  const { client } = await w.ready();
  for (let i = 0; i < 3; i += 1) w.say(`guild:${GUILD}`, {}, encodeDispatch('MESSAGE_CREATE', { id: String(i) }));
  await w.settle();
  assert.deepEqual(
    client.take().map(({ s, d }) => [s, d.id]),
    [
      [3, '0'],
      [4, '1'],
      [5, '2'],
    ],
  );
  await w.close();
});
