// Boots the threads of a node in the order data flows: store, actors and, for a server, the edge.

import { cpus } from 'node:os';
import { bootRuntime, type NodeRuntime, type ThreadSpec } from '../actor/boot.ts';
import type { ThreadInfo } from '../actor/types.ts';
import { systemClock } from '../base/clock.ts';
import { SnowflakeGenerator } from '../base/snowflake.ts';
import type { Config } from '../config/load.ts';
import type { Log } from '../base/log.ts';
import { startMainActors } from '../service/account/start.ts';
import { connectStore } from '../state/store/client.ts';
import { lockDataDir, StoreLocked } from '../state/store/lock.ts';
import type { Store } from '../state/store/port.ts';
import { HEAD_BYTES_MAX } from '../edge/transport/head.ts';
import { createRateLimitTable } from '../edge/rest/rate-limits.ts';
import { createAdmin, type AdminDeps, type AdminHandler } from './admin.ts';
import { OperatorError } from './rpc.ts';

/**
 * Young generation of an I/O or actor thread's heap, MiB. V8 would let it grow to 48 on each thread and keep it; what these
 * threads make young dies within a turn, and 6 hold several turns of a busy one (see `sessions` in bench/README.md).
 */
const YOUNG_GENERATION_MB = 6;
/** More threads than this only add rings (one per ordered pair). */
const THREADS_MAX = 8;

export interface GuildhallNode {
  readonly node: NodeRuntime;
  readonly store: Store;
  readonly admin: AdminHandler;
  readonly deps: AdminDeps;
  /** Ends every thread, edge first, and gives the data directory back. */
  stop(): Promise<void>;
}

export interface BootOptions {
  readonly config: Config;
  readonly log: Log;
  /** false: no I/O threads (an operator's command while no server runs). */
  readonly edge: boolean;
  /** The runtime has given up on a thread: the process should end with an error. */
  readonly onFatal: (thread: ThreadInfo, error: Error | undefined) => void;
}

export async function bootNode({ config, log, edge, onFatal }: BootOptions): Promise<GuildhallNode> {
  // The databases hold what people said and the hashes of their passwords: nobody else's to read, in a folder of any mode.
  process.umask(0o077);
  const lock = takeLock(config.data.dir, edge ? 'serve' : 'command');
  try {
    const node = await bootRuntime({ threads: threadSpecs(config, edge), log, onFatal });
    const store = connectStore(node.runtime, config.data.dir);
    startMainActors(node.runtime);
    const ids = new SnowflakeGenerator(systemClock, 0, 0);
    const deps: AdminDeps = { runtime: node.runtime, store, ids };
    return {
      node,
      store,
      deps,
      admin: createAdmin(deps),
      stop: async () => {
        await store.close();
        await node.stop();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function threadSpecs(config: Config, edge: boolean): ThreadSpec[] {
  const cores = Math.max(1, cpus().length);
  const specs: ThreadSpec[] = [
    {
      kind: 'store',
      module: new URL('../state/store/store-thread.ts', import.meta.url).href,
      options: { dataDir: config.data.dir },
      restart: 'permanent',
    },
    {
      kind: 'actor',
      module: new URL('../service/actor-thread.ts', import.meta.url).href,
      options: { config },
      count: edge ? config.threads.actor || Math.min(THREADS_MAX, Math.ceil(cores / 2)) : 1,
      restart: 'permanent',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    },
  ];
  if (!edge) return specs;
  // uWebSockets.js reads it when it is loaded, from the process' environment; a thread can only write to its copy.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(HEAD_BYTES_MAX);
  const rateLimits = createRateLimitTable();
  specs.push({
    kind: 'io',
    module: new URL('../edge/io-thread.ts', import.meta.url).href,
    options: { config, rateLimits },
    // A core for the guilds and the disk: I/O threads on every core cost each delivery a third more and delivered less.
    count: config.threads.io || Math.min(THREADS_MAX, Math.max(1, cores - 1)),
    restart: 'permanent',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  return specs;
}

function takeLock(dataDir: string, role: string): { release(): void } {
  try {
    return lockDataDir(dataDir, role);
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    throw new OperatorError(
      'locked',
      error.message,
      'stop the other process, or choose another folder with --data.dir',
      {
        cause: error,
      },
    );
  }
}
