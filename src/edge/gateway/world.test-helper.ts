// A node without a network for the gateway's tests: I/O threads with relay and gateway, an actor thread with scripted topics, a
// store in memory, clients as memory sockets.

import { testNode, type TestNode } from '../../actor/testing.ts';
import type { Account } from '../../service/account/authenticator.ts';
import { Relay, type RelayOptions } from '../../service/session/relay.ts';
import { type ScriptedTopic, scriptedTopics } from '../../service/session/scripted-topic.test-helper.ts';
import { MemoryStore } from '../../state/store/memory.ts';
import { MemorySocket } from '../transport/memory.ts';
import { Gateway, type GatewayOptions } from './gateway.ts';
import { topicAddress } from '../../service/shard/table.ts';

export const GUILD = '100000000000000001';
export const OTHER_GUILD = '100000000008388608';
export const BOT = '200000000000000001';
export const PERSON = '200000000000000002';

export interface WorldOptions {
  readonly threads?: number;
  readonly gateway?: Partial<GatewayOptions>;
  readonly relay?: Partial<RelayOptions>;
  readonly store?: MemoryStore;
}

export class Frame {
  readonly op!: number;
  readonly s!: number | null;
  readonly t!: string | null;
  // Payloads of every kind.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly d!: any;
}

export class Client {
  readonly socket: MemorySocket;
  #read = 0;

  constructor(gateway: Gateway, query?: string) {
    this.socket = new MemorySocket(gateway, query === undefined ? {} : { query });
  }

  /** Frames since the last call. */
  take(): Frame[] {
    const frames = this.socket.received.slice(this.#read);
    this.#read = this.socket.received.length;
    return frames.map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as Frame);
  }

  say(op: number, d: unknown): void {
    this.socket.write(JSON.stringify({ op, d }));
  }

  identify(extra: object = {}): void {
    this.say(2, { token: 'bot', intents: 0b1000000001 | (1 << 15), properties: {}, ...extra });
  }

  get closed(): number | undefined {
    return this.socket.closeCode;
  }
}

export class World {
  readonly node: TestNode;
  readonly store: MemoryStore;
  readonly relays: Relay[] = [];
  readonly gateways: Gateway[] = [];
  readonly topics: Map<string, ScriptedTopic>;
  readonly logged: object[] = [];

  constructor(options: WorldOptions = {}) {
    const io = options.threads ?? 1;
    this.node = testNode({ threads: [{ kind: 'actor' }, { kind: 'io', count: io }] });
    this.store = options.store ?? new MemoryStore();
    const { made, starter } = scriptedTopics();
    this.topics = made;
    const actors = this.node.of('actor');
    for (const prefix of ['guild:', 'user:', 'dm:']) actors.startOnDemand(prefix, starter);
    for (let i = 0; i < io; i += 1) {
      const relay = new Relay({
        runtime: this.node.of('io', i),
        resumeWindowMs: 300_000,
        queueBytesMax: 1024 * 1024,
        ...options.relay,
      });
      relay.start();
      this.relays.push(relay);
      this.gateways.push(
        new Gateway({
          relay,
          store: this.store,
          authenticate: async (token) => accounts.get(token) ?? null,
          publicUrl: '',
          rateLimits: true,
          log: (event) => this.logged.push(event),
          ...options.gateway,
        }),
      );
    }
  }

  /** Accounts, a guild with both in it. */
  async fill(): Promise<void> {
    for (const [id, bot] of [
      [BOT, true],
      [PERSON, false],
    ] as const) {
      const doc = {
        id,
        username: bot ? 'bot' : 'person',
        discriminator: '0',
        global_name: null,
        avatar: null,
        banner: null,
        accent_color: null,
        bot,
        flags: 0,
        created_at_ms: 0,
      };
      await this.store.commit([
        { op: 'put', table: 'user', key: [id], doc },
        { op: 'put', table: 'user_guild', key: [id, GUILD], doc: { user_id: id, guild_id: GUILD } },
      ]);
    }
    const application = {
      id: BOT,
      bot_id: BOT,
      owner_id: PERSON,
      name: 'bot',
      description: '',
      privileged: ['members', 'presences', 'content'],
      verify_key: '00',
    };
    await this.store.commit([{ op: 'put', table: 'application', key: [BOT], doc: application }]);
  }

  connect(query?: string, thread = 0): Client {
    return new Client(this.gateways[thread] as Gateway, query);
  }

  async settle(): Promise<void> {
    // The store's answers and the flushes come by turns of their own.
    for (let i = 0; i < 4; i += 1) await this.node.settle();
  }

  /** A client that is ready, its frames so far read. */
  async ready(
    extra: object = {},
    thread = 0,
    query?: string,
  ): Promise<{ client: Client; sessionId: string; frames: Frame[] }> {
    const client = this.connect(query, thread);
    client.identify(extra);
    await this.settle();
    const frames = client.take();
    const ready = frames.find((frame) => frame.t === 'READY');
    return { client, sessionId: ready?.d.session_id as string, frames };
  }

  say(topic: string, event: object, bytes: Uint8Array): void {
    const from = this.node.runtime(0);
    from.cast(topicAddress(from, topic), { k: 'say', event, bytes });
  }

  tell(topic: string, message: { k: string; [key: string]: unknown }): void {
    const from = this.node.runtime(0);
    from.cast(topicAddress(from, topic), message);
  }

  async close(): Promise<void> {
    for (const gateway of this.gateways) gateway.closeAll();
    await this.node.close();
  }
}

const accounts = new Map<string, Account>([
  ['bot', { user_id: BOT, bot: true, application_id: BOT, kind: 'bot', hash: 'a'.repeat(64) }],
  ['person', { user_id: PERSON, bot: false, application_id: null, kind: 'user', hash: 'b'.repeat(64) }],
  ['person2', { user_id: PERSON, bot: false, application_id: null, kind: 'user', hash: 'c'.repeat(64) }],
]);
