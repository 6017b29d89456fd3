// Boot module of the threads of kind 'io', where clients meet us: one transport with REST and gateway behind it, the sessions
// and the relay. All of it is trusted code; whatever ends the thread, `stop` closes the transport first, because a thread that
// dies with an open App takes the process with it.

import type { ActorContext, Behaviour, Message, Runtime } from '../actor/types.ts';
import { CallError } from '../actor/types.ts';
import { SnowflakeGenerator } from '../base/snowflake.ts';
import type { Log } from '../base/log.ts';
import { createLog } from '../config/log.ts';
import type { Config } from '../config/load.ts';
import { apiError } from '../protocol/errors.ts';
import { Authenticator } from '../service/account/authenticator.ts';
import { AUTH } from '../service/account/tokens.ts';
import { Relay } from '../service/session/relay.ts';
import { forgetSavedEvents, restoreSessions, saveSessions } from '../service/session/saved.ts';
import { REPLAY_LOG_LIMITS } from '../service/session/log.ts';
import { connectStore } from '../state/store/client.ts';
import type { Store } from '../state/store/port.ts';
import { Gateway } from './gateway/gateway.ts';
import { createRestHandler } from './rest/handler.ts';
import { errorReply } from './rest/reply.ts';
import { createRestContext } from './rest-context.ts';
import { connectionsMaxFor } from './transport/descriptors.ts';
import { probePort } from './transport/probe.ts';
import type { HttpHandler, Transport } from './transport/types.ts';
import { createUwsTransport } from './transport/uws.ts';

export interface IoThreadOptions {
  readonly config: Config;
  /** REST's rate-limit table, shared by all I/O threads. */
  readonly rateLimits: SharedArrayBuffer;
}

/** Name of the thread's own actor, which main speaks to. */
export const IO = 'io';

/** The replay must outlast the resume window by the heartbeats before it. */
const REPLAY_SLACK_MS = 100_000;
/** Waiting for requests under way and for the other I/O threads, at a clean stop. */
const DRAIN_POLL_MS = 10;

let thread: IoThread | undefined;

export async function start(runtime: Runtime, options: IoThreadOptions): Promise<void> {
  thread = new IoThread(runtime, options);
  await thread.start();
}

/** Runs on every way out. The transport closes before anything that could wait or fail. */
export async function stop(): Promise<void> {
  const stopping = thread;
  thread = undefined;
  await stopping?.stop();
}

class IoThread implements Behaviour {
  readonly #runtime: Runtime;
  readonly #config: Config;
  readonly #log: Log;
  readonly #store: Store;
  readonly #relay: Relay;
  readonly #gateway: Gateway;
  readonly #transport: Transport;
  #requests = 0;
  /** This thread's clients are gone and no request is under way. */
  #quiet = false;

