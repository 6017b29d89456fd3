// Applications: what a bot asks about itself, and how a person makes one over HTTP.

import { apiError } from '../../../protocol/errors.ts';
import { array, imageData, maybe, nullable, object, optional, string, validate } from '../../../protocol/form.ts';
import { applicationPayload, deletedUser } from '../../../protocol/payload.ts';
import type { ApplicationRecord, UserRecord } from '../../../protocol/records.ts';
import {
  applicationOf,
  createApplication,
  DESCRIPTION_MAX,
  updateApplication,
} from '../../../service/account/applications.ts';
import { AVATARS, saveImage } from '../../../service/account/images.ts';
import { createToken } from '../../../service/account/tokens.ts';
import { updateUser } from '../../../service/account/users.ts';
import { accountDeps } from '../account-deps.ts';
import type { RestContext } from '../context.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

/** Applications of one person. */
const APPLICATIONS_MAX = 25;

function ownId(call: RestCall): string {
  if (call.requester.application_id === null) throw apiError('BOTS_ONLY');
  return call.requester.application_id;
}

async function present(context: RestContext, application: ApplicationRecord) {
  const { store } = context;
  const [owner, bot] = await store.getMany<UserRecord>('user', [[application.owner_id], [application.bot_id]]);
  const guildCount = await store.count('user_guild', [application.bot_id]);
  return applicationPayload(application, {
    owner: owner ?? deletedUser(application.owner_id),
    bot: bot ?? deletedUser(application.bot_id),
    guild_count: guildCount,
  });
}

async function getOwn(call: RestCall): Promise<RestAnswer> {
  const application = await applicationOf(accountDeps(call.context), ownId(call));
  return { json: await present(call.context, application) };
}

const changeForm = object({
  description: maybe(string({ max: DESCRIPTION_MAX })),
  icon: optional(nullable(imageData())),
});

async function patchOwn(call: RestCall): Promise<RestAnswer> {
  const id = ownId(call);
  const form = validate(changeForm, call.body);
  const { context } = call;
  const deps = accountDeps(context);
  if (form.icon !== undefined) {
    // An application shows its bot's picture.
    const avatar = form.icon === null ? null : await saveImage(context.dataDir, AVATARS, id, form.icon);
    await updateUser(deps, id, { avatar });
  }
  const change = form.description === undefined ? {} : { description: form.description };
  return { json: await present(context, await updateApplication(deps, id, change)) };
}

const createForm = object({
  name: string({ min: 1, max: 128 }),
  description: maybe(string({ max: DESCRIPTION_MAX })),
  privileged: maybe(array(string({ choices: ['members', 'presences', 'content'] }), { max: 3 })),
});

/** A person makes a bot. The token is in this answer only. */
async function create(call: RestCall): Promise<RestAnswer> {
  const { requester, context } = call;
  if (requester.bot) throw apiError('USERS_ONLY');
  const form = validate(createForm, call.body);
  const deps = accountDeps(context);
  if ((await context.store.count('user_application', [requester.user_id])) >= APPLICATIONS_MAX) {
    throw apiError('MAX_APPLICATIONS');
  }
  const { application, user } = await createApplication(deps, {
    name: form.name,
    ownerId: requester.user_id,
    privileged: form.privileged ?? ['members', 'presences', 'content'],
    ...(form.description === undefined ? {} : { description: form.description }),
  });
  const { token } = await createToken(deps, user);
  return { json: { ...(await present(context, application)), token }, status: 201 };
}

async function list(call: RestCall): Promise<RestAnswer> {
  const { requester, context } = call;
  if (requester.bot) throw apiError('USERS_ONLY');
  const rows = await context.store.list<{ application_id: string }>('user_application', [requester.user_id]);
  const found = await context.store.getMany<ApplicationRecord>(
    'application',
    rows.map((row) => [row.application_id]),
  );
  const own = found.filter((application) => application !== null);
  return { json: await Promise.all(own.map((application) => present(context, application))) };
}

export const applicationRoutes: readonly Route[] = [
  { method: 'GET', path: '/applications/@me', auth: 'required', handle: getOwn },
  { method: 'PATCH', path: '/applications/@me', auth: 'required', handle: patchOwn },
  { method: 'GET', path: '/oauth2/applications/@me', auth: 'required', handle: getOwn },
  { method: 'GET', path: '/applications', auth: 'required', handle: list },
  { method: 'POST', path: '/applications', auth: 'required', handle: create },
];
