// All paths of one thread: a link to and a link from each other thread that is up. Sends are committed at once and published in
// bursts: at the end of the scheduler's turn, after FLUSH_SENDS, or in the microtask after whatever sends outside a turn. One
// burst costs its receiver one look at the ring and its sender at most one wake-up.

import { encodeValue } from './codec.ts';
import type { Outgoing } from './codec.ts';
import { LinkIn, LinkOut } from './link.ts';
import type { RecordMemory, RingReader, RingWriter } from './ring.ts';
import type { Address } from './types.ts';

/** Sends after which a burst is published without waiting for the turn's end. */
const FLUSH_SENDS = 32;
/** Records taken at a time from a link that is about to go. */
const RECORDS_PER_LAST_DRAIN = 1_024;

const resolved = Promise.resolve();

/** Told of each whole record of a thread. Must not throw. */
export type LinkReceiver = (source: number, kind: number, memory: RecordMemory, position: number) => void;

export class Links {
  readonly #wake: (thread: number) => void;
  readonly #receive: LinkReceiver;
  readonly #out: (LinkOut | undefined)[] = [];
  readonly #in: (LinkIn | undefined)[] = [];
  /** The one outgoing record in the making; a send never nests. */
  readonly #record: Outgoing = { kind: 0, to: 0, from: 0, ref: 0, name: '', json: undefined, bytes: undefined };
  #dirty: LinkOut[] = [];
  #sends = 0;
  #flushArmed = false;

  /** `wake`: wakes a thread if it sleeps. */
  constructor(wake: (thread: number) => void, receive: LinkReceiver) {
    this.#wake = wake;
    this.#receive = receive;
  }

  /** The path to a thread; undefined while it is down. */
  to(thread: number): LinkOut | undefined {
    return this.#out[thread];
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const link of this.#out) if (link !== undefined) bytes += link.queuedBytes;
    return bytes;
  }

  /** The two rings to and from a thread: at boot, and again when it was replaced. */
  attach(thread: number, out: RingWriter, incoming: RingReader): void {
    this.#out[thread] = new LinkOut(thread, out);
    this.#in[thread] = new LinkIn(
      thread,
      incoming,
      (kind, memory, position) => this.#receive(thread, kind, memory, position),
      () => this.#wake(thread),
    );
  }

  /** Hears what the thread said last and forgets the paths. */
  detach(thread: number): void {
    const link = this.#in[thread];
    if (link !== undefined) while (link.drain(RECORDS_PER_LAST_DRAIN) > 0);
    this.#in[thread] = undefined;
    this.#out[thread] = undefined;
  }

  /** False: no room. Throws TypeError for a value that JSON cannot hold. */
  send(link: LinkOut, kind: number, to: Address, from: number, ref: number, value: unknown, urgent: boolean): boolean {
    const record = this.#record;
    record.kind = kind;
    record.from = from;
    record.ref = ref;
    if (typeof to === 'number') record.to = to;
    else {
      record.to = 0;
      record.name = to.name;
    }
    encodeValue(value, record);
    const sent = link.send(record, urgent);
    record.bytes = undefined;
    record.json = undefined;
    if (!link.dirty) {
      link.dirty = true;
      this.#dirty.push(link);
    }
    this.#sends += 1;
    if (this.#sends >= FLUSH_SENDS) this.flush();
    else if (!this.#flushArmed) {
      // One microtask after whatever is running now: a burst of sends costs one look at the sleep word.
      this.#flushArmed = true;
      void resolved.then(this.#onFlush);
    }
    return sent;
  }

  readonly #onFlush = (): void => {
    this.#flushArmed = false;
    this.flush();
  };

  /** Wakes the receivers of what was sent since the last flush. */
  flush(): void {
    this.#sends = 0;
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const link of dirty) {
      link.dirty = false;
      if (link.isBlocked) link.pump();
      else link.publish();
      this.#wake(link.thread);
    }
  }

  /** Takes up to `most` records from each link. Answers how many there were. */
  drain(most: number): number {
    let records = 0;
    for (const link of this.#in) if (link !== undefined) records += link.drain(most);
    return records;
  }

  /** Moves what waits outside full rings. */
  pump(): boolean {
    let moved = false;
    for (const link of this.#out) {
      if (link?.isBlocked !== true || !link.pump()) continue;
      moved = true;
      this.#wake(link.thread);
    }
    return moved;
  }

  /** Does any link hold a record? */
  hasRecords(): boolean {
    for (const link of this.#in) if (link !== undefined && !link.isEmpty()) return true;
    return false;
  }
}
