// uWebSockets.js listens with SO_REUSEPORT, so that several I/O threads share a port; the kernel would then let a second process
// of the same user share it as well, and each would get half of the clients. So the boot code asks first, with an exclusive bind.

import { createServer } from 'node:net';

/**
 * Resolves with the port when nobody listens on it (0: with one that is free), so that the I/O threads may share it.
 * Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL, ...).
 */
export function probePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
