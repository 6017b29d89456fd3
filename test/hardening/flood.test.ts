// One address holds 5,000 sockets that never identify and opens 20,000 in the run, while clients that did identify are served.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { GatewayClient } from '../support/gateway-client.ts';
import { type Provision, Server } from '../support/server.ts';

const FLOOD = fileURLToPath(new URL('fixtures/flood.ts', import.meta.url));
const HELD = 5_000;
const DROPPED = 15_000;
/** Three times the pace, so that the test is short; the pace gives way when the machine is slow. */
const PER_SECOND = 1_000;
/** Memory of a socket that only said hello, kernel's buffers apart: a bound on what a stranger may cost. */
const BYTES_PER_STRANGER_MAX = 16 * 1024;
const SAY_EVERY_MS = 50;

interface FloodReport {
  readonly opened: number;
  readonly upgraded: number;
  readonly failed: number;
  readonly held: number;
  readonly afterMs: number;
}

describe('a flood from one address', { timeout: 180_000 }, () => {
  let server: Server;
  let guild: Provision;
  let flood: ChildProcess | undefined;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off', GUILDHALL_GATEWAY_IDENTIFY_TIMEOUT_S: '120' });
    guild = server.provision();
  });

  after(async () => {
    flood?.disconnect();
    await server?.dispose();
  });

  const residentBytes = (): number => {
    const pages = Number(readFileSync(`/proc/${server.pid}/statm`, 'latin1').split(' ')[1]);
    return pages * 4096;
  };

  it('does not keep identified clients from their messages, and costs a bounded memory', async (t) => {
    const client = await GatewayClient.identify(server.origin, { token: server.bot(guild, 'served').token });
    await client.dispatch('GUILD_CREATE');
    const before = residentBytes();
    const report = new Promise<FloodReport>((resolve, reject) => {
      flood = fork(FLOOD, [String(server.port), String(HELD), String(DROPPED), String(PER_SECOND)], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
      });
      flood.once('message', (message) => resolve(message as FloodReport));
      flood.once('exit', (code) => reject(new Error(`the flood ended with ${code}`)));
    });
    let outcome: FloodReport | undefined;
    void report.then(
      (found) => (outcome = found),
      () => {},
    );

    const sentAt = new Map<string, number>();
    const delays: number[] = [];
    client.socket.on('message', (data: Buffer) => {
      const payload = JSON.parse(data.toString());
      if (payload.t === 'MESSAGE_CREATE') delays.push(performance.now() - (sentAt.get(payload.d.content) ?? 0));
    });
    const said: string[] = [];
    for (let i = 0; outcome === undefined; i += 1) {
      const content = `line ${i}`;
      sentAt.set(content, performance.now());
      const reply = await server.request('POST', `/channels/${guild.channelId}/messages`, guild.ownerToken, {
        content,
      });
      assert.equal(reply.status, 200);
      said.push(content);
      await Promise.race([report, new Promise((resolve) => setTimeout(resolve, SAY_EVERY_MS))]);
    }
    const { opened, upgraded, failed, held, afterMs } = outcome;
    await client.dispatch('MESSAGE_CREATE', (d) => d.content === said.at(-1));
    const heard = client.received.filter((payload) => payload.t === 'MESSAGE_CREATE').map(({ d }) => d.content);
    assert.deepEqual(heard, said);
    assert.equal(opened, HELD + DROPPED);
    assert.equal(failed, 0);
    assert.equal(upgraded, opened);
    assert.equal(held, HELD);
    const perStranger = (residentBytes() - before) / HELD;
    delays.sort((a, b) => a - b);
    const at = (share: number): string => `${Math.round(delays[Math.floor(delays.length * share)] ?? 0)} ms`;
    t.diagnostic(
      `${opened} opened in ${afterMs} ms; ${heard.length} messages, p50 ${at(0.5)}, p99 ${at(0.99)}; ${Math.round(perStranger)} bytes a stranger`,
    );
    assert.ok(perStranger < BYTES_PER_STRANGER_MAX, `${perStranger} bytes`);

    // With the strangers still there, others come in.
    const late = await GatewayClient.identify(server.origin, { token: guild.ownerToken });
    await late.dispatch('GUILD_CREATE');
    late.cut();
    client.cut();
    flood?.removeAllListeners('exit');
    flood?.send('end');
  });

  it('strangers that send what they may not are gone, and leave nothing', async () => {
    // The held sockets were reset: the next ones find room.
    const clients = await Promise.all(Array.from({ length: 50 }, () => GatewayClient.connect(server.origin)));
    for (const client of clients) client.sendRaw('x');
    for (const client of clients) assert.equal(await client.closed(), 4002);
    assert.doesNotMatch(server.stderr, /"level":"error"/);
  });
});
