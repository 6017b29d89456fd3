// The gateway of an I/O thread: every WebSocket connection, what they share, and their coming and going.

import { createDeflateStream, DEFLATE_STREAM_BYTES, type DeflateStream } from '../../../native/deflate.ts';
import { CLOSE } from '../../protocol/close-codes.ts';
import { HEARTBEAT_INTERVAL_MS, MAX_CONCURRENCY } from '../../protocol/payload/gateway.ts';
import { gateOwner } from '../../service/session/identify-gate.ts';
import { relayAddress } from '../../service/session/address.ts';
import type { Relay } from '../../service/session/relay.ts';
import type { Account } from '../../service/account/authenticator.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { StoreReader } from '../../state/store/port.ts';
import type { Socket, SocketHandler } from '../transport/types.ts';
import { Connection } from './connection.ts';
import { helloFrame, RECONNECT } from './frames.ts';
import { CLOSED, READY } from './limits.ts';
import { PresenceLimit } from './presence-limit.ts';
import { DeflatePool } from './zlib-outlet.ts';

export { GUILDS_PER_SHARD_MAX } from './limits.ts';

export type GatewayLog = (
  event: { readonly event: string; readonly level?: 'debug' | 'info' | 'warn' | 'error' } & {
    readonly [field: string]: unknown;
  },
) => void;

export interface GatewayOptions {
  readonly relay: Relay;
  readonly store: StoreReader;
  /** Who a token (without 'Bot ') belongs to; null when nobody. */
  readonly authenticate: (token: string) => Promise<Account | null>;
  /** Where clients reach us from outside; empty: as their Host header says. */
  readonly publicUrl: string;
  /** false: no identify queue (load tests). */
  readonly rateLimits: boolean;
  readonly log: GatewayLog;
  readonly heartbeatIntervalMs?: number;
  /** HELLO to IDENTIFY or RESUME, heartbeats or not. */
  readonly identifyTimeoutMs?: number;
  /** Identify keys of an account. */
  readonly maxConcurrency?: number;
  readonly createDeflate?: () => DeflateStream;
}

/** Compressors of a thread: 256 MiB of them. Further zlib-stream sessions are sent stored blocks. */
const DEFLATE_BYTES_MAX = 256 * 1024 * 1024;
const IDENTIFY_TIMEOUT_MS = 60_000;
const SWEEP_MS = 1_000;
/** op 7 is spread over this, so that clients don't come back in one wave. */
const RECONNECT_SPREAD_MS = 400;
const RECONNECT_STEPS = 16;
/** How long clients have after op 7 to close on their own. */
const RECONNECT_GRACE_MS = 1_500;
const GRACE_POLL_MS = 20;

export class Gateway implements SocketHandler {
  readonly relay: Relay;
  readonly store: StoreReader;
  readonly presences: PresenceLimit;
  readonly deflates: DeflatePool;
  readonly log: GatewayLog;
  readonly authenticate: (token: string) => Promise<Account | null>;
  readonly rateLimits: boolean;
  readonly heartbeatIntervalMs: number;
  readonly identifyTimeoutMs: number;
  readonly maxConcurrency: number;
  readonly hello: Uint8Array;
  readonly #publicUrl: string;
  readonly #connections: Connection[] = [];
  #sweep: NodeJS.Timeout | undefined;
  /** Set when the server is on its way down: nobody gets a session any more, and clients that came back wait. */
  draining = false;

  constructor(options: GatewayOptions) {
    this.relay = options.relay;
    this.store = options.store;
    this.authenticate = options.authenticate;
    this.rateLimits = options.rateLimits;
    this.log = options.log;
    this.heartbeatIntervalMs = options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS;
    this.identifyTimeoutMs = options.identifyTimeoutMs ?? IDENTIFY_TIMEOUT_MS;
    this.maxConcurrency = options.maxConcurrency ?? MAX_CONCURRENCY;
    this.hello = helloFrame(this.heartbeatIntervalMs);
    this.#publicUrl = options.publicUrl;
    this.presences = new PresenceLimit(options.relay);
    this.deflates = new DeflatePool(
      Math.floor(DEFLATE_BYTES_MAX / DEFLATE_STREAM_BYTES),
      options.createDeflate ?? (() => createDeflateStream()),
    );
  }

