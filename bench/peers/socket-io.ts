// Socket.IO over its WebSocket transport: one emit to everybody per message, as its users write it. Its own protocol has no
// sequence of a session; the same event object is sent.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-ignore: installed by `npm run bench` in this folder only
import { Server } from 'socket.io';
import { message } from './message.ts';

/** The load generator answers no pings; by default it would be cut off after 45 s. */
const PING_INTERVAL_MS = 3_600_000;

const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  pingInterval: PING_INTERVAL_MS,
});
http.prependListener('request', (request, reply) => {
  if (request.url !== '/say') return;
  request.resume();
  request.on('end', () => {
    io.emit('MESSAGE_CREATE', message);
    reply.end('{}');
  });
});
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(http.address() as AddressInfo).port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
