import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '../../../base/clock.ts';
import { SnowflakeGenerator } from '../../../base/snowflake.ts';
import { ApiError } from '../../../protocol/errors.ts';
import { guildOperations } from '../../../service/guild/ops/index.ts';
import { MemoryStore } from '../../../state/store/memory.ts';
import type { RestContext } from '../context.ts';
import type { RestCall, Route } from '../route.ts';
import { banRoutes } from './bans.ts';
import { channelRoutes } from './channels.ts';
import { emojiRoutes } from './emojis.ts';
import { guildRoutes } from './guilds.ts';
import { inviteRoutes } from './invites.ts';
import { memberRoutes } from './members.ts';
import { roleRoutes } from './roles.ts';
import { voiceRoutes } from './voice.ts';

const ROUTES = [
  ...banRoutes,
  ...channelRoutes,
  ...emojiRoutes,
  ...guildRoutes,
  ...inviteRoutes,
  ...memberRoutes,
  ...roleRoutes,
  ...voiceRoutes,
].filter((route) => route.root !== true);

const ID = '1100000000000000001';
const clock = new ManualClock();
const ids = new SnowflakeGenerator(clock, 1, 1);
let dataDir: string;
let store: MemoryStore;
let asked: { op: string; args: { readonly [key: string]: unknown } }[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'guildhall-resources-'));
  store = new MemoryStore();
  await store.commit([
    { op: 'put', table: 'user_guild', key: [ID, ID], doc: { guild_id: ID } },
    { op: 'put', table: 'channel_owner', key: [ID], doc: { owner: `guild:${ID}`, type: 0 } },
    { op: 'put', table: 'user', key: [ID], doc: { id: ID } },
    { op: 'put', table: 'invite', key: ['code'], doc: { code: 'code', guild_id: ID } },
  ]);
});
after(async () => {
  await store.close();
  await rm(dataDir, { recursive: true });
});

function call(route: Route, body: unknown, query = '', reason: string | null = null): RestCall {
  const params: Record<string, string> = {};
  for (const [, name = ''] of route.path.matchAll(/:(\w+)/g)) params[name] = name === 'code' ? 'code' : ID;
  const context = {
    runtime: { clock, cast: () => {}, threads: () => [{ index: 1, kind: 'actor' }] },
    store,
    ids,
    dataDir,
    attachmentBytesMax: 1024,
    commit: (ops: Parameters<MemoryStore['commit']>[0]) => store.commit(ops),
    ownerOf: async () => `guild:${ID}`,
    request: async (_topic: string, op: string, _requester: unknown, args: { readonly [key: string]: unknown }) => {
      asked.push({ op, args });
      return { status: 200, bytes: new TextEncoder().encode('{}') };
    },
  } as unknown as RestContext;
  const requester = { user_id: ID, bot: false, application_id: null };
  return {
    params,
    query: new URLSearchParams(query),
    requester,
    body,
    files: [],
    reason,
    context,
  } as unknown as RestCall;
}

const find = (method: string, path: string) => {
  const route = ROUTES.find((each) => each.method === method && each.path === path);
  assert(route !== undefined, `${method} ${path}`);
  return route;
};

async function ask(method: string, path: string, body: unknown, query = '', reason: string | null = null) {
  asked = [];
  await find(method, path).handle(call(find(method, path), body, query, reason));
  return asked.at(-1)?.args ?? {};
}

/** Bodies like real ones: known keys, values of every type. */
const keys = [
  'name',
  'type',
  'permissions',
  'permission_overwrites',
  'roles',
  'colors',
  'nick',
  'image',
  'max_age',
  'user_ids',
  'allow',
  'position',
  'topic',
  'icon',
  'channel_id',
  'communication_disabled_until',
];
const hostile = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), fc.constant(ID), fc.constant(2 ** 60))),
  fc.array(fc.dictionary(fc.constantFrom('id', 'position', 'parent_id'), fc.jsonValue()), { maxLength: 4 }),
);

describe('resources of a guild', () => {
  it('ask only for operations that there are', async () => {
    for (const route of ROUTES) {
      asked = [];
      const body = { name: 'name', image: PIXEL, user_ids: [ID], query: 'q', type: 0 };
      const positions = route.method === 'PATCH' && /(roles|channels)$/.test(route.path);
      await route.handle(call(route, positions ? [{ id: ID, position: 1 }] : body, 'query=q'));
      for (const { op } of asked) assert(op in guildOperations, `${route.method} ${route.path}: ${op}`);
    }
  });

  it('answer any body with an answer or an error of the protocol, never with a failure', async () => {
    const withBody = ROUTES.filter(({ method }) => method !== 'GET' && method !== 'DELETE');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...withBody), hostile, async (route, body) => {
        try {
          await route.handle(call(route, body));
        } catch (error) {
          assert(error instanceof ApiError, `${route.method} ${route.path}: ${String(error)}`);
          assert(error.status >= 400 && error.status < 500);
        }
      }),
      { numRuns: 1_000, verbose: 1 },
    );
  });

  it('take ids and permissions as numbers or text, and give text', async () => {
    const overwrite = { id: 77, type: 'member', allow: 1024, deny: '0' };
    const { patch } = await ask('POST', '/guilds/:guild_id/channels', {
      name: 'A  B',
      permission_overwrites: [overwrite],
    });
    const { name, permission_overwrites } = patch as { name: string; permission_overwrites: unknown };
    assert.equal(name, 'a-b');
    assert.deepEqual(permission_overwrites, [{ id: '77', type: 1, allow: '1024', deny: '0' }]);
  });

  it('leave out what a patch does not say, and keep null where it means something', async () => {
    const { patch } = await ask('PATCH', '/channels/:channel_id', { topic: null, name: null, nsfw: null, what: 1 });
    assert.deepEqual(patch, { topic: null });
    const member = await ask('PATCH', '/guilds/:guild_id/members/:user_id', {
      communicationDisabledUntil: 1,
      channel_id: null,
    });
    assert.deepEqual(member['patch'], { channel_id: null });
  });

  it('take the reason and the days of a ban from the query, as discordgo writes them', async () => {
    assert.equal(
      (await ask('PUT', '/guilds/:guild_id/bans/:user_id', undefined, 'delete_message_days=1'))[
        'delete_message_seconds'
      ],
      86_400,
    );
    assert.equal(
      (await ask('PUT', '/guilds/:guild_id/bans/:user_id', { delete_message_seconds: 60 }))['delete_message_seconds'],
      60,
    );
  });

  it('hide guilds that the asker is not in', async () => {
    const route = find('GET', '/guilds/:guild_id');
    const strange = { ...call(route, undefined), params: { guild_id: '1100000000000000002' } };
    await assert.rejects(async () => route.handle(strange), { code: 10004 });
  });
});

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
