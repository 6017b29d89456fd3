// Bare uWebSockets.js, the fair floor: per-socket sequence numbers written into one shared frame, corked sends, one flush per
// turn for every message of that turn. No identity, no permissions, no storage, no replay.

import { writeSequence } from '../../src/protocol/dispatch.ts';
import { loadUws } from '../../native/uws.ts';
import { frame } from './message.ts';

interface Data {
  sequence: number;
}

const uws = loadUws();
const sockets = new Set<import('uWebSockets.js').WebSocket<Data>>();
let queued = 0;

function flush(): void {
  const count = queued;
  queued = 0;
  for (const socket of sockets) {
    socket.cork(() => {
      const data = socket.getUserData();
      for (let i = 0; i < count; i += 1) {
        data.sequence += 1;
        writeSequence(frame, data.sequence);
        socket.send(frame, false, false);
      }
    });
  }
}

const app = uws
  .App()
  .ws<Data>('/*', {
    maxBackpressure: 64 * 1024 * 1024,
    upgrade: (res, req, context) => {
      res.upgrade(
        { sequence: 0 },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (socket) => {
      sockets.add(socket);
    },
    close: (socket) => {
      sockets.delete(socket);
    },
  })
  .post('/say', (res) => {
    res.onAborted(() => {});
    res.onData((_chunk, last) => {
      if (!last) return;
      queued += 1;
      if (queued === 1) setImmediate(flush);
      res.end('{}');
    });
  });

app.listen('127.0.0.1', 0, (token) => {
  if (!token) throw new Error('cannot listen');
  process.stdout.write(`listening on http://127.0.0.1:${uws.us_socket_local_port(token)}\n`);
});
process.on('SIGTERM', () => {
  app.close();
  process.exit(0);
});
