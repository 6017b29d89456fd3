// The first start on an empty data directory: a guild to meet in, so that a newcomer has somewhere to say hello.

import type { Snowflake } from '../base/snowflake.ts';
import { createUser } from '../service/account/users.ts';
import { createGuild, type AdminDeps } from './admin.ts';

export interface Welcome {
  readonly guild_id: Snowflake;
  readonly text_channel_id: Snowflake;
  readonly voice_channel_id: Snowflake;
  readonly invite_code: string;
  readonly owner_id: Snowflake;
}

const SETTING = 'welcome';

/** Makes 'Town square' once in the life of a data directory; `fresh` says whether it was now. */
export async function firstStart(deps: AdminDeps): Promise<{ welcome: Welcome; fresh: boolean }> {
  const known = await deps.store.get<{ welcome: Welcome }>('setting', [SETTING]);
  if (known !== null) return { welcome: known.welcome, fresh: false };
  const owner = await createUser(deps, { username: 'town.crier', password: null });
  const guild = await createGuild(deps, 'Town square', owner.id);
  const welcome = { ...guild, owner_id: owner.id } as unknown as Welcome;
  await deps.store.commit([{ op: 'put', table: 'setting', key: [SETTING], doc: { welcome } }]);
  return { welcome, fresh: true };
}
