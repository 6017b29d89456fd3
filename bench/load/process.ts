// What a process has cost so far, from /proc: CPU time of all its threads and resident memory.

import { readFileSync } from 'node:fs';

/** Linux' USER_HZ: fixed at 100 for user space on every architecture Node runs on. */
const TICK_US = 10_000;

export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

export function rssBytes(pid: number): number {
  const rows = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(rows)?.[1] ?? 0) * 1024;
}
