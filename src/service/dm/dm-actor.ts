// The actor of 'dm:<channel id>', a private channel of two. It runs the same message operations as a guild; no session
// attaches to it: its events go to 'user:<id>' of each recipient. Starts at the first request and ends when idle.

import type { ActorContext, Behaviour, ChildSpec, Message } from '../../actor/types.ts';
import { isSnowflake, type Snowflake } from '../../base/snowflake.ts';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { apiError } from '../../protocol/errors.ts';
import { INTENTS } from '../../protocol/intents.ts';
import { deletedUser, dmChannelPayload } from '../../protocol/payload.ts';
import type { ChannelRecord, UserRecord } from '../../state/store/records.ts';
import { channelOperations } from '../channel/operations.ts';
import type { DispatchSpec, TopicReply } from '../request.ts';
import { topicAddress } from '../shard/table.ts';
import type { TopicName } from '../topic.ts';
import { type TopicDeps, TopicHost, type TopicHostOptions } from '../topic-host.ts';
import { DmState } from './dm-state.ts';

/** How long the actor of a channel that is not there goes on refusing before it ends. */
const MISSING_MS = 5_000;

export function dmStarter(deps: TopicDeps): (name: string) => ChildSpec {
  return (name) => ({ id: name, restart: 'transient', start: () => new DmActor(name, deps) });
}

export class DmActor implements Behaviour {
  readonly #topic: TopicName;
  readonly #deps: TopicDeps;
  #context: ActorContext | undefined;
  /** undefined: there is no such channel. */
  #host: DmHost | undefined;

  constructor(topic: TopicName, deps: TopicDeps) {
    this.#topic = topic;
    this.#deps = deps;
  }

  async init(context: ActorContext): Promise<void> {
    this.#context = context;
    const id = this.#topic.slice('dm:'.length);
    const channel = isSnowflake(id) ? await this.#deps.store.get<ChannelRecord>('channel', [id, id]) : null;
    if (channel === null) {
      context.sendAfter(MISSING_MS, { k: '$missing' });
      return;
    }
    const users = await this.#deps.store.getMany<UserRecord>(
      'user',
      (channel.recipient_ids ?? []).map((user) => [user]),
    );
    const state = new DmState(channel, this.#deps.dataDir);
    const recipients = state.recipientIds.map((user, index) => users[index] ?? deletedUser(user));
    await state.book.ready(this.#deps.store, id);
    this.#host = new DmHost(
      {
        context,
        deps: this.#deps,
        host: state,
        operations: channelOperations,
        hooks: { admit: () => ({ view: null }), view: () => null },
      },
      recipients,
    );
  }

  handleCall(message: Message): TopicReply | Promise<TopicReply> {
    if (this.#host !== undefined) return this.#host.handleCall(message);
    const error = apiError('UNKNOWN_CHANNEL');
    return { status: error.status, bytes: new TextEncoder().encode(JSON.stringify(error)) };
  }

  handleCast(message: Message): void {
    this.#host?.handleCast(message);
  }

  handleInfo(message: Message): void {
    if (message['k'] === '$missing') this.#context?.stop('normal');
    else this.#host?.handleInfo(message);
  }

  terminate(): void {
    this.#host?.close();
  }
}

/** A topic's shell whose events leave by the recipients' own topics. */
class DmHost extends TopicHost<DmState> {
  readonly #context: ActorContext;
  readonly #recipients: readonly UserRecord[];
  /**
   * People's clients that do not know the channel drop its messages: since this start it was shown before the first one. Bots
   * are not shown private channels, as on Discord (hikari stumbles over one); their libraries go by `channel_type`.
   */
  #shown = false;

  constructor(options: TopicHostOptions<DmState>, recipients: readonly UserRecord[]) {
    super(options);
    this.#context = options.context;
    this.#recipients = recipients;
  }

  override prepare(spec: DispatchSpec): () => void {
    const { t, d, lite: _lite, content_for: _contentFor, channel: _channel, ...event } = spec;
    const bytes = encodeDispatch(t, d);
    const show = t === 'MESSAGE_CREATE' && !this.#shown;
    if (show) this.#shown = true;
    return () => {
      for (const user of this.#recipients) {
        if (show && !user.bot) this.#emit(user.id, { intents: INTENTS.DIRECT_MESSAGES }, this.#channelCreate(user));
        this.#emit(user.id, event, bytes);
      }
    };
  }

  #emit(userId: Snowflake, event: { [key: string]: unknown }, bytes: Uint8Array): void {
    this.#context.cast(topicAddress(this.#context.runtime, `user:${userId}`), { k: 'emit', event, bytes });
  }

  #channelCreate(reader: UserRecord): Uint8Array {
    const others = this.#recipients.filter(({ id }) => id !== reader.id);
    const last_message_id = this.host.book.lastMessageId(this.host.record.id) ?? null;
    return encodeDispatch('CHANNEL_CREATE', dmChannelPayload(this.host.record, others, { last_message_id }));
  }
}
