// The `ws` package: the same program as uws.ts. It keeps a reference to what it sends, so each socket gets a copy of the frame.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { writeSequence } from '../../src/protocol/dispatch.ts';
import { frame } from './message.ts';

const sequences = new Map<WebSocket, number>();
let queued = 0;

function flush(): void {
  const count = queued;
  queued = 0;
  for (const [socket, last] of sequences) {
    const raw = (socket as unknown as { _socket: { cork(): void; uncork(): void } })._socket;
    raw.cork();
    for (let i = 1; i <= count; i += 1) {
      const copy = Buffer.from(frame);
      writeSequence(copy, last + i);
      socket.send(copy, { binary: false, compress: false });
    }
    raw.uncork();
    sequences.set(socket, last + count);
  }
}

const http = createServer((request, reply) => {
  request.resume();
  request.on('end', () => {
    queued += 1;
    if (queued === 1) setImmediate(flush);
    reply.end('{}');
  });
});
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on('connection', (socket) => {
  sequences.set(socket, 0);
  socket.on('close', () => sequences.delete(socket));
});
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(http.address() as AddressInfo).port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
