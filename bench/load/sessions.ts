// Opening thousands of clients, and Guildhall's sessions among them.

import type { GuildhallSubject } from './subject.ts';
import { RawClient } from './raw-client.ts';

/** Connections being opened at once: more only queue in the listener's backlog. */
const OPENING_MAX = 64;
const DEADLINE_MS = 120_000;
/** GUILDS, GUILD_MESSAGES and MESSAGE_CONTENT. */
const INTENTS = 1 | 512 | 32768;

/** Opens a session and answers when its GUILD_CREATE has come and its first heartbeat, which acknowledges both, is answered. */
export async function identified(subject: GuildhallSubject, token: string): Promise<RawClient> {
  let done: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    done = resolve;
    fail = reject;
  });
  const timer = setTimeout(() => fail(new Error('no GUILD_CREATE')), DEADLINE_MS);
  const client = await RawClient.open('127.0.0.1', subject.port, '/?v=10&encoding=json', (self, payload) => {
    const head = payload.subarray(0, 64).toString('latin1');
    if (head.includes('"op":10')) {
      self.send(JSON.stringify({ op: 2, d: { token, intents: INTENTS, properties: {} } }));
    } else if (head.includes('"GUILD_CREATE"')) self.send(JSON.stringify({ op: 1, d: 2 }));
    else if (head.includes('"op":11')) done();
    else if (head.includes('"op":9')) fail(new Error('invalid session'));
  });
  await ready;
  clearTimeout(timer);
  client.onFrame = undefined;
  return client;
}

export async function openAll(count: number, open: (index: number) => Promise<RawClient>): Promise<RawClient[]> {
  const clients: RawClient[] = new Array(count);
  let next = 0;
  const workers = Array.from({ length: Math.min(OPENING_MAX, count) }, async () => {
    while (next < count) {
      const index = next;
      next += 1;
      clients[index] = await open(index);
    }
  });
  await Promise.all(workers);
  return clients;
}

/** Waits until nothing arrives any more, then starts counting afresh. */
export async function quiet(clients: RawClient[]): Promise<void> {
  let last = -1;
  for (;;) {
    const now = clients.reduce((sum, client) => sum + client.frames, 0);
    if (now === last) break;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  for (const client of clients) client.frames = 0;
}
