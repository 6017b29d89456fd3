// For tests: a guild or private channel of a few users whose operations run in a real topic shell over a store in memory.

import type { ActorContext, Message } from '../../actor/types.ts';
import { ManualClock } from '../../base/clock.ts';
import { type Snowflake, SnowflakeGenerator } from '../../base/snowflake.ts';
import { ALL, DEFAULT_EVERYONE } from '../../protocol/permissions.ts';
import { isoTimestamp } from '../../protocol/timestamp.ts';
import { MemoryStore } from '../../state/store/memory.ts';
import type { Store } from '../../state/store/port.ts';
import type { ChannelRecord, EmojiRecord, MemberRecord, RoleRecord, UserRecord } from '../../state/store/records.ts';
import type { DispatchSpec, Requester } from '../request.ts';
import { TopicHost } from '../topic-host.ts';
import type { ChannelHost } from './host.ts';
import { MessageBook } from './message-book.ts';
import { channelOperations } from './operations.ts';

export const GUILD = '1000000000000000001';
export const CHANNEL = '1000000000000000002';
export const VOICE_CATEGORY = '1000000000000000003';
/** The first is the owner and may do everything. */
export const OWNER = '1000000000000000011';
export const ANN = '1000000000000000012';
export const BOT = '1000000000000000013';
/** Not a member. */
export const STRANGER = '1000000000000000014';
export const EMOJI = '1000000000000000021';
export const ROLE = '1000000000000000022';
export const ORIGIN = 'http://chat.test:8080';

export class FakeHost implements ChannelHost {
  readonly topic: string;
  readonly guildId: Snowflake | null;
  readonly book = new MessageBook();
  readonly channels = new Map<Snowflake, ChannelRecord>();
  readonly granted = new Map<Snowflake, bigint>([
    [OWNER, ALL],
    [ANN, DEFAULT_EVERYONE],
    [BOT, DEFAULT_EVERYONE],
  ]);

  constructor(guildId: Snowflake | null) {
    this.guildId = guildId;
    this.topic = guildId === null ? `dm:${CHANNEL}` : `guild:${guildId}`;
    this.channels.set(CHANNEL, channelRecord(CHANNEL, guildId === null ? 1 : 0, guildId));
    if (guildId !== null) this.channels.set(VOICE_CATEGORY, channelRecord(VOICE_CATEGORY, 4, guildId));
  }

  channel(id: Snowflake): ChannelRecord | undefined {
    return this.channels.get(id);
  }

  setChannel(channel: ChannelRecord): void {
    this.channels.set(channel.id, channel);
  }

  permissions(userId: Snowflake): bigint {
    return this.granted.get(userId) ?? 0n;
  }

  member(userId: Snowflake): MemberRecord | undefined {
    if (this.guildId === null || !this.granted.has(userId)) return undefined;
    return {
      guild_id: this.guildId,
      user_id: userId,
      nick: null,
      avatar: null,
      roles: [],
      joined_at: isoTimestamp(1_700_000_000_000),
      premium_since: null,
      deaf: false,
      mute: false,
      flags: 0,
      pending: false,
      communication_disabled_until: null,
    };
  }

  role(id: Snowflake): RoleRecord | undefined {
    return id === ROLE ? ({ id, mentionable: true } as RoleRecord) : undefined;
  }

  emoji(id: Snowflake): EmojiRecord | undefined {
    if (id !== EMOJI) return undefined;
    return { id, guild_id: GUILD, name: 'party', roles: [], user_id: OWNER, animated: true };
  }

  user(id: Snowflake): UserRecord | undefined {
    return this.guildId !== null && this.granted.has(id) ? userRecord(id) : undefined;
  }

  online(): boolean {
    return true;
  }
}

function channelRecord(id: Snowflake, type: number, guildId: Snowflake | null): ChannelRecord {
  return {
    id,
    ...(guildId === null ? { recipient_ids: [OWNER, ANN] } : { guild_id: guildId }),
    type,
    name: 'general',
    position: 0,
    topic: null,
    nsfw: false,
    parent_id: null,
    permission_overwrites: [],
    rate_limit_per_user: 0,
    flags: 0,
    last_pin_timestamp: null,
  };
}

