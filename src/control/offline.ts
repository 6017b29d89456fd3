// A node without an edge, for an operator's command while no server runs: the same actors and the same store, so that a
// command does the same thing either way.

import type { Config } from '../config/load.ts';
import { createLog } from '../config/log.ts';
import type { AdminHandler } from './admin.ts';
import { bootNode } from './node.ts';

export async function openOffline(config: Config): Promise<{ handle: AdminHandler; close(): Promise<void> }> {
  const log = createLog(config.log.level === 'info' ? 'warn' : config.log.level);
  const node = await bootNode({
    config,
    log,
    edge: false,
    onFatal: (thread, error) => {
      log({ event: 'thread_given_up', level: 'error', thread: thread.index, kind: thread.kind, error });
      process.exit(1);
    },
  });
  return { handle: node.admin, close: () => node.stop() };
}
