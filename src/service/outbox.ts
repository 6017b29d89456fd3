// The order in which a topic speaks. Every operation takes one place in the line, at the moment it changes the topic's state; its
// writes are handed to the store in that order, and what it has to say is said in that order once its writes and all before
// them are durable.
//
//   head                               first not handed over              tail
//    v                                  v                                  v
//   [durable] -> [committing] -> ... -> [sealed] -> [open, op running] -> [sealed]
//    said next     store.commit called     waits for the open one before it
//
// A place is open only between an operation's first write and its return, in which it awaits nothing (request.ts); so
// nobody waits for long.

import { assert } from '../base/assert.ts';
import type { Store, StoreOp } from '../state/store/port.ts';

type State = 'open' | 'sealed' | 'committing' | 'durable';

export class Place {
  readonly ops: StoreOp[] = [];
  readonly #effects: (() => void)[] = [];
  readonly #last: (() => void)[] = [];
  state: State = 'open';
  next: Place | undefined;
  /** Told when the line has failed instead. */
  onFail: ((error: Error) => void) | undefined;

  write(ops: readonly StoreOp[]): void {
    assert(this.state === 'open', 'write after the operation ended');
    for (const op of ops) this.ops.push(op);
  }

  /** Runs in turn when everything up to here is durable. */
  say(effect: () => void): void {
    assert(this.state === 'open', 'dispatch after the operation ended');
    this.#effects.push(effect);
  }

  /** The same, after all that was said. */
  sayLast(effect: () => void): void {
    assert(this.state === 'open', 'effect after the operation ended');
    this.#last.push(effect);
  }

  run(): void {
    for (const effect of this.#effects) effect();
    for (const effect of this.#last) effect();
  }
}

export class Outbox {
  readonly #store: Pick<Store, 'commit'>;
  readonly #onFailure: (error: Error) => void;
  #head: Place | undefined;
  /** The first not handed to the store. */
  #next: Place | undefined;
  #tail: Place | undefined;
  /** An effect that takes a place of its own must not overtake the effects beside it. */
  #saying = false;
  #length = 0;
  #failed: Error | undefined;

  /** `onFailure`: a commit was refused or an effect threw; the state in memory is not what is stored, so the owner must end. */
  constructor(store: Pick<Store, 'commit'>, onFailure: (error: Error) => void) {
    this.#store = store;
    this.#onFailure = onFailure;
  }

  /** Places not yet said. */
  get length(): number {
    return this.#length;
  }

  /** Takes the next place in the line. It must be sealed. */
  open(): Place {
    const place = new Place();
    if (this.#tail === undefined) this.#head = place;
    else this.#tail.next = place;
    this.#tail = place;
    this.#next ??= place;
    this.#length += 1;
    return place;
  }

  seal(place: Place): void {
    assert(place.state === 'open', 'sealed twice');
    place.state = 'sealed';
    if (this.#failed !== undefined) place.onFail?.(this.#failed);
    else this.#advance();
  }

  /** Says this once everything before is durable: now, if nothing waits. */
  inOrder(effect: () => void): void {
    const place = this.open();
    place.say(effect);
    this.seal(place);
  }

  /** Ends the line: nothing more is said, those waiting are told. */
  fail(error: Error): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    for (let place = this.#head; place !== undefined; place = place.next) place.onFail?.(error);
    this.#onFailure(error);
  }

  #advance(): void {
    while (this.#next !== undefined && this.#next.state !== 'open') {
      const place = this.#next;
      this.#next = place.next;
      this.#commit(place);
    }
    if (this.#saying) return;
    this.#saying = true;
    while (this.#failed === undefined && this.#head?.state === 'durable') {
      const place = this.#head;
      this.#head = place.next;
      if (this.#head === undefined) this.#tail = undefined;
      this.#length -= 1;
      try {
        place.run();
      } catch (error) {
        place.onFail?.(error as Error);
        this.fail(error as Error);
      }
    }
    this.#saying = false;
  }

  #commit(place: Place): void {
    if (place.ops.length === 0) {
      place.state = 'durable';
      return;
    }
    place.state = 'committing';
    this.#store.commit(place.ops).then(
      () => {
        place.state = 'durable';
        if (this.#failed === undefined) this.#advance();
      },
      (error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))),
    );
  }
}
