import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, type Guild } from 'discord.js';
import fc from 'fast-check';
import { ChannelType } from './channel-types.ts';
import { channelPayload, guildCreatePayload, memberPayload } from './payload.ts';
import {
  ALL,
  applyImplicitDenials,
  channelPermissions,
  compareRoles,
  computeBase,
  computeChannel,
  DM_PERMISSIONS,
  guildPermissions,
  has,
  highestRole,
  outranksMember,
  PERMISSIONS as P,
} from './permissions.ts';
import type { OverwriteRecord, RoleRecord } from './records.ts';
import { aChannel, aGuild, aMember, aRole, aUser } from './samples.ts';
import { isoTimestamp } from './timestamp.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const GUILD = '1100000000000000000';
const roleIds = ['1100000000000000001', '1100000000000000002', '1100000000000000003', '1100000000000000004'];
const userIds = ['1200000000000000001', '1200000000000000002'];
const OWNER = '1200000000000000009';

// Mostly ordinary bits: a random ADMINISTRATOR would hide everything else.
const bits = fc
  .tuple(fc.bigInt({ min: 0n, max: ALL }), fc.integer({ min: 0, max: 9 }))
  .map(([mask, dice]) => (dice === 0 ? mask & ALL : mask & ALL & ~P.ADMINISTRATOR));
const overwrite = fc.record({
  id: fc.constantFrom(GUILD, ...roleIds, ...userIds),
  allow: bits.map(String),
  deny: bits.map(String),
});
const scene = fc.record({
  everyone: bits,
  roles: fc.array(bits, { minLength: 4, maxLength: 4 }),
  held: fc.subarray(roleIds),
  overwrites: fc.uniqueArray(overwrite, { selector: (o) => o.id, maxLength: 7 }),
  user: fc.constantFrom(...userIds, OWNER),
  type: fc.constantFrom(0, 2, 4, 5, 13),
  positions: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
});
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

function build(from: Scene) {
  const guild = aGuild({ id: GUILD, owner_id: OWNER });
  const roles = new Map<string, RoleRecord>();
  roles.set(GUILD, aRole({ id: GUILD, guild_id: GUILD, position: 0, permissions: String(from.everyone) }));
  roleIds.forEach((id, i) => {
    const position = (from.positions[i] ?? 0) + 1;
    roles.set(id, aRole({ id, guild_id: GUILD, position, permissions: String(from.roles[i]) }));
  });
  const member = aMember({ guild_id: GUILD, user_id: from.user, roles: from.held });
  const overwrites: OverwriteRecord[] = from.overwrites.map((o) => ({ ...o, type: userIds.includes(o.id) ? 1 : 0 }));
  const channel = aChannel({ guild_id: GUILD, type: from.type, permission_overwrites: overwrites });
  return { guild, roles, member, channel };
}

/** The same scene in discord.js' cache. */
function stock(client: Client, { guild, roles, member, channel }: ReturnType<typeof build>): Guild {
  const payload = guildCreatePayload(guild, {
    roles: roles.values(),
    emojis: [],
    joined_at: member.joined_at,
    large: false,
    member_count: 1,
    members: [memberPayload(member, aUser({ id: member.user_id }))],
    channels: [channelPayload(channel)],
    presences: [],
    voice_states: [],
  });
  client.guilds.cache.clear();
  client.channels.cache.clear();
  // biome-ignore lint: the cache's own way in, which the types hide.
  return (client.guilds as unknown as { _add(data: unknown): Guild })._add(JSON.parse(JSON.stringify(payload)));
}

test('overwrites combine as discord.js combines them', () => {
  const client = new Client({ intents: [] });
  fc.assert(
    fc.property(scene, (from) => {
      const built = build(from);
      const guild = stock(client, built);
      const theirs = guild.channels.cache.get(built.channel.id)?.permissionsFor(built.member.user_id)?.bitfield;
      const base = computeBase(built.guild, built.roles, built.member);
      const { permission_overwrites } = built.channel;
      const ours = computeChannel(base, permission_overwrites, built.member.roles, built.member.user_id, GUILD);
      assert.equal(ours & ALL, (theirs ?? 0n) & ALL);
    }),
    { seed, numRuns: 300, verbose: true },
  );
});

test('the order of roles is that of discord.js', () => {
  const client = new Client({ intents: [] });
  fc.assert(
    fc.property(scene, (from) => {
      const built = build(from);
      const guild = stock(client, built);
      for (const a of roleIds) {
        for (const b of roleIds) {
          const theirs = guild.roles.comparePositions(a, b);
          const ours = compareRoles(built.roles.get(a) as RoleRecord, built.roles.get(b) as RoleRecord);
          assert.equal(Math.sign(ours), Math.sign(theirs), `${a} ${b}`);
        }
      }
      const theirs = guild.members.cache.get(built.member.user_id)?.roles.highest.id;
      assert.equal(highestRole(built.roles, built.member.roles, GUILD)?.id, theirs);
    }),
    { seed, numRuns: 100 },
  );
});

