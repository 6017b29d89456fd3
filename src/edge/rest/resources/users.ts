// Users: oneself, others, and the guilds one is in.

import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { apiError } from '../../../protocol/errors.ts';
import {
  imageData,
  integer,
  maybe,
  nullable,
  object,
  optional,
  queryObject,
  boolean,
  cursor,
  string,
  validate,
} from '../../../protocol/form.ts';
import {
  currentUserPayload,
  memberPayload,
  userGuildPayload,
  userPayload,
  userProfilePayload,
} from '../../../protocol/payload.ts';
import { computeBase } from '../../../protocol/permissions.ts';
import type { GuildRecord, MemberRecord, RoleRecord, UserRecord } from '../../../protocol/records.ts';
import { AVATARS, saveImage } from '../../../service/account/images.ts';
import { updateUser, type UserChange } from '../../../service/account/users.ts';
import { topicAddress } from '../../../service/shard/table.ts';
import { accountDeps } from '../account-deps.ts';
import type { RestContext } from '../context.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';

const GUILDS_PAGE_MAX = 200;
/** Twice an hour on Discord; here it only keeps one account from filling its guilds with updates. */
const CHANGE_LIMIT = { name: 'user-change', requests: 10, windowMs: 60_000 };

async function self(call: RestCall): Promise<UserRecord> {
  const user = await call.context.store.get<UserRecord>('user', [call.requester.user_id]);
  if (user === null) throw apiError('UNAUTHORIZED');
  return user;
}

async function getSelf(call: RestCall): Promise<RestAnswer> {
  return { json: currentUserPayload(await self(call)) };
}

async function getUser(call: RestCall): Promise<RestAnswer> {
  const user = await call.context.store.get<UserRecord>('user', [call.params['user_id'] ?? '']);
  if (user === null) throw apiError('UNKNOWN_USER');
  return { json: userProfilePayload(user) };
}

const changeForm = object({
  username: maybe(string({ max: 128 })),
  global_name: optional(nullable(string({ max: 128 }))),
  avatar: optional(nullable(imageData())),
  banner: optional(nullable(imageData())),
  accent_color: optional(nullable(integer({ min: 0, max: 0xffffff }))),
});

async function patchSelf(call: RestCall): Promise<RestAnswer> {
  const form = validate(changeForm, call.body);
  const { context } = call;
  const userId = call.requester.user_id;
  const change: { -readonly [K in keyof UserChange]: UserChange[K] } = {};
  if (form.username !== undefined) change.username = form.username;
  if (form.global_name !== undefined) change.global_name = form.global_name;
  if (form.accent_color !== undefined) change.accent_color = form.accent_color;
  for (const key of ['avatar', 'banner'] as const) {
    const image = form[key];
    if (image === undefined) continue;
    change[key] = image === null ? null : await saveImage(context.dataDir, AVATARS, userId, image);
  }
  const user = await updateUser(accountDeps(context), userId, change);
  if (user === null) throw apiError('UNAUTHORIZED');
  await announce(context, user);
  return { json: currentUserPayload(user) };
}

/** The user's own sessions hear USER_UPDATE; its guilds tell their members. */
async function announce(context: RestContext, user: UserRecord): Promise<void> {
  const { runtime } = context;
  const bytes = encodeDispatch('USER_UPDATE', currentUserPayload(user));
  runtime.cast(topicAddress(runtime, `user:${user.id}`), { k: 'emit', event: { intents: 0 }, bytes });
  const guilds = await context.store.list<{ guild_id: string }>('user_guild', [user.id]);
  const { password_hash: _, ...shown } = user;
  for (const { guild_id } of guilds) {
    runtime.cast(topicAddress(runtime, `guild:${guild_id}`), { k: 'user', user: shown });
  }
}

const guildsQuery = object({
  before: optional(cursor()),
  after: optional(cursor()),
  limit: optional(integer({ min: 1, max: GUILDS_PAGE_MAX })),
  with_counts: optional(boolean()),
});

