// Durable message creates by REST: 64 clients, each sending its next message when the last was acknowledged. The peers of the
// fan-out scenario store nothing, so this one has none but the disk: see the store suite for what group commit gives alone.

import { Agent, request } from 'node:http';
import { IDLE_SOCKET_MS } from '../load/http.ts';
import { cpuUs } from '../load/process.ts';
import { startGuildhall } from '../load/subject.ts';
import type { Row, Suite } from '../row.ts';

const CLIENTS = 64;

export const run: Suite = async ({ full }) => {
  const subject = await startGuildhall(0);
  try {
    const total = full ? 20_000 : 640;
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS, timeout: IDLE_SOCKET_MS });
    const body = JSON.stringify({ content: 'x'.repeat(200) });
    const options = {
      host: '127.0.0.1',
      port: subject.port,
      path: `/api/v10/channels/${subject.channelId}/messages`,
      method: 'POST',
      agent,
      headers: {
        authorization: subject.ownerToken,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    };
    const send = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const call = request(options, (reply) => {
          reply.resume();
          reply.on('end', () =>
            reply.statusCode === 200 ? resolve() : reject(new Error(`answered ${reply.statusCode}`)),
          );
        });
        call.on('error', reject);
        call.end(body);
      });
    await Promise.all(Array.from({ length: CLIENTS }, send));
    const latencies: number[] = [];
    let started = 0;
    const cpuBefore = cpuUs(subject.pid);
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (started < total) {
          started += 1;
          const at = performance.now();
          await send();
          latencies.push(performance.now() - at);
        }
      }),
    );
    const seconds = (performance.now() - begin) / 1000;
    const cpu = cpuUs(subject.pid) - cpuBefore;
    latencies.sort((a, b) => a - b);
    const row = (what: string, unit: string, value: number): Row => ({
      suite: 'creates',
      case: `${CLIENTS} clients: ${what}`,
      subject: 'guildhall',
      unit,
      value,
      n: total,
    });
    return [
      row('durable creates', '1/s', total / seconds),
      row('CPU per create', 'us', cpu / total),
      row('acknowledged p50', 'ms', latencies[Math.floor(total * 0.5)] ?? 0),
      row('acknowledged p99', 'ms', latencies[Math.floor(total * 0.99)] ?? 0),
    ];
  } finally {
    await subject.stop();
  }
};
