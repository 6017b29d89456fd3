// Boot module of the threads of kind 'actor': each owns the topics that the shard table gives it (guilds, private channels, the
// events of users), starts their actors when they are first spoken to, and reads and writes the store for them.

import type { Runtime } from '../actor/types.ts';
import { assert } from '../base/assert.ts';
import { SnowflakeGenerator } from '../base/snowflake.ts';
import type { Config } from '../config/load.ts';
import { createLog } from '../config/log.ts';
import { connectStore } from '../state/store/client.ts';
import { channelOperations } from './channel/operations.ts';
import { dmStarter } from './dm/dm-actor.ts';
import { guildStarter, type GuildOperations } from './guild/guild.ts';
import { guildOperations } from './guild/ops/index.ts';
import type { TopicDeps } from './topic-host.ts';
import { userStarter } from './user/user-actor.ts';

export function start(runtime: Runtime, options: { readonly config: Config }): void {
  const { config } = options;
  const deps: TopicDeps = {
    store: connectStore(runtime, config.data.dir),
    ids: new SnowflakeGenerator(runtime.clock, runtime.thread, 0),
    dataDir: config.data.dir,
    log: createLog(config.log.level),
    watchThreads: threadWatch(runtime),
  };
  runtime.startOnDemand('guild:', guildStarter(deps, allGuildOperations()));
  runtime.startOnDemand('dm:', dmStarter(deps));
  runtime.startOnDemand('user:', userStarter(deps));
}

/** The guild's own and those on messages. No name may stand for both. */
export function allGuildOperations(): GuildOperations {
  for (const name of Object.keys(channelOperations)) assert(!(name in guildOperations), `two operations named ${name}`);
  return { ...guildOperations, ...channelOperations };
}

/** One listener at the runtime for all topics of the thread, because theirs come and go. */
export function threadWatch(runtime: Runtime): TopicDeps['watchThreads'] {
  const listeners = new Set<(thread: number, up: boolean) => void>();
  runtime.onThreadChange((thread, up) => {
    if (thread.kind !== 'io') return;
    for (const listener of listeners) listener(thread.index, up);
  });
  return (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}
