// Wakes the event loop of a thread from any thread of the process (crates/bindings/core/src/wake.rs). Wakes coalesce: after a
// `wake` that returned true, `onWake` runs at least once, and everything the waking thread wrote before is visible to it.

import { core } from './binding.ts';

export interface Waker {
  /** A positive 32-bit integer, to be handed to other threads. Never names another waker, also after `close`. */
  readonly id: number;
  /** Keeps the event loop alive from now on; a new waker does not. */
  ref(): void;
  unref(): void;
  /** `onWake` is not called any more, and `wake(id)` answers false. May be called twice. */
  close(): void;
}

/**
 * Opens a waker of this thread; undefined where the binding is absent. What `onWake` throws is an uncaught exception of the
 * thread. The end of the thread, by terminate() too, closes its wakers. Throws when the process has 1,024 of them.
 */
export function createWaker(onWake: () => void): Waker | undefined {
  if (core === undefined) return undefined;
  const binding = core;
  const id = binding.openWaker(onWake, false);
  return {
    id,
    ref: () => binding.refWaker(id, true),
    unref: () => binding.refWaker(id, false),
    close: () => binding.closeWaker(id),
  };
}

/** False when the waker is closed, its thread is gone, or there is no binding. */
export const wake: (id: number) => boolean = core === undefined ? () => false : core.wake;
