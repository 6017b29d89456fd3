// Applications and their bots. An application has the id of its bot user, as on Discord since bots are made with their
// applications, so that clients may use either.

import { randomBytes, randomInt } from 'node:crypto';
import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import type { StoreOp } from '../../state/store/port.ts';
import type { ApplicationRecord, UserRecord } from '../../state/store/records.ts';
import type { AccountDeps } from './deps.ts';
import { checkUsername } from './usernames.ts';

/** Bytes of the key that interactions over HTTP would be signed with; clients only decode it. */
const VERIFY_KEY_BYTES = 32;
/** Characters of an application's description. */
export const DESCRIPTION_MAX = 400;

export interface NewApplication {
  readonly name: string;
  readonly ownerId: Snowflake;
  readonly privileged: ApplicationRecord['privileged'];
  readonly description?: string;
}

/** Makes an application with its bot user; durable when it resolves. Throws UNKNOWN_USER, INVALID_FORM. */
export async function createApplication(
  deps: AccountDeps,
  from: NewApplication,
): Promise<{ application: ApplicationRecord; user: UserRecord }> {
  const name = checkUsername(from.name, 'name');
  const owner = await deps.store.get<UserRecord>('user', [from.ownerId]);
  if (owner === null || owner.bot) throw apiError('UNKNOWN_USER');
  const id = deps.ids.next();
  const user: UserRecord = {
    id,
    username: name,
    // Bots may share a name; this tells them apart.
    discriminator: String(randomInt(1, 10_000)).padStart(4, '0'),
    global_name: null,
    avatar: null,
    banner: null,
    accent_color: null,
    bot: true,
    flags: 0,
    created_at_ms: Math.floor(deps.runtime.clock.nowMs()),
  };
  const application: ApplicationRecord = {
    id,
    bot_id: id,
    owner_id: owner.id,
    name,
    description: from.description ?? '',
    privileged: [...new Set(from.privileged)],
    verify_key: randomBytes(VERIFY_KEY_BYTES).toString('hex'),
  };
  await deps.store.commit([
    { op: 'put', table: 'user', key: [id], doc: { ...user } },
    ...applicationOps(application),
    { op: 'put', table: 'user_application', key: [owner.id, id], doc: { application_id: id } },
  ]);
  return { application, user };
}

export async function applicationOf(deps: AccountDeps, id: Snowflake): Promise<ApplicationRecord> {
  const application = await deps.store.get<ApplicationRecord>('application', [id]);
  if (application === null) throw apiError('UNKNOWN_APPLICATION');
  return application;
}

export interface ApplicationChange {
  readonly description?: string;
}

/** Changes an application; durable when it resolves. */
export async function updateApplication(
  deps: AccountDeps,
  id: Snowflake,
  change: ApplicationChange,
): Promise<ApplicationRecord> {
  const application = { ...(await applicationOf(deps, id)) };
  if (change.description !== undefined) application.description = change.description;
  await deps.store.commit(applicationOps(application));
  return application;
}

function applicationOps(application: ApplicationRecord): StoreOp[] {
  return [{ op: 'put', table: 'application', key: [application.id], doc: { ...application } }];
}