async function listGuilds(call: RestCall): Promise<RestAnswer> {
  const { before, after, limit = GUILDS_PAGE_MAX, with_counts } = validate(guildsQuery, queryObject(call.query));
  const { store } = call.context;
  const userId = call.requester.user_id;
  const rows = await store.list<{ guild_id: string }>('user_guild', [userId], {
    limit,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    // The page just below `before`, given in ascending order like every other.
    reverse: before !== undefined && after === undefined,
  });
  const ids = rows.map((row) => row.guild_id);
  if (before !== undefined && after === undefined) ids.reverse();
  const guilds = await store.getMany<GuildRecord>(
    'guild',
    ids.map((id) => [id]),
  );
  const members = await store.getMany<MemberRecord>(
    'member',
    ids.map((id) => [id, userId]),
  );
  const out: unknown[] = [];
  for (let i = 0; i < ids.length; i += 1) {
    const guild = guilds[i];
    const member = members[i];
    if (guild === null || guild === undefined || member === null || member === undefined) continue;
    const permissions = await permissionsIn(call.context, guild, member);
    const counts = with_counts === true ? await countsOf(call, guild.id) : undefined;
    out.push(userGuildPayload(guild, userId, permissions, counts));
  }
  return { json: out };
}

async function permissionsIn(context: RestContext, guild: GuildRecord, member: MemberRecord): Promise<string> {
  const ids = [guild.id, ...member.roles];
  const roles = await context.store.getMany<RoleRecord>(
    'role',
    ids.map((id) => [guild.id, id]),
  );
  const byId = new Map<string, RoleRecord>();
  for (const role of roles) if (role !== null) byId.set(role.id, role);
  return String(computeBase(guild, byId, member));
}

/** Who is online only the guild's actor knows; when it does not answer, the store's count of members stands for both. */
async function countsOf(call: RestCall, guildId: string) {
  const { context, requester } = call;
  const reply = await context.request(`guild:${guildId}`, 'guild.get', requester, { with_counts: true }, null);
  if (reply.status === 200 && reply.bytes !== undefined) {
    const guild = JSON.parse(new TextDecoder().decode(reply.bytes)) as Counts;
    const { approximate_member_count, approximate_presence_count } = guild;
    return { approximate_member_count, approximate_presence_count };
  }
  const members = await context.store.count('member', [guildId]);
  return { approximate_member_count: members, approximate_presence_count: members };
}

interface Counts {
  readonly approximate_member_count: number;
  readonly approximate_presence_count: number;
}

async function getOwnMember(call: RestCall): Promise<RestAnswer> {
  const guildId = call.params['guild_id'] ?? '';
  const member = await call.context.store.get<MemberRecord>('member', [guildId, call.requester.user_id]);
  if (member === null) throw apiError('UNKNOWN_GUILD');
  return { json: memberPayload(member, await self(call)) };
}

async function leaveGuild(call: RestCall): Promise<RestAnswer> {
  const topic = `guild:${call.params['guild_id']}`;
  return answer(await call.context.request(topic, 'member.leave', call.requester, {}, call.reason));
}

/** Who one's token belongs to (OAuth2's shape): clients of people ask for it. */
async function getAuthorization(call: RestCall): Promise<RestAnswer> {
  const user = await self(call);
  return { json: { scopes: ['identify', 'guilds'], user: userPayload(user) } };
}

export const userRoutes: readonly Route[] = [
  { method: 'GET', path: '/users/@me', auth: 'required', handle: getSelf },
  { method: 'PATCH', path: '/users/@me', auth: 'required', limit: CHANGE_LIMIT, handle: patchSelf },
  { method: 'GET', path: '/users/@me/guilds', auth: 'required', handle: listGuilds },
  { method: 'GET', path: '/users/@me/guilds/:guild_id/member', auth: 'required', handle: getOwnMember },
  { method: 'DELETE', path: '/users/@me/guilds/:guild_id', auth: 'required', handle: leaveGuild },
  { method: 'GET', path: '/users/:user_id', auth: 'required', handle: getUser },
  { method: 'GET', path: '/oauth2/@me', auth: 'required', handle: getAuthorization },
];
