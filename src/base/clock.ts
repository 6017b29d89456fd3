// The world's time, passed in so that a test can hold it in its hand.

export interface Clock {
  /** Wall clock, milliseconds since 1970; may step back. */
  nowMs(): number;
  /** Monotonic milliseconds; never steps back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A clock that moves only when told. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;

  constructor(startMs = 1_700_000_000_000) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Steps the wall clock alone, as NTP or an operator would. */
  step(ms: number): void {
    this.#wallMs += ms;
  }
}