  start(): void {
    this.#sweep = setInterval(() => this.sweep(), SWEEP_MS);
    this.#sweep.unref();
  }

  stop(): void {
    clearInterval(this.#sweep);
  }

  now(): number {
    return this.relay.now();
  }

  get connections(): number {
    return this.#connections.length;
  }

  // ---- SocketHandler

  open(socket: Socket): void {
    const data = socket.getUserData();
    const query = new URLSearchParams(data.query);
    const version = query.get('v') ?? '10';
    const connection = new Connection(
      this,
      socket,
      version === '9' ? 9 : 10,
      query.get('compress') === 'zlib-stream',
      this.now(),
    );
    data.connection = connection;
    connection.index = this.#connections.length;
    this.#connections.push(connection);
    if (version !== '9' && version !== '10') return connection.close(CLOSE.INVALID_VERSION);
    if ((query.get('encoding') ?? 'json') !== 'json') return connection.close(CLOSE.DECODE_ERROR);
    connection.hello();
  }

  message(socket: Socket, bytes: ArrayBuffer): void {
    connectionOf(socket)?.message(bytes);
  }

  drain(socket: Socket): void {
    connectionOf(socket)?.drain();
  }

  close(socket: Socket, code: number): void {
    const connection = connectionOf(socket);
    if (connection === undefined || connection.index < 0) return;
    connection.closed(code);
    const last = this.#connections.pop() as Connection;
    if (last !== connection) {
      this.#connections[connection.index] = last;
      last.index = connection.index;
    }
    connection.index = -1;
  }

  sweep(): void {
    const now = this.now();
    // From the end: a connection that closes is replaced by the last one.
    for (let i = this.#connections.length - 1; i >= 0; i -= 1) this.#connections[i]?.sweep(now);
  }

  // ---- what opcodes need

  /** The gateway's URL as this client sees it. */
  url(connection: Connection): string {
    if (this.#publicUrl !== '') return this.#publicUrl.replace(/^http/, 'ws').replace(/\/+$/, '');
    return `ws://${connection.socket.getUserData().host}`;
  }

  /** May this key of the account identify now? One I/O thread keeps the account's table. */
  async mayIdentify(userId: Snowflake, key: number): Promise<boolean> {
    if (!this.rateLimits) return true;
    const { runtime } = this.relay;
    const threads = runtime.threads('io');
    const owner = threads[gateOwner(userId, Math.max(1, threads.length))];
    if (owner === undefined || owner.index === runtime.thread) return this.relay.gate.admit(userId, key);
    try {
      return await runtime.call<boolean>(relayAddress(owner.index), { k: 'gate', user_id: userId, key });
    } catch {
      // The other thread is down: better let in one too many than nobody.
      return true;
    }
  }

  // ---- the way down

  /** Asks every client to come back, spread a little, and closes those that don't go. Clients that come stay connected and wait. */
  async reconnectAll(graceMs: number): Promise<void> {
    this.draining = true;
    const all = [...this.#connections];
    const spreadMs = Math.min(RECONNECT_SPREAD_MS, graceMs / 4);
    for (let step = 0; step < RECONNECT_STEPS; step += 1) {
      for (let i = step; i < all.length; i += RECONNECT_STEPS) {
        const connection = all[i] as Connection;
        if (connection.state !== READY) continue;
        connection.toldToReconnect = true;
        connection.send(RECONNECT);
      }
      if (all.length > 0) await delay(spreadMs / RECONNECT_STEPS);
    }
    const waitMs = Math.min(RECONNECT_GRACE_MS, graceMs / 2);
    for (let waited = 0; waited < waitMs && all.some(({ state }) => state === READY); waited += GRACE_POLL_MS) {
      await delay(GRACE_POLL_MS);
    }
    for (const connection of all) if (connection.state !== CLOSED) connection.close(CLOSE.SERVICE_RESTART);
  }

  /** Cuts what is left, clients that wait for the next start among them. */
  closeAll(): void {
    for (const connection of [...this.#connections]) connection.close(CLOSE.SERVICE_RESTART);
  }
}

function connectionOf(socket: Socket): Connection | undefined {
  return socket.getUserData().connection as Connection | undefined;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
