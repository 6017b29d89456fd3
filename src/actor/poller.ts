// A thread's ear: drains its links when it is woken, and sleeps so that no wake-up is lost (Dekker):
//
//   sender                                  this thread
//   store tail of the ring                  store state = SLEEPING
//   load state; if SLEEPING and its CAS     load every tail, and the room of every full ring;
//     to RUNNING succeeds: wake             if there is work: CAS back to RUNNING and poll again
//
// Of the two loads at least one sees the other side's store. Between a poll that brought something and sleep lies one more
// trip through the event loop, because waking a thread costs its sender 9 to 18 us and a trip costs about one.

import { REQUEST, REQUEST_EMERGENCY } from './control.ts';
import type { Control } from './control.ts';
import type { ThreadRuntime } from './runtime.ts';
import type { ThreadWaker } from './waker.ts';

export class Poller {
  readonly #runtime: ThreadRuntime;
  readonly #control: Control;
  readonly #thread: number;
  readonly #onEmergency: () => void;
  #armed: NodeJS.Immediate | null = null;
  #closed = false;

  constructor(runtime: ThreadRuntime, control: Control, onEmergency: () => void) {
    this.#runtime = runtime;
    this.#control = control;
    this.#thread = runtime.thread;
    this.#onEmergency = onEmergency;
  }

  /** The waker's callback. May come without need. */
  readonly onWake = (): void => {
    if (this.#closed) return;
    if (this.#control.get(this.#thread, REQUEST) === REQUEST_EMERGENCY) {
      this.#onEmergency();
      return;
    }
    if (this.#armed === null) this.poll();
  };

  /** One round: links, actors, then sleep or another round. */
  poll(): void {
    if (this.#closed) return;
    if (this.#runtime.poll()) {
      this.#arm();
      return;
    }
    this.#control.declareSleep(this.#thread);
    this.#runtime.links.pump();
    // If the CAS back fails a wake-up is on its way, and it polls.
    if (this.#runtime.links.hasRecords() && this.#control.cancelSleep(this.#thread)) this.#arm();
  }

  close(): void {
    this.#closed = true;
    if (this.#armed !== null) clearImmediate(this.#armed);
    this.#armed = null;
  }

  #arm(): void {
    this.#armed = setImmediate(this.#onImmediate);
  }

  readonly #onImmediate = (): void => {
    this.#armed = null;
    this.poll();
  };
}

/** Wakes a thread if it sleeps, and only the first who sees it sleep. */
export function wakeIfAsleep(control: Control, waker: ThreadWaker, thread: number): void {
  if (control.claimWake(thread)) waker.wake(thread);
}
