// The shape every command file has, and how a command reaches the server: the running one by its socket, else one started
// without an edge for as long as the command takes. So each works while the server runs and while it does not.

import type { Command } from 'commander';
import type { Config } from '../config/load.ts';
import { openOffline } from '../control/offline.ts';
import { callRpc, OperatorError } from '../control/rpc.ts';

export type Result = Readonly<Record<string, unknown>>;

/** Loads the configuration, runs the action, prints its result. A command that judges the configuration itself takes `load`. */
export type Run = (action: (config: Config) => Promise<Result | undefined>) => Promise<void>;
export type RunUnconfigured = (action: (load: () => Config) => Promise<Result>) => Promise<void>;

export type Register = (program: Command, run: Run, runUnconfigured: RunUnconfigured) => void;

/** How long a command waits for another command, or a starting server, to let go of the data directory. */
const LOCK_WAIT_MS = 15_000;
const LOCK_POLL_MS = 50;

/** Runs an operator's method (control/admin.ts) wherever the data directory is owned. */
export async function administer(config: Config, method: string, params: Record<string, unknown>): Promise<Result> {
  const deadline = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    const answered = await callRpc(config.data.dir, method, params);
    if (answered !== null) return answered.result as Result;
    try {
      const offline = await openOffline(config);
      try {
        return (await offline.handle(method, params)) as Result;
      } finally {
        await offline.close();
      }
    } catch (error) {
      const locked = error instanceof OperatorError && error.code === 'locked';
      if (!locked || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
  }
}
