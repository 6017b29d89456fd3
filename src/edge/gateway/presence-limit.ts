// Opcode 3 passes on at most five times in twenty seconds a session; of what comes beyond, the last one follows.

import type { Relay } from '../../service/session/relay.ts';
import type { PresenceState } from '../../service/topic.ts';
import type { Connection } from './connection.ts';
import { PRESENCE_WINDOW_MS, PRESENCES_MAX } from './limits.ts';

export class PresenceLimit {
  readonly #relay: Relay;

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  update(connection: Connection, presence: PresenceState, now: number): void {
    const { extras } = connection;
    if (!admit(extras.presenceTimes, PRESENCES_MAX, PRESENCE_WINDOW_MS, now)) {
      extras.presenceWaiting = presence;
      return;
    }
    extras.presenceWaiting = null;
    if (connection.session !== null) this.#relay.topics.setPresence(connection.session, presence);
  }

  /** From the sweep: sends what waited, when it may. */
  release(connection: Connection, now: number): void {
    const { presenceWaiting } = connection.extras;
    if (presenceWaiting !== null) this.update(connection, presenceWaiting, now);
  }
}

/** Sliding window over the times of the last `max` events; counts this one when there is room. */
export function admit(times: number[], max: number, windowMs: number, now: number): boolean {
  while (times.length > 0 && now - (times[0] as number) >= windowMs) times.shift();
  if (times.length >= max) return false;
  times.push(now);
  return true;
}
