// One message to everybody: a text of 200 bytes sent by REST to one channel, received by 1,000 and 5,000 sessions. CPU per
// delivery is that of the whole server process (for Guildhall: REST, permission check, durable commit, fan-out, replay), taken
// from the kernel's account, over deliveries counted at the clients.

import { Agent, request } from 'node:http';
import { IDLE_SOCKET_MS } from '../load/http.ts';
import { cpuUs } from '../load/process.ts';
import { RawClient } from '../load/raw-client.ts';
import { identified, openAll, quiet } from '../load/sessions.ts';
import { type GuildhallSubject, startGuildhall, startPeer, type Subject } from '../load/subject.ts';
import type { Row, Suite } from '../row.ts';

const DEADLINE_MS = 300_000;
/**
 * Messages of each subject before the first is counted, so that none is measured while its code is still being compiled:
 * Guildhall's path is the longest and needs the most.
 */
const WARM_UP_MESSAGES = 800;
const CONTENT = 'x'.repeat(200);

interface Load {
  readonly label: string;
  readonly messages: number;
  /** Messages sent but not yet received by everybody. */
  readonly window: number;
  /** Milliseconds between sends; 0: as fast as the window lets. */
  readonly paceMs: number;
}

function loads(full: boolean): Load[] {
  return [
    {
      label: 'warm-up',
      messages: full ? WARM_UP_MESSAGES : 10,
      window: 4,
      paceMs: 0,
    },
    { label: '20 messages/s', messages: full ? 100 : 10, window: 1_000, paceMs: 50 },
    { label: '8 in flight', messages: full ? 400 : 40, window: 8, paceMs: 0 },
  ];
}

export const run: Suite = async ({ full }) => {
  const rows: Row[] = [];
  for (const sessions of full ? [1_000, 5_000] : [200]) {
    for (const name of ['uws', 'ws', 'socket-io'] as const) {
      const peer = await startPeer(name);
      try {
        rows.push(...(await measurePeer(peer, sessions, loads(full))));
      } finally {
        await peer.stop();
      }
    }
    const guildhall = await startGuildhall(sessions);
    try {
      rows.push(...(await measureGuildhall(guildhall, sessions, loads(full))));
    } finally {
      await guildhall.stop();
    }
  }
  return rows;
};

async function measurePeer(peer: Subject, sessions: number, wanted: Load[]): Promise<Row[]> {
  const socketIo = peer.name === 'socket-io';
  const path = socketIo ? '/socket.io/?EIO=4&transport=websocket' : '/';
  const clients = await openAll(sessions, async () => {
    const client = await RawClient.open('127.0.0.1', peer.port, path);
    if (socketIo) client.send('40');
    return client;
  });
  await quiet(clients);
  const rows: Row[] = [];
  const post = poster(peer.port, '/say', {}, '{}');
  for (const load of wanted) rows.push(...(await measure(peer, clients, load, post)));
  for (const client of clients) client.close();
  return rows;
}

async function measureGuildhall(subject: GuildhallSubject, sessions: number, wanted: Load[]): Promise<Row[]> {
  const clients = await openAll(sessions, (i) => identified(subject, subject.tokens[i] ?? ''));
  await quiet(clients);
  const rows: Row[] = [];
  const headers = { authorization: subject.ownerToken, 'content-type': 'application/json' };
  const body = JSON.stringify({ content: CONTENT });
  const post = poster(subject.port, `/api/v10/channels/${subject.channelId}/messages`, headers, body);
  for (const load of wanted) rows.push(...(await measure(subject, clients, load, post)));
  for (const client of clients) client.close();
  return rows;
}

async function measure(subject: Subject, clients: RawClient[], load: Load, post: () => Promise<void>): Promise<Row[]> {
  const latencies: number[] = [];
  const sentAt: number[] = [];
  let delivered = 0;
  for (const client of clients) {
    client.frames = 0;
    client.onFrame = (self) => {
      delivered += 1;
      const at = sentAt[self.frames - 1];
      if (at !== undefined) latencies.push(performance.now() - at);
    };
  }
  const cpuBefore = cpuUs(subject.pid);
  const started = performance.now();
  const posts: Promise<void>[] = [];
  for (let i = 0; i < load.messages; i += 1) {
    while (delivered < (i + 1 - load.window) * clients.length) await turn(started);
    if (load.paceMs > 0) {
      const wait = started + i * load.paceMs - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
    sentAt.push(performance.now());
    posts.push(post());
  }
  await Promise.all(posts);
  while (delivered < load.messages * clients.length) await turn(started);
  const seconds = (performance.now() - started) / 1000;
  const cpu = cpuUs(subject.pid) - cpuBefore;
  for (const client of clients) client.onFrame = undefined;
  latencies.sort((a, b) => a - b);
  const row = (what: string, unit: string, value: number): Row => ({
    suite: 'fanout',
    case: `${clients.length} sessions, ${load.label}: ${what}`,
    subject: subject.name,
    unit,
    value,
    n: delivered,
  });
  if (load.label === 'warm-up') return [];
  return [
    row('CPU per delivery', 'us', cpu / delivered),
    row('deliveries', '1/s', delivered / seconds),
    row('send to receive p50', 'ms', latencies[Math.floor(latencies.length * 0.5)] ?? 0),
    row('send to receive p99', 'ms', latencies[Math.floor(latencies.length * 0.99)] ?? 0),
  ];
}

function turn(started: number): Promise<void> {
  if (performance.now() - started > DEADLINE_MS) throw new Error('deliveries are missing');
  return new Promise((resolve) => setImmediate(resolve));
}

function poster(port: number, path: string, headers: Record<string, string>, body: string): () => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: IDLE_SOCKET_MS });
  return () =>
    new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port,
          path,
          method: 'POST',
          agent,
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        },
        (reply) => {
          reply.resume();
          reply.on('end', () =>
            reply.statusCode === 200 ? resolve() : reject(new Error(`answered ${reply.statusCode}`)),
          );
        },
      );
      call.on('error', reject);
      call.end(body);
    });
}
