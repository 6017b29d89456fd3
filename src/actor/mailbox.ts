// An actor's mailbox: two lanes of envelopes, linked through the envelopes themselves, so that an idle actor's mailbox is four
// words. The system lane goes first and is not bounded by `mailboxMax`: it holds what the runtime itself says (at most a few
// at a time), never what another actor can pile up.

import type { From, Message } from './types.ts';

/**
 * Messages a mailbox holds unless its spawner says otherwise. A ring drain brings at most some thousands at once and the
 * scheduler runs between drains, so only an actor that is slower than its senders for long gets here: 65,536 messages of
 * about 500 bytes are 30 MB, and some 50 ms of work for a fast handler.
 */
export const MAILBOX_MAX_DEFAULT = 65_536;

export const CALL = 1;
export const CAST = 2;
export const INFO = 3;
export type MailKind = typeof CALL | typeof CAST | typeof INFO;

export class Envelope {
  readonly kind: MailKind;
  readonly message: Message;
  readonly from: From | null;
  /** Sent to a name: when the actor ends normally before handling it, it goes to the name's next actor. */
  readonly named: boolean;
  next: Envelope | null = null;

  constructor(kind: MailKind, message: Message, from: From | null, named: boolean) {
    this.kind = kind;
    this.message = message;
    this.from = from;
    this.named = named;
  }
}

export class Mailbox {
  /** User messages waiting. */
  queued = 0;
  #head: Envelope | null = null;
  #tail: Envelope | null = null;
  #systemHead: Envelope | null = null;

  hasMail(): boolean {
    return this.#head !== null || this.#systemHead !== null;
  }

  push(envelope: Envelope): void {
    const tail = this.#tail;
    if (tail === null) this.#head = envelope;
    else tail.next = envelope;
    this.#tail = envelope;
    this.queued += 1;
  }

  pushSystem(envelope: Envelope): void {
    let last = this.#systemHead;
    if (last === null) {
      this.#systemHead = envelope;
      return;
    }
    while (last.next !== null) last = last.next;
    last.next = envelope;
  }

  shift(): Envelope | null {
    const system = this.#systemHead;
    if (system !== null) {
      this.#systemHead = system.next;
      system.next = null;
      return system;
    }
    const head = this.#head;
    if (head === null) return null;
    this.#head = head.next;
    if (head.next === null) this.#tail = null;
    head.next = null;
    this.queued -= 1;
    return head;
  }
}
