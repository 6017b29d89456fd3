// How many connections fit into the process. When the last file descriptor is gone, accepting fails, the listen socket stays
// readable, and the loop spins at full load (measured: one core per I/O thread) until somebody hangs up: so a thread closes
// connections beyond its share as they open, which costs next to nothing.

import { readFileSync } from 'node:fs';

/** For databases, attachments, pipes and the threads' own descriptors. */
const RESERVED_DESCRIPTORS = 512;
const LEAST_CONNECTIONS = 64;

/** Connections that one of `threads` I/O threads may hold; 0 (no limit) where the system does not tell its own. */
export function connectionsMaxFor(threads: number, limits = readLimits()): number {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(limits);
  if (match === null || match[1] === 'unlimited') return 0;
  const share = Math.floor((Number(match[1]) - RESERVED_DESCRIPTORS) / Math.max(1, threads));
  return Math.max(LEAST_CONNECTIONS, share);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}
