// Live interactions: from the moment somebody invokes a command or touches a component until their token ends. One actor on
// the main thread holds them, because the invocation, the answer and its edits may reach different I/O threads. In memory
// only: a restart ends the tokens, as fifteen minutes would have.
//
//   open -> (3 s without an answer) failed
//   open -> answered | deferred | updating            each by one callback only
//   any  -> (15 min) gone

import { randomBytes } from 'node:crypto';
import type { ActorContext, Address, Behaviour, Message, Runtime } from '../../actor/types.ts';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { topicAddress } from '../shard/table.ts';

/** How long the application may take to answer. */
export const ANSWER_MS = 3_000;
export const TOKEN_LIFE_MS = 15 * 60_000;
/** About 1 KB each without ephemeral messages: 20 MB. Full: the oldest token ends early. */
export const INTERACTIONS_MAX = 20_000;
/** Ephemeral messages kept of one interaction, so that they can be edited. Full: the oldest is forgotten. */
export const EPHEMERALS_MAX = 10;

export const INTERACTIONS = 'interactions';

export interface Interaction {
  readonly id: Snowflake;
  readonly token: string;
  readonly application_id: Snowflake;
  /** InteractionType. */
  readonly type: number;
  readonly channel_id: Snowflake;
  readonly guild_id: Snowflake | null;
  readonly invoker_id: Snowflake;
  readonly nonce: string | null;
  /** Message type of the first answer: 20 slash command, 23 context menu, 0 component. */
  readonly answer_type: number;
  readonly metadata: { readonly [key: string]: unknown };
  /** The message a component is on. */
  readonly message_id: Snowflake | null;
  /** The token under which that message is kept when it is ephemeral. */
  readonly message_token: string | null;
  /** What @original is; null while there is none. */
  readonly original_id: Snowflake | null;
  readonly acknowledged: boolean;
  /** Seen by the invoker alone, and kept here alone. */
  readonly ephemerals: readonly EphemeralMessage[];
}

export type EphemeralMessage = { readonly id: Snowflake; readonly [key: string]: unknown };

export interface FoundEphemeral {
  readonly token: string;
  readonly application_id: Snowflake;
  readonly message: EphemeralMessage;
}

export type NewInteraction = Omit<Interaction, 'token' | 'original_id' | 'acknowledged' | 'ephemerals'>;

/** Recognisable, so that /webhooks/{id}/{token} knows a webhook's token from an interaction's. */
const TOKEN_PREFIX = 'aW50ZXJhY3Rpb246';

export function makeInteractionToken(): string {
  return TOKEN_PREFIX + randomBytes(32).toString('base64url');
}

export function isInteractionToken(token: string): boolean {
  return token.startsWith(TOKEN_PREFIX);
}

type Verdict = 'ok' | 'unknown' | 'acknowledged';

interface Entry {
  interaction: Interaction;
  readonly bornMs: number;
  failed: boolean;
}

export class InteractionBook {
  readonly #clock: Clock;
  /** By token, in the order of birth. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(interaction: Interaction): void {
    this.#expire();
    if (this.#entries.size >= INTERACTIONS_MAX) this.#forgetFirst();
    this.#entries.set(interaction.token, { interaction, bornMs: this.#clock.monotonicMs(), failed: false });
  }

  find(token: string): Interaction | null {
    return this.#live(token)?.interaction ?? null;
  }

  /** The one answer: a second one is 'acknowledged', a late one or one of another id 'unknown'. */
  acknowledge(id: Snowflake, token: string): Verdict {
    const entry = this.#live(token);
    if (entry === undefined || entry.interaction.id !== id) return 'unknown';
    if (entry.interaction.acknowledged) return 'acknowledged';
    if (entry.failed || this.#clock.monotonicMs() - entry.bornMs > ANSWER_MS) return 'unknown';
    entry.interaction = { ...entry.interaction, acknowledged: true };
    return 'ok';
  }

  /** The answer was refused: the application may try another. */
  retract(token: string): void {
    const entry = this.#live(token);
    if (entry !== undefined) entry.interaction = { ...entry.interaction, acknowledged: false };
  }

  setOriginal(token: string, originalId: Snowflake | null): void {
    const entry = this.#live(token);
    if (entry !== undefined) entry.interaction = { ...entry.interaction, original_id: originalId };
  }

  /** New or changed. */
  putEphemeral(token: string, message: EphemeralMessage): void {
    const entry = this.#live(token);
    if (entry === undefined) return;
    const others = entry.interaction.ephemerals.filter(({ id }) => id !== message.id);
    const ephemerals = [...others, message].slice(-EPHEMERALS_MAX);
    entry.interaction = { ...entry.interaction, ephemerals };
  }

  removeEphemeral(token: string, messageId: Snowflake): void {
    const entry = this.#live(token);
    if (entry === undefined) return;
    const ephemerals = entry.interaction.ephemerals.filter(({ id }) => id !== messageId);
    entry.interaction = { ...entry.interaction, ephemerals };
  }

  /** The ephemeral message of this id that the invoker sees, and the token it is kept under. */
  findEphemeral(invokerId: Snowflake, messageId: Snowflake): FoundEphemeral | null {
    for (const [token, { interaction }] of this.#entries) {
      if (interaction.invoker_id !== invokerId || this.#live(token) === undefined) continue;
      const message = interaction.ephemerals.find(({ id }) => id === messageId);
      if (message !== undefined) return { token, application_id: interaction.application_id, message };
    }
    return null;
  }

  /** After ANSWER_MS: the interaction when nobody answered. */
  failUnanswered(token: string): Interaction | null {
    const entry = this.#live(token);
    if (entry === undefined || entry.interaction.acknowledged) return null;
    entry.failed = true;
    return entry.interaction;
  }

  get size(): number {
    return this.#entries.size;
  }

  #live(token: string): Entry | undefined {
    const entry = this.#entries.get(token);
    return entry !== undefined && this.#clock.monotonicMs() - entry.bornMs < TOKEN_LIFE_MS ? entry : undefined;
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [token, entry] of this.#entries) {
      if (nowMs - entry.bornMs < TOKEN_LIFE_MS) break;
      this.#entries.delete(token);
    }
  }

