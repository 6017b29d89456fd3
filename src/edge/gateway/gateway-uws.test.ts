// The gateway over the real transport: what memory sockets can't show (fragments, close frames, back-pressure of a kernel socket).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { createUwsTransport } from '../transport/uws.ts';
import type { Transport } from '../transport/types.ts';
import { type Frame, GUILD, World } from './world.test-helper.ts';

/** A stock WebSocket client that keeps its frames and can be waited for. */
class WireClient {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  closed: number | undefined;
  #wake: () => void = () => {};

  constructor(port: number, query = '?v=10&encoding=json') {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/${query}`);
    this.socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)) as Frame);
      this.#wake();
    });
    this.socket.on('close', (code) => {
      this.closed = code;
      this.#wake();
    });
    this.socket.on('error', () => {});
  }

  async until<T>(find: () => T | undefined): Promise<T> {
    while (true) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  frame(is: (frame: Frame) => boolean): Promise<Frame> {
    return this.until(() => this.frames.find(is));
  }

  event(type: string): Promise<Frame> {
    return this.frame(({ t }) => t === type);
  }

  close(): Promise<number> {
    return this.until(() => this.closed);
  }

  say(op: number, d: unknown): void {
    this.socket.send(JSON.stringify({ op, d }));
  }

  async ready(): Promise<string> {
    await this.frame(({ op }) => op === 10);
    this.say(2, { token: 'bot', intents: 0x8201, properties: {} });
    const ready = await this.event('READY');
    await this.event('GUILD_CREATE');
    return ready.d.session_id as string;
  }
}

async function withServer(use: (world: World, port: number) => Promise<void>): Promise<void> {
  const world = new World({ gateway: { rateLimits: false } });
  await world.fill();
  const errors: unknown[] = [];
  const transport: Transport = createUwsTransport({
    http: async () => ({ status: 404 }),
    sockets: world.gateways[0]!,
    onError: (error) => errors.push(error),
  });
  try {
    await use(world, await transport.listen('127.0.0.1', 0));
  } finally {
    transport.close();
  }
  await world.settle();
  assert.deepEqual(errors, []);
  assert.deepEqual(world.logged, []);
  assert.equal(world.gateways[0]?.connections, 0);
  await world.close();
}

const message = (id: number, content: string): Uint8Array => encodeDispatch('MESSAGE_CREATE', { id, content });

test('a stock client identifies, hears events and is cut and resumed', async () => {
  await withServer(async (world, port) => {
    const client = new WireClient(port);
    const sessionId = await client.ready();
    world.say(`guild:${GUILD}`, {}, message(1, ''));
    assert.equal((await client.event('MESSAGE_CREATE')).s, 3);
    client.socket.terminate();
    await client.close();
    world.say(`guild:${GUILD}`, {}, message(2, ''));
    const back = new WireClient(port);
    await back.frame(({ op }) => op === 10);
    back.say(6, { token: 'bot', session_id: sessionId, seq: 3 });
    assert.equal((await back.event('RESUMED')).s, 5);
    assert.deepEqual(back.frames.map(({ t, s }) => [t, s]).slice(1), [
      ['MESSAGE_CREATE', 4],
      ['RESUMED', 5],
    ]);
    back.socket.close(1000);
    await back.close();
    assert.equal(world.relays[0]?.sessions.size, 0);
  });
});

test('close codes reach the client, also of a message over 4,096 bytes in fragments', async () => {
  await withServer(async (_world, port) => {
    const fragments = new WireClient(port);
    await fragments.frame(({ op }) => op === 10);
    for (let i = 0; i < 5; i += 1) fragments.socket.send('x'.repeat(1_000), { fin: i === 4 });
    assert.equal(await fragments.close(), 4002);
    const whole = new WireClient(port);
    await whole.frame(({ op }) => op === 10);
    whole.socket.send(`{"op":1,"d":"${'x'.repeat(5_000)}"}`);
    assert.equal(await whole.close(), 4002);
    const huge = new WireClient(port);
    await huge.frame(({ op }) => op === 10);
    huge.socket.send('x'.repeat(64 * 1024));
    assert.ok(await huge.close());
    const wrong = new WireClient(port);
    await wrong.frame(({ op }) => op === 10);
    wrong.say(2, { token: 'nobody', intents: 0 });
    assert.equal(await wrong.close(), 4004);
    assert.equal(await new WireClient(port, '?v=7').close(), 4012);
  });
});

test('a client that stops reading is closed resumably, and a RESUME brings it everything', async () => {
  await withServer(async (world, port) => {
    const client = new WireClient(port);
    const sessionId = await client.ready();
    client.socket.pause();
    const content = 'x'.repeat(50_000);
    let count = 0;
    // Until the kernel's buffers, the socket's and ours are full.
    while (world.relays[0]?.stats().slowCloses === 0) {
      count += 1;
      assert.ok(count < 2_000, 'the queue has no bound');
      world.say(`guild:${GUILD}`, {}, message(count, content));
      if (count % 10 === 0) await world.settle();
    }
    const last = client.frames.at(-1)?.s ?? 0;
    client.socket.terminate();
    const back = new WireClient(port);
    await back.frame(({ op }) => op === 10);
    back.say(6, { token: 'bot', session_id: sessionId, seq: last });
    await back.event('RESUMED');
    const ids = back.frames.filter(({ t }) => t === 'MESSAGE_CREATE').map(({ d }) => d.id as number);
    assert.deepEqual(
      ids,
      Array.from({ length: count }, (_, i) => i + 1),
    );
    const numbers = back.frames.filter(({ op }) => op === 0).map(({ s }) => s);
    assert.deepEqual(
      numbers,
      Array.from({ length: count + 1 }, (_, i) => last + 1 + i),
    );
    back.socket.close(1000);
    await back.close();
  });
});