export function userRecord(id: Snowflake): UserRecord {
  return {
    id,
    username: `user${id.slice(-2)}`,
    discriminator: '0',
    global_name: null,
    avatar: null,
    banner: null,
    accent_color: null,
    bot: id === BOT,
    flags: 0,
    created_at_ms: 0,
  };
}

/** Holds commits back until let go, so that a test sees what happens while a write is not durable yet. */
export class SlowStore extends MemoryStore {
  #gate: PromiseWithResolvers<void> | undefined;

  hold(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  override async commit(ops: Parameters<Store['commit']>[0]): Promise<void> {
    await this.#gate?.promise;
    return super.commit(ops);
  }
}

export interface Answer {
  readonly status: number;
  readonly body: any;
  readonly retryAfter: number | undefined;
}

class RecordingHost extends TopicHost<FakeHost> {
  readonly said: DispatchSpec[] = [];

  override prepare(spec: DispatchSpec): () => void {
    return () => {
      this.said.push(JSON.parse(JSON.stringify(spec)) as DispatchSpec);
    };
  }
}

export class Bench {
  readonly clock = new ManualClock(1_750_000_000_000);
  readonly store: SlowStore;
  readonly fake: FakeHost;
  readonly #host: RecordingHost;
  failure: unknown;

  constructor(options: { direct?: boolean; store?: SlowStore; clockMs?: number } = {}) {
    this.store = options.store ?? new SlowStore();
    this.fake = new FakeHost(options.direct === true ? null : GUILD);
    if (options.clockMs !== undefined) this.clock.advance(options.clockMs - this.clock.nowMs());
    const context = {
      pid: 1,
      name: this.fake.topic,
      clock: this.clock,
      runtime: { threads: () => [] },
      cast: () => {},
      sendAfter: () => ({ cancel: () => {} }),
      stop: (reason: unknown) => {
        this.failure = reason;
      },
    } as unknown as ActorContext;
    this.#host = new RecordingHost({
      context,
      deps: {
        store: this.store,
        ids: new SnowflakeGenerator(this.clock, 1, 1),
        dataDir: '',
        log: ({ event, ...fields }) => {
          if (event === 'topic_failed') this.failure = fields['error'];
        },
        watchThreads: () => () => {},
      },
      host: this.fake,
      operations: channelOperations,
      hooks: { admit: () => ({ view: null }), view: () => null },
    });
  }

  static async withUsers(options: ConstructorParameters<typeof Bench>[0] = {}): Promise<Bench> {
    const bench = new Bench(options);
    await bench.store.commit(
      [OWNER, ANN, BOT, STRANGER].map((id) => ({
        op: 'put',
        table: 'user',
        key: [id],
        doc: userRecord(id) as unknown as { [key: string]: unknown },
      })),
    );
    return bench;
  }

  /** Events so far, oldest first. */
  get events(): readonly DispatchSpec[] {
    return this.#host.said;
  }

  last(t: string): any {
    return this.events.findLast((event) => event.t === t)?.d;
  }

  async ask(op: string, userId: Snowflake, args: { [key: string]: unknown } = {}): Promise<Answer> {
    const requester: Requester = { user_id: userId, bot: userId === BOT, application_id: null };
    const message: Message = {
      k: 'request',
      op,
      requester,
      reason: null,
      args: { channel_id: CHANNEL, origin: ORIGIN, ...args },
    };
    const reply = await this.#host.handleCall(message);
    const text = reply.bytes === undefined ? undefined : new TextDecoder().decode(reply.bytes);
    return {
      status: reply.status,
      body: text === undefined ? undefined : JSON.parse(text),
      retryAfter: reply.retry_after,
    };
  }

  /** A message's id. */
  async say(userId: Snowflake, content: string): Promise<Snowflake> {
    const { body } = await this.ask('createMessage', userId, { content });
    return body.id as Snowflake;
  }
}
