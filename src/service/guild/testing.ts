// A guild in a node of the test kind: real runtime, rings and actor, the store in memory, and relays that write down what they
// are told. For tests only.

import assert from 'node:assert/strict';
import { type TestNode, testNode } from '../../actor/testing.ts';
import type { Message } from '../../actor/types.ts';
import { type Snowflake, SnowflakeGenerator } from '../../base/snowflake.ts';
import { INTENTS, VALID } from '../../protocol/intents.ts';
import { EVENT_FIELDS, missingFields } from '../../protocol/required-fields.ts';
import type { UserRecord } from '../../protocol/records.ts';
import { MemoryStore } from '../../state/store/memory.ts';
import type { Doc, Store } from '../../state/store/port.ts';
import { OPERATOR, type TopicReply } from '../request.ts';
import { topicAddress } from '../shard/table.ts';
import { type Attach, RELAY } from '../topic.ts';
import type { TopicDeps } from '../topic-host.ts';
import { guildStarter } from './guild.ts';
import { guildOperations } from './ops/index.ts';
import { type CreatedGuild, guildCreation } from './provision.ts';

export interface Heard {
  readonly thread: number;
  readonly k: string;
  /** Of an event: its name and data. */
  readonly t?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into payloads of every shape
  readonly d: any;
  readonly record: Message;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export class GuildBench {
  readonly node: TestNode;
  readonly store: Store;
  readonly ids: SnowflakeGenerator;
  readonly made: CreatedGuild;
  readonly owner: UserRecord;
  readonly heard: Heard[] = [];
  readonly userTopics: { readonly topic: string; readonly message: Message }[] = [];
  readonly logged: { readonly event: string }[] = [];
  /** What typed clients could not read, of all that was dispatched. */
  readonly #faults: string[] = [];
  #sessions = 0;

  private constructor(node: TestNode, store: Store, ids: SnowflakeGenerator, owner: UserRecord, made: CreatedGuild) {
    this.node = node;
    this.store = store;
    this.ids = ids;
    this.owner = owner;
    this.made = made;
  }

  static async start(wrap: (store: Store) => Store = (store) => store): Promise<GuildBench> {
    const node = testNode({ threads: [{ kind: 'io', count: 2 }, { kind: 'actor' }] });
    const store = new MemoryStore();
    const ids = new SnowflakeGenerator(node.clock, 0, 0);
    const owner = newUser(ids.next(), 'owner');
    const made = guildCreation({ name: 'Test', owner, ids, nowMs: node.clock.nowMs() });
    await store.commit([{ op: 'put', table: 'user', key: [owner.id], doc: owner as unknown as Doc }, ...made.ops]);
    const bench = new GuildBench(node, store, ids, owner, made);
    const actor = node.of('actor');
    const deps: TopicDeps = {
      store: wrap(store),
      ids: new SnowflakeGenerator(node.clock, actor.thread, 0),
      dataDir: '/nowhere',
      log: (event) => bench.logged.push(event),
      watchThreads: (listener) => {
        actor.onThreadChange((thread, up) => listener(thread.index, up));
        return () => {};
      },
    };
    actor.startOnDemand('guild:', guildStarter(deps, guildOperations));
    actor.startOnDemand('user:', (name) => ({
      id: name,
      restart: 'temporary',
      start: () => ({
        handleCast(message) {
          bench.userTopics.push({ topic: name, message });
        },
      }),
    }));
    for (const io of [node.of('io', 0), node.of('io', 1)]) {
      io.spawn({ handleCast: (message) => bench.#hear(io.thread, message) }, { name: RELAY });
    }
    return bench;
  }

  get guildId(): Snowflake {
    return this.made.guildId;
  }

  #hear(thread: number, record: Message): void {
    const k = record['k'] as string;
    const bytes = record.bytes;
    if (bytes === undefined || bytes.length === 0) {
      this.heard.push({ thread, k, d: undefined, record });
      return;
    }
    const whole = (record['split'] as number | undefined) ?? bytes.length;
    const { t, d } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, whole))) as { t: string; d: Doc };
    if (Object.hasOwn(EVENT_FIELDS, t)) this.#faults.push(...missingFields(t, d).map((fault) => `${t} ${fault}`));
    this.heard.push({ thread, k, t, d, record });
  }

  /** Events heard since the last call, by name; with the records in between (views, attached). */
  take(): Heard[] {
    return this.heard.splice(0);
  }

  /** A user in the store, joined to the guild. */
  async member(name: string, options: { bot?: boolean } = {}): Promise<UserRecord> {
    const user = await this.user(name, options);
    await this.ask('join', { user }, OPERATOR);
    return user;
  }

  async user(name: string, { bot = false }: { bot?: boolean } = {}): Promise<UserRecord> {
    const user = { ...newUser(this.ids.next(), name), bot };
    await this.store.commit([{ op: 'put', table: 'user', key: [user.id], doc: user as unknown as Doc }]);
    return user;
  }

  /** Calls an operation as a user. */
  async ask(
    op: string,
    args: object = {},
    asUser: Snowflake = this.owner.id,
    reason: string | null = null,
  ): Promise<Answer> {
    const io = this.node.of('io', 0);
    const requester = { user_id: asUser, bot: false, application_id: null };
    const address = topicAddress(io, `guild:${this.guildId}`);
    const reply = await io.call<TopicReply>(address, { k: 'request', op, requester, reason, args: { ...args } });
    await this.node.settle();
    const text = reply.bytes === undefined ? undefined : new TextDecoder().decode(reply.bytes);
    return { status: reply.status, body: text === undefined ? undefined : JSON.parse(text) };
  }

  cast(message: Message): void {
    const io = this.node.of('io', 0);
    io.cast(topicAddress(io, `guild:${this.guildId}`), message);
  }

  /** Attaches a session of the user; gives its attach record. */
  async attach(user: UserRecord, options: Partial<Attach> = {}): Promise<Attach> {
    this.#sessions += 1;
    const message: Attach = {
      k: 'attach',
      thread: this.node.of('io', 0).thread,
      session: this.#sessions,
      session_id: `session-${this.#sessions}`,
      user_id: user.id,
      bot: user.bot,
      intents: VALID,
      large_threshold: 50,
      mode: 'identify',
      presence: { status: 'online', activities: [], since: null, afk: false },
      ...options,
    };
    this.cast(message);
    await this.node.settle();
    return message;
  }

  /** Every event of a test must be one that every client can read. */
  async close(): Promise<void> {
    assert.deepEqual(this.#faults, []);
    await this.node.close();
    await this.store.close();
  }
}

export const WITHOUT_PRESENCES = VALID & ~INTENTS.GUILD_PRESENCES;

function newUser(id: Snowflake, username: string): UserRecord {
  return {
    id,
    username,
    discriminator: '0',
    global_name: null,
    avatar: null,
    banner: null,
    accent_color: null,
    bot: false,
    flags: 0,
    created_at_ms: 0,
  };
}
