// What account functions work with: the operator's commands pass the store itself, REST its thread's reader and writer.

import type { Runtime } from '../../actor/types.ts';
import type { SnowflakeGenerator } from '../../base/snowflake.ts';
import type { Store } from '../../state/store/port.ts';

export type AccountStore = Pick<Store, 'get' | 'getMany' | 'list' | 'commit'>;

export interface AccountDeps {
  readonly runtime: Pick<Runtime, 'call' | 'cast' | 'threads' | 'clock'>;
  readonly store: AccountStore;
  readonly ids: SnowflakeGenerator;
}