// A second way to say the same: bit by bit, each looking from its most specific rule backwards.
function bitByBit({ guild, roles, member, channel }: ReturnType<typeof build>, timedOut: boolean): bigint {
  const held = member.roles.map((id) => roles.get(id)).filter((role) => role !== undefined);
  const granted = [roles.get(GUILD), ...held].map((role) => BigInt(role?.permissions ?? '0'));
  if (member.user_id === guild.owner_id || granted.some((mask) => mask & P.ADMINISTRATOR)) return ALL;
  const rule = (list: OverwriteRecord[], bit: bigint): boolean | undefined => {
    if (list.some((o) => BigInt(o.allow) & bit)) return true;
    if (list.some((o) => BigInt(o.deny) & bit)) return false;
    return undefined;
  };
  const all = channel.permission_overwrites;
  const layers = [
    all.filter((o) => o.id === member.user_id),
    all.filter((o) => member.roles.includes(o.id)),
    all.filter((o) => o.id === GUILD),
  ];
  const may = (bit: bigint): boolean => {
    for (const layer of layers) {
      const verdict = rule(layer, bit);
      if (verdict !== undefined) return verdict;
    }
    return granted.some((mask) => mask & bit);
  };
  const voice = channel.type === 2 || channel.type === 13;
  const blocked = (bit: bigint): boolean => {
    if (!may(P.VIEW_CHANNEL)) return true;
    if (voice && !may(P.CONNECT)) return bit !== P.VIEW_CHANNEL;
    if (timedOut && bit !== P.VIEW_CHANNEL && bit !== P.READ_MESSAGE_HISTORY) return true;
    const speaking = [P.MENTION_EVERYONE, P.SEND_TTS_MESSAGES, P.ATTACH_FILES, P.EMBED_LINKS] as bigint[];
    return speaking.includes(bit) && !may(P.SEND_MESSAGES);
  };
  let out = 0n;
  for (const bit of Object.values(P)) if (may(bit) && !blocked(bit)) out |= bit;
  return out;
}

test('effective permissions equal a second, bit-by-bit reading of the rules, timed out or not', () => {
  const nowMs = 1_700_000_000_000;
  fc.assert(
    fc.property(scene, fc.boolean(), (from, timedOut) => {
      const built = build(from);
      if (timedOut) built.member.communication_disabled_until = isoTimestamp(nowMs + 1000);
      const { guild, roles, member, channel } = built;
      assert.equal(channelPermissions(guild, roles, member, channel, nowMs) & ALL, bitByBit(built, timedOut));
    }),
    { seed, numRuns: 500, verbose: true },
  );
});

test('a time-out that has run out takes nothing, owner and administrators lose nothing', () => {
  const roles = new Map([[GUILD, aRole({ id: GUILD, permissions: String(P.SEND_MESSAGES | P.VIEW_CHANNEL) })]]);
  const guild = { id: GUILD, owner_id: OWNER };
  const member = aMember({ user_id: userIds[0] as string, communication_disabled_until: isoTimestamp(1000) });
  assert.equal(guildPermissions(guild, roles, member, 999), P.VIEW_CHANNEL);
  assert.equal(guildPermissions(guild, roles, member, 1000), P.SEND_MESSAGES | P.VIEW_CHANNEL);
  assert.equal(guildPermissions(guild, roles, { ...member, user_id: OWNER }, 0), ALL);
  roles.set(roleIds[0] as string, aRole({ permissions: String(P.ADMINISTRATOR) }));
  assert.equal(guildPermissions(guild, roles, { ...member, roles: [roleIds[0] as string] }, 0), ALL);
});

test('what is missing takes more with it', () => {
  assert.equal(applyImplicitDenials(ALL & ~P.VIEW_CHANNEL, ChannelType.GUILD_TEXT), 0n);
  const mute = applyImplicitDenials(ALL & ~P.SEND_MESSAGES, ChannelType.GUILD_TEXT);
  assert.equal(has(mute, P.MANAGE_MESSAGES), true);
  assert.equal(mute & (P.ATTACH_FILES | P.EMBED_LINKS | P.MENTION_EVERYONE | P.SEND_TTS_MESSAGES), 0n);
  assert.equal(applyImplicitDenials(ALL & ~P.CONNECT, ChannelType.GUILD_VOICE), P.VIEW_CHANNEL);
  assert.equal(applyImplicitDenials(DM_PERMISSIONS, ChannelType.DM), DM_PERMISSIONS);
});

test('nobody outranks the owner or an equal, and the older of equal roles is higher', () => {
  const [first, second] = roleIds as [string, string];
  const roles = new Map([
    [GUILD, aRole({ id: GUILD, position: 0 })],
    [first, aRole({ id: first, position: 1 })],
    [second, aRole({ id: second, position: 1 })],
  ]);
  const guild = { id: GUILD, owner_id: OWNER };
  const older = { user_id: '1', roles: [first] };
  const newer = { user_id: '2', roles: [second] };
  const owner = { user_id: OWNER, roles: [] };
  assert.equal(outranksMember(guild, roles, older, newer), true);
  assert.equal(outranksMember(guild, roles, newer, older), false);
  assert.equal(outranksMember(guild, roles, older, { user_id: '3', roles: [first] }), false);
  assert.equal(outranksMember(guild, roles, older, owner), false);
  assert.equal(outranksMember(guild, roles, owner, older), true);
});
