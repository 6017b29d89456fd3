// Resident memory of one more idle client, beyond the first thousands: identified and with its first heartbeat answered for
// Guildhall, merely connected for the peers, which keep no session. The kernel's own memory for a socket is in neither.

import { rssBytes } from '../load/process.ts';
import { RawClient } from '../load/raw-client.ts';
import { identified, openAll, quiet } from '../load/sessions.ts';
import { startGuildhall, startPeer, type Subject } from '../load/subject.ts';
import type { Row, Suite } from '../row.ts';

/** For collectors to run and give back what the opening took. */
const SETTLE_MS = 5_000;

export const run: Suite = async ({ full }) => {
  const from = full ? 5_000 : 100;
  const to = full ? 15_000 : 300;
  const rows: Row[] = [];
  for (const name of ['uws', 'ws'] as const) {
    const peer = await startPeer(name);
    try {
      rows.push(await measure(peer, from, to, () => RawClient.open('127.0.0.1', peer.port, '/')));
    } finally {
      await peer.stop();
    }
  }
  const guildhall = await startGuildhall(to);
  try {
    rows.push(await measure(guildhall, from, to, (i) => identified(guildhall, guildhall.tokens[i] ?? '')));
  } finally {
    await guildhall.stop();
  }
  return rows;
};

async function measure(
  subject: Subject,
  from: number,
  to: number,
  open: (index: number) => Promise<RawClient>,
): Promise<Row> {
  const clients = await openAll(from, open);
  await settle(clients);
  const before = rssBytes(subject.pid);
  clients.push(...(await openAll(to - from, (i) => open(from + i))));
  await settle(clients);
  const value = (rssBytes(subject.pid) - before) / (to - from);
  for (const client of clients) client.close();
  return {
    suite: 'sessions',
    case: 'RSS per further idle client',
    subject: subject.name,
    unit: 'B',
    value,
    n: to - from,
  };
}

async function settle(clients: RawClient[]): Promise<void> {
  await quiet(clients);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
