// A log position: which encoded event a session was given, in one small integer that V8 keeps unboxed.
//
//   30       29     28                                   0
//   +--------+------+-------------------------------------+
//   | PRIVATE| LITE |  number of the entry, modulo 2^29   |
//   +--------+------+-------------------------------------+
//
// PRIVATE: an event of this session alone (private-log.ts); else of the thread's shared log (log.ts).
// LITE: the variant without message content, where the entry has one.
// A number may be reused after 2^29 entries; logs are far smaller and sessions forget what fell out of them at every sweep.

export const PRIVATE = 1 << 30;
export const LITE = 1 << 29;
export const NUMBER_MASK = LITE - 1;

/** How far `number` is behind `ahead`, in the numbers' circle. */
export function distance(number: number, ahead: number): number {
  return (ahead - number) & NUMBER_MASK;
}
