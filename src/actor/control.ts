// What the threads of a node share besides the rings: one cache line of words per thread, in one SharedArrayBuffer.
// Written by the thread itself, except `state` (see sleep.ts) and `request` (main asks, the thread answers).

import { THREADS_MAX } from './pid.ts';
import type { AtomicsLike } from './ring.ts';

const ROW_WORDS = 16;

/** Words of a row. */
export const STATE = 0;
export const WAKER = 1;
export const GENERATION_MAX = 2;
export const REQUEST = 3;
export const STOPPED = 4;

/** Values of STATE. A thread that was never up is RUNNING: nobody tries to wake it. */
export const RUNNING = 0;
export const SLEEPING = 1;

/** Values of REQUEST. */
export const REQUEST_NONE = 0;
/** Close what would abort the process (open uWebSockets Apps), now and synchronously; then set STOPPED. */
export const REQUEST_EMERGENCY = 1;

export function createControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(THREADS_MAX * ROW_WORDS * 4);
}

export class Control {
  readonly words: Int32Array;
  readonly #atomics: AtomicsLike;

  constructor(memory: SharedArrayBuffer, atomics: AtomicsLike = Atomics) {
    this.words = new Int32Array(memory);
    this.#atomics = atomics;
  }

  get(thread: number, word: number): number {
    return this.#atomics.load(this.words, thread * ROW_WORDS + word);
  }

  set(thread: number, word: number, value: number): void {
    this.#atomics.store(this.words, thread * ROW_WORDS + word, value);
  }

  /** Index of a word, for Atomics.wait and notify. */
  index(thread: number, word: number): number {
    return thread * ROW_WORDS + word;
  }

  /** True for the one caller that took the thread from SLEEPING to RUNNING: it owes the wake-up. */
  claimWake(thread: number): boolean {
    const index = thread * ROW_WORDS + STATE;
    if (this.#atomics.load(this.words, index) !== SLEEPING) return false;
    return this.#atomics.compareExchange(this.words, index, SLEEPING, RUNNING) === SLEEPING;
  }

  /** The thread's own: says that it will sleep. It must look at every path once more afterwards. */
  declareSleep(thread: number): void {
    this.#atomics.store(this.words, thread * ROW_WORDS + STATE, SLEEPING);
  }

  /** The thread's own: work came in between. False: a sender was faster, and its wake-up is on the way (harmless). */
  cancelSleep(thread: number): boolean {
    return this.claimWake(thread);
  }
}