  constructor(runtime: Runtime, { config, rateLimits }: IoThreadOptions) {
    this.#runtime = runtime;
    this.#config = config;
    this.#log = createLog(config.log.level);
    this.#store = connectStore(runtime, config.data.dir);
    const authenticator = new Authenticator(this.#store, runtime.clock);
    const { gateway } = config;
    this.#relay = new Relay({
      runtime,
      resumeWindowMs: gateway.resume_window_s * 1000,
      queueBytesMax: gateway.queue_bytes_max,
      replayEventsMax: gateway.replay_events_max,
      onError: (error) => this.#log({ event: 'session_error', level: 'error', error }),
      log: {
        ...REPLAY_LOG_LIMITS,
        bytesMax: Math.ceil(gateway.replay_bytes_max / 2),
        ageMaxMs: gateway.resume_window_s * 1000 + REPLAY_SLACK_MS,
      },
      privateLog: { bytesMax: Math.ceil(gateway.replay_bytes_max / 2), entriesMax: REPLAY_LOG_LIMITS.entriesMax },
    });
    this.#gateway = new Gateway({
      relay: this.#relay,
      store: this.#store,
      authenticate: (token) => authenticator.authenticate(token),
      publicUrl: config.public.url,
      rateLimits: config.limits.rate,
      log: this.#log,
      heartbeatIntervalMs: gateway.heartbeat_interval_ms,
      identifyTimeoutMs: gateway.identify_timeout_s * 1000,
      maxConcurrency: gateway.max_concurrency,
    });
    const rest = createRestHandler(
      createRestContext(runtime, this.#store, new SnowflakeGenerator(runtime.clock, runtime.thread, 0), config),
      {
        rateLimits,
        rateLimitsEnforced: config.limits.rate,
        requestsPerSecond: config.limits.requests_per_second,
        publicUrl: config.public.url === '' ? null : config.public.url,
        authenticate: (token) => authenticator.authenticate(token),
        clock: runtime.clock,
        log: this.#log,
        requestBytesMax: config.limits.request_bytes,
        fileBytesMax: config.limits.attachment_bytes,
      },
    );
    this.#transport = createUwsTransport({
      http: this.#counted(rest),
      sockets: this.#gateway,
      connectionsMax: connectionsMaxFor(runtime.threads('io').length),
      bodyBytesMax: config.limits.request_bytes,
      onError: (error) => this.#log({ event: 'transport_error', level: 'error', error }),
    });
    runtime.supervise({ id: AUTH, start: () => authenticator.actor(), restart: 'permanent' });
  }

  async start(): Promise<void> {
    this.#relay.start();
    this.#gateway.start();
    this.#runtime.supervise({ id: IO, start: () => this, restart: 'permanent' });
    const restored = await restoreSessions(this.#relay, this.#store);
    if (restored > 0) this.#log({ event: 'sessions_restored', sessions: restored, thread: this.#runtime.thread });
  }

  async stop(): Promise<void> {
    this.#transport.close();
    this.#gateway.stop();
    await this.#store.close();
  }

  /** REST with what a clean stop needs to know; a request that comes too late is told to come again. */
  #counted(rest: HttpHandler): HttpHandler {
    return async (request) => {
      if (this.#gateway.draining) return errorReply(apiError('UNAVAILABLE'));
      this.#requests += 1;
      try {
        return await rest(request);
      } finally {
        this.#requests -= 1;
      }
    };
  }

  // ---- what main asks

  init(_context: ActorContext): void {}

  handleCall(message: Message): unknown {
    switch (message['k']) {
      case 'listen':
        return this.#listen(message);
      case 'drain':
        return this.#drain(Number(message['graceMs'] ?? this.#config.shutdown.grace_ms));
      case 'quiet':
        return this.#quiet;
      case 'stats':
        return { ...this.#relay.stats(), connections: this.#gateway.connections, requests: this.#requests };
      default:
        throw new Error(`the I/O thread knows no call '${String(message['k'])}'`);
    }
  }

  /** All threads are up when main asks for this, and have read what the last stop saved. */
  async #listen(message: Message): Promise<number> {
    if (this.#isFirst()) await forgetSavedEvents(this.#store);
    const { http } = this.#config;
    const host = String(message['host'] ?? http.host);
    const port = Number(message['port'] ?? http.port);
    // The kernel shares no port that it chose itself: a free one is found first.
    return this.#transport.listen(host, port === 0 ? await probePort(host, 0) : port);
  }

  #isFirst(): boolean {
    return this.#runtime.threads('io')[0]?.index === this.#runtime.thread;
  }

  /**
   * A clean stop. The port stays open throughout: a client that finds it closed gives its session up. New requests get 503, clients
   * op 7; when no thread has a request under way, and so nothing new can happen, the sessions are saved.
   */
  async #drain(graceMs: number): Promise<{ sessions: number }> {
    const until = this.#relay.now() + graceMs;
    await this.#gateway.reconnectAll(graceMs);
    while (this.#requests > 0 && this.#relay.now() < until) await delay(DRAIN_POLL_MS);
    this.#quiet = true;
    await this.#othersQuiet(until);
    await this.#barrier();
    const sessions = await saveSessions(this.#relay, this.#store);
    this.#log({ event: 'sessions_saved', sessions, thread: this.#runtime.thread });
    return { sessions };
  }

  async #othersQuiet(until: number): Promise<void> {
    for (const { index } of this.#runtime.threads('io')) {
      if (index === this.#runtime.thread) continue;
      while (this.#relay.now() < until) {
        const quiet = await this.#runtime
          .call<boolean>({ thread: index, name: IO }, { k: 'quiet' }, 1_000)
          .catch(notThere);
        if (quiet) break;
        await delay(DRAIN_POLL_MS);
      }
    }
  }

  /** What the actor threads have said to us before now is delivered when their answers are: each pair of threads is first in, first out. */
  async #barrier(): Promise<void> {
    const answers = this.#runtime
      .threads('actor')
      .map(({ index }) =>
        this.#runtime.call({ thread: index, name: '$barrier' }, { k: 'barrier' }, 1_000).catch(notThere),
      );
    await Promise.all(answers);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Nobody there is an answer too. */
function notThere(error: unknown): true {
  if (error instanceof CallError) return true;
  throw error;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
