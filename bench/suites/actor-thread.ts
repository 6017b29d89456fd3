// The other side of the actor suite's cross-thread cases: an actor of a worker thread, and a bare MessagePort beside it.

import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { Message, Runtime } from '../../src/actor/types.ts';

export function start(runtime: Runtime): void {
  let received = 0;
  runtime.supervise({
    id: 'counter',
    restart: 'permanent',
    start: () => ({
      handleCast: () => {
        received += 1;
      },
      handleCall: (message: Message) => {
        if (message['k'] === 'echo') return null;
        const counted = received;
        received = 0;
        return counted;
      },
    }),
  });
}

/** As the entry of a plain Worker: the MessagePort peer. Answers each message that asks, counts the rest. */
if ((workerData as { peer?: MessagePort } | null)?.peer !== undefined) {
  const { peer } = workerData as { peer: MessagePort };
  let received = 0;
  peer.on('message', (message: Message) => {
    if (message['k'] === 'echo') peer.postMessage(null);
    else if (message['k'] === 'count') {
      peer.postMessage(received);
      received = 0;
    } else received += 1;
  });
  parentPort?.on('message', () => process.exit(0));
}
