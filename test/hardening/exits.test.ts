// No way out leaves an App open or aborts the process: signals to the process, and every way in which a thread can end. What a
// dying thread served comes back: its clients reconnect, and resume or identify anew.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { GatewayClient } from '../support/gateway-client.ts';
import { type Fixture, type Provision, Server } from '../support/server.ts';
import type { Fault } from './fixtures/faults.ts';

const FIXTURE: Fixture = {
  program: fileURLToPath(new URL('fixtures/server.ts', import.meta.url)),
  nodeArgs: ['--import', new URL('fixtures/faults.ts', import.meta.url).href],
};
/** For a thread to come back on a busy machine. */
const RECOVERY_MS = 20_000;

describe('a thread that ends', { timeout: 240_000 }, () => {
  let server: Server;
  let guild: Provision;
  let token: string;

  before(async () => {
    server = await Server.start(
      { GUILDHALL_LIMITS_RATE: 'off', GUILDHALL_THREADS_IO: '2', GUILDHALL_LOG_LEVEL: 'info' },
      FIXTURE,
    );
    guild = server.provision();
    token = server.bot(guild, 'witness').token;
  });

  after(() => server?.dispose());

  /** Connects as a client library does: RESUME if there is a session, IDENTIFY after op 9, again when the connection fails. */
  async function comeBack(session: { session_id: string; seq: number } | null): Promise<GatewayClient> {
    const deadline = performance.now() + RECOVERY_MS;
    for (;;) {
      let client: GatewayClient | undefined;
      try {
        client = await GatewayClient.connect(server.origin);
        if (session !== null) {
          client.sessionId = session.session_id;
          client.send(6, { token, ...session });
          const answer = await client.next(({ op, t }) => op === 9 || t === 'RESUMED');
          if (answer.t === 'RESUMED') return client;
        }
        client.send(2, { token, intents: 0x1ffff, properties: {} });
        const ready = await client.dispatch('READY');
        client.sessionId = ready.d.session_id;
        await client.dispatch('GUILD_CREATE');
        return client;
      } catch (error) {
        client?.cut();
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async function say(content: string): Promise<void> {
    const deadline = performance.now() + RECOVERY_MS;
    for (;;) {
      const reply = await server
        .request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, { content })
        .catch((error: unknown) => ({ status: 0, body: error }));
      if (reply.status === 200) return;
      // What clients retry; anything else would tell them that it is their fault.
      assert.ok(reply.status === 0 || reply.status >= 500, `${reply.status} ${JSON.stringify(reply.body)}`);
      assert.ok(performance.now() < deadline, `no message goes through: ${reply.status}\n${server.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const restartsOf = (kind: string): number =>
    server.stderr.split('\n').filter((line) => line.includes('"thread restarted"') && line.includes(`"${kind}"`))
      .length;

  async function restarted(kind: string, before: number): Promise<void> {
    const deadline = performance.now() + RECOVERY_MS;
    while (restartsOf(kind) <= before) {
      assert.ok(performance.now() < deadline, `the ${kind} thread does not come back\n${server.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Both I/O threads accept: eight connections do not all fall to one by chance alone. */
  async function survives(kind: string, harm: () => void): Promise<void> {
    const pid = server.pid;
    const client = await comeBack(null);
    const before = restartsOf(kind);
    harm();
    await restarted(kind, before);
    let listening = client;
    if (kind === 'io') {
      // Its thread may be the one that died.
      await Promise.race([client.closed(), new Promise((resolve) => setTimeout(resolve, 500))]);
      if (client.closeCode !== undefined) {
        listening = await comeBack({ session_id: client.sessionId, seq: client.sequence ?? 0 });
      }
    }
    const content = `after ${kind} ${before}`;
    await say(content);
    await listening.dispatch('MESSAGE_CREATE', (d) => d.content === content);
    const more = await Promise.all(Array.from({ length: 8 }, () => GatewayClient.connect(server.origin)));
    for (const one of more) one.cut();
    listening.cut();
    assert.equal(server.pid, pid);
  }

  const fault = (thread: string, kind: Fault['kind']) => () => server.tell({ thread, kind } satisfies Fault);

  it('I/O: ended by the supervisor', () => survives('io', () => server.tell({ terminate: 'io' })));
  it('actor: ended by the supervisor', () => survives('actor', () => server.tell({ terminate: 'actor' })));
  it('store: ended by the supervisor', () => survives('store', () => server.tell({ terminate: 'store' })));
  it('I/O: an uncaught exception', () => survives('io', fault('io-', 'throw')));
  it('actor: an uncaught exception', () => survives('actor', fault('actor-', 'throw')));
  it('actor: out of memory', () => survives('actor', fault('actor-', 'memory')));
  it('I/O: an unhandled rejection', () => survives('io', fault('io-', 'reject')));
  it('store: an uncaught exception', () => survives('store', fault('store-', 'throw')));

  it('a guild that dies under load: what was acknowledged is received, or the session ends by op 9', async () => {
    const client = await comeBack(null);
    const before = restartsOf('actor');
    const acknowledged: string[] = [];
    let isOver = false;
    const load = (async () => {
      for (let i = 0; !isOver; i += 1) {
        const content = `load ${i}`;
        const path = `/channels/${guild.channelId}/messages`;
        const reply = await server.request('POST', path, guild.ownerToken, { content });
        if (reply.status === 200) acknowledged.push(content);
        else {
          assert.ok(reply.status >= 500, `${reply.status}`);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    })();
    const lines = (): string[] => client.received.filter(({ t }) => t === 'MESSAGE_CREATE').map(({ d }) => d.content);
    await client.dispatch('MESSAGE_CREATE', (d) => d.content.startsWith('load '));
    server.tell({ terminate: 'actor' });
    await restarted('actor', before);
    await say('load goes on');
    isOver = true;
    await load;
    await say('load is over');
    await client.next(({ op, t, d }) => op === 9 || (t === 'MESSAGE_CREATE' && d.content === 'load is over'));
    const heard = lines();
    assert.equal(new Set(heard).size, heard.length, 'none twice');
    if (!client.received.some(({ op }) => op === 9)) {
      assert.deepEqual(
        acknowledged.filter((line) => !heard.includes(line)),
        [],
        'none lost',
      );
    }
    client.cut();
  });
});

describe('a process that ends', { timeout: 240_000 }, () => {
  let server: Server;
  let guild: Provision;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off', GUILDHALL_SHUTDOWN_GRACE_MS: '500' }, FIXTURE);
    guild = server.provision();
  });

  after(() => server?.dispose());

  /** With a client connected, and another start on the same data afterwards. */
  async function ends(code: number | null, signal: NodeJS.Signals | null, harm: () => void): Promise<void> {
    const client = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    const ended = server.ended();
    harm();
    assert.deepEqual(await ended, { code, signal }, server.stderr);
    assert.notEqual(await client.closed(), 1000);
    await server.start();
    const reply = await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, {
      content: 'up',
    });
    assert.equal(reply.status, 200);
  }

  it('SIGTERM: 0', () => ends(0, null, () => server.signal('SIGTERM')));
  it('SIGINT: 0', () => ends(0, null, () => server.signal('SIGINT')));
  it('SIGTERM twice: 0', () =>
    ends(0, null, () => {
      server.signal('SIGTERM');
      setTimeout(() => server.signal('SIGTERM'), 50);
    }));
  for (const kind of ['io', 'actor', 'store']) {
    it(`SIGTERM while the ${kind} thread is being replaced: 0`, () =>
      ends(0, null, () => {
        server.tell({ terminate: kind });
        setTimeout(() => server.signal('SIGTERM'), 5);
      }));
  }
  it('SIGKILL: the next start serves the same data', () => ends(null, 'SIGKILL', () => server.signal('SIGKILL')));
  it('an uncaught exception in main: a clean stop with 1', () =>
    ends(1, null, () => server.tell({ thread: 'main', kind: 'throw' } satisfies Fault)));
  it('an unhandled rejection in main: a clean stop with 1', () =>
    ends(1, null, () => server.tell({ thread: 'main', kind: 'reject' } satisfies Fault)));
  it('process.exit in main: closes what is open first', () =>
    ends(0, null, () => server.tell({ thread: 'main', kind: 'exit' } satisfies Fault)));

  it('threads that keep dying: the process ends with 1, so that whoever supervises it starts it anew', async () => {
    const ended = server.ended();
    const dying = setInterval(() => server.tell({ thread: 'actor-', kind: 'throw' } satisfies Fault), 100);
    try {
      assert.deepEqual(await ended, { code: 1, signal: null });
    } finally {
      clearInterval(dying);
    }
  });
});
