// How REST asks a topic (guild or private channel) to do something: one call, answered with a status and the body as JSON bytes,
// so that no thread parses it again on the way out.

import type { Message } from '../actor/types.ts';
import type { Snowflake, SnowflakeGenerator } from '../base/snowflake.ts';
import type { StoreOp, StoreReader } from '../state/store/port.ts';
import type { EventAddress } from './topic.ts';

/** Who asks. `application_id` for bots. */
export interface Requester {
  readonly user_id: Snowflake;
  readonly bot: boolean;
  readonly application_id: Snowflake | null;
}

/** Not a user: the id that operators act under (command line, first start). Operations that only operators may run ask for it. */
export const OPERATOR: Snowflake = '1';

/** A call to a topic's address. `args` were validated at the edge (path, query and body merged by the resource). */
export interface TopicRequest extends Message {
  readonly k: 'request';
  readonly op: string;
  readonly requester: Requester;
  readonly reason: string | null;
  readonly args: { readonly [key: string]: unknown };
}

/** `bytes`: the JSON body, of the answer or of the error; absent with 204. */
export interface TopicReply extends Message {
  readonly status: number;
  /** Seconds; with 429 (slow mode). */
  readonly retry_after?: number;
  readonly bytes?: Uint8Array;
}

/** A dispatch before it is encoded. */
export type DispatchSpec = EventAddress & {
  readonly t: string;
  readonly d: unknown;
  /** `d` without message content, where bots without the intent must not see it. */
  readonly lite?: unknown;
};

/**
 * What an operation works with. It may await reads first; then it checks, changes the host's state and calls write/dispatch without
 * awaiting in between. The host makes the writes durable, then sends the dispatches in order, then the answer.
 */
export interface OperationContext<Host> {
  readonly host: Host;
  readonly requester: Requester;
  readonly reason: string | null;
  readonly store: StoreReader;
  readonly ids: SnowflakeGenerator;
  readonly nowMs: number;
  write(...ops: StoreOp[]): void;
  /** Sent when the writes are durable, after everything dispatched before it. */
  dispatch(...events: DispatchSpec[]): void;
  /** Runs when the writes are durable, after the dispatches (casts to other topics). */
  afterwards(effect: () => void): void;
}

/** Returns the body (undefined: 204; a Uint8Array: JSON already, perhaps shared with other answers), or throws ApiError. */
export type Operation<Host, Args = never> = (context: OperationContext<Host>, args: Args) => unknown;

/** Answer with another status than 200. */
export class WithStatus {
  readonly status: number;
  readonly body: unknown;
  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}
