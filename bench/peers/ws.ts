// The `ws` package as its users write it. It keeps a reference to what it sends, so each socket gets a copy of the frame.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { writeSequence } from '../../src/protocol/dispatch.ts';
import { frame } from './message.ts';

const sequences = new Map<WebSocket, number>();

/** As the package's documentation broadcasts: one send per socket and message. */
function broadcast(): void {
  for (const [socket, last] of sequences) {
    const copy = Buffer.from(frame);
    writeSequence(copy, last + 1);
    sequences.set(socket, last + 1);
    socket.send(copy, { binary: false, compress: false });
  }
}

const http = createServer((request, reply) => {
  request.resume();
  request.on('end', () => {
    broadcast();
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