  #forgetFirst(): void {
    const first = this.#entries.keys().next();
    if (first.done !== true) this.#entries.delete(first.value);
  }
}

type Request =
  | { readonly k: 'open'; readonly interaction: Interaction }
  | { readonly k: 'find'; readonly token: string }
  | { readonly k: 'acknowledge'; readonly id: Snowflake; readonly token: string }
  | { readonly k: 'retract'; readonly token: string }
  | { readonly k: 'original'; readonly token: string; readonly original_id: Snowflake | null }
  | { readonly k: 'findEphemeral'; readonly invoker_id: Snowflake; readonly message_id: Snowflake }
  | { readonly k: 'putEphemeral'; readonly token: string; readonly message: EphemeralMessage }
  | { readonly k: 'removeEphemeral'; readonly token: string; readonly message_id: Snowflake };

class InteractionsActor implements Behaviour {
  readonly #book: InteractionBook;
  #context: ActorContext | undefined;

  constructor(clock: Clock) {
    this.#book = new InteractionBook(clock);
  }

  init(context: ActorContext): void {
    this.#context = context;
  }

  handleCall(message: Message): unknown {
    const request = message as unknown as Request;
    const book = this.#book;
    switch (request.k) {
      case 'open':
        book.open(request.interaction);
        this.#context?.sendAfter(ANSWER_MS + 1, { k: '$unanswered', token: request.interaction.token });
        return {};
      case 'find':
        return { interaction: book.find(request.token) };
      case 'acknowledge':
        return { verdict: book.acknowledge(request.id, request.token) };
      case 'retract':
        book.retract(request.token);
        return {};
      case 'original':
        book.setOriginal(request.token, request.original_id);
        return {};
      case 'findEphemeral':
        return { found: book.findEphemeral(request.invoker_id, request.message_id) };
      case 'putEphemeral':
        book.putEphemeral(request.token, request.message);
        return {};
      case 'removeEphemeral':
        book.removeEphemeral(request.token, request.message_id);
        return {};
    }
  }

  handleInfo(message: Message): void {
    if (message['k'] !== '$unanswered' || this.#context === undefined) return;
    const failed = this.#book.failUnanswered(message['token'] as string);
    if (failed === null) return;
    const bytes = encodeDispatch('INTERACTION_FAILURE', { id: failed.id, nonce: failed.nonce, reason_code: 2 });
    const address = topicAddress(this.#context.runtime, `user:${failed.invoker_id}`);
    this.#context.cast(address, { k: 'emit', event: { intents: 0 }, bytes });
  }
}

export function interactionsActor(clock: Clock): Behaviour {
  return new InteractionsActor(clock);
}

/** Supervises INTERACTIONS; called once on the main thread. */
export function startInteractions(runtime: Runtime): void {
  runtime.supervise({ id: INTERACTIONS, start: () => interactionsActor(runtime.clock), restart: 'permanent' });
}

/** How the edge speaks to it. Every call is awaited, so that what one request did the next one sees. */
export class Interactions {
  readonly #runtime: Pick<Runtime, 'call' | 'threads'>;

  constructor(runtime: Pick<Runtime, 'call' | 'threads'>) {
    this.#runtime = runtime;
  }

  async open(from: NewInteraction): Promise<Interaction> {
    const token = makeInteractionToken();
    const interaction: Interaction = { ...from, token, original_id: null, acknowledged: false, ephemerals: [] };
    await this.#ask({ k: 'open', interaction });
    return interaction;
  }

  async find(token: string): Promise<Interaction | null> {
    return (await this.#ask<{ interaction: Interaction | null }>({ k: 'find', token })).interaction;
  }

  async acknowledge(id: Snowflake, token: string): Promise<Verdict> {
    return (await this.#ask<{ verdict: Verdict }>({ k: 'acknowledge', id, token })).verdict;
  }

  retract(token: string): Promise<unknown> {
    return this.#ask({ k: 'retract', token });
  }

  setOriginal(token: string, original_id: Snowflake | null): Promise<unknown> {
    return this.#ask({ k: 'original', token, original_id });
  }

  async findEphemeral(invoker_id: Snowflake, message_id: Snowflake): Promise<FoundEphemeral | null> {
    const answer = await this.#ask<{ found: FoundEphemeral | null }>({ k: 'findEphemeral', invoker_id, message_id });
    return answer.found;
  }

  putEphemeral(token: string, message: EphemeralMessage): Promise<unknown> {
    return this.#ask({ k: 'putEphemeral', token, message });
  }

  removeEphemeral(token: string, message_id: Snowflake): Promise<unknown> {
    return this.#ask({ k: 'removeEphemeral', token, message_id });
  }

  #ask<T>(request: Request): Promise<T> {
    const [main] = this.#runtime.threads('main');
    assert(main !== undefined, 'no main thread');
    const address: Address = { thread: main.index, name: INTERACTIONS };
    return this.#runtime.call<T>(address, request as unknown as Message);
  }
}
