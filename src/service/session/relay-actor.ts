// The relay's actor: it sorts what arrives, once a second looks after the sessions, and if it fails, gives them all up: nothing
// that was in its hands can be trusted to be whole.

import type { ActorContext, Behaviour, ExitReason, From, GapNotice, Message } from '../../actor/types.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { Attached, Detached, TopicEvent, TopicUp, Views } from '../topic.ts';
import type { Relay } from './relay.ts';

const SWEEP_MS = 1_000;

export class RelayActor implements Behaviour {
  readonly #relay: Relay;
  #context!: ActorContext;

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  init(context: ActorContext): void {
    this.#context = context;
    context.sendAfter(SWEEP_MS, { k: 'sweep' });
  }

  handleCast(message: Message): void {
    const relay = this.#relay;
    switch (message['k']) {
      case 'event':
        return relay.event(message as unknown as TopicEvent);
      case 'attached':
        return relay.topics.attached(message as Attached);
      case 'detached':
        return relay.moves.detached(message as Detached);
      case 'views':
        return relay.topics.views(message as Views);
      case 'up':
        return relay.topics.up(message as TopicUp);
      case 'revoked':
        relay.revoke(message['user_id'] as Snowflake, message['hashes'] as readonly string[] | undefined);
        return;
      default:
    }
  }

  handleCall(message: Message, from: From): unknown {
    const relay = this.#relay;
    switch (message['k']) {
      case 'locate':
        return relay.moves.locate(message);
      case 'claim':
        return relay.moves.give(message, (reply) => this.#context.reply(from, reply));
      case 'revoked':
        return relay.revoke(message['user_id'] as Snowflake, message['hashes'] as readonly string[] | undefined);
      case 'gate':
        return relay.gate.admit(message['user_id'] as Snowflake, message['key'] as number);
      case 'stats':
        return relay.stats();
      default:
        throw new Error(`the relay knows no call '${String(message['k'])}'`);
    }
  }

  handleInfo(message: Message): void {
    if (message['k'] === '$gap') this.#relay.topics.gap((message as GapNotice).fromThread);
    if (message['k'] === 'sweep') {
      this.#relay.sweep();
      this.#context.sendAfter(SWEEP_MS, { k: 'sweep' });
    }
  }

  terminate(reason: ExitReason): void {
    if (reason instanceof Error) this.#relay.loseAll();
  }
}
