// The account functions' port over a thread's REST context: its own reader, and writes through the store's thread.

import type { AccountDeps } from '../../service/account/deps.ts';
import type { RestContext } from './context.ts';

const known = new WeakMap<RestContext, AccountDeps>();

export function accountDeps(context: RestContext): AccountDeps {
  let deps = known.get(context);
  if (deps === undefined) {
    const { store } = context;
    deps = {
      runtime: context.runtime,
      ids: context.ids,
      store: {
        get: (table, key) => store.get(table, key),
        getMany: (table, keys) => store.getMany(table, keys),
        list: (table, prefix, options) => store.list(table, prefix, options),
        commit: (ops) => context.commit(ops),
      },
    };
    known.set(context, deps);
  }
  return deps;
}
