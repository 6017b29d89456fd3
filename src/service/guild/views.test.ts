import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '../../base/clock.ts';
import { PERMISSIONS } from '../../protocol/permissions.ts';
import type { OverwriteRecord, UserRecord } from '../../protocol/records.ts';
import { everyoneRole, newChannel, newGuild, newMember, newRole } from './provision.ts';
import { GuildState } from './state.ts';
import type { View } from './views.ts';

const GUILD = '100000000000000000';
const id = (n: number) => String(100000000000000000n + BigInt(n));
const ROLES = [1, 2, 3].map(id);
const CHANNELS = [11, 12, 13, 14].map(id);
const USERS = [21, 22, 23, 24, 25].map(id);
const VIEW = String(PERMISSIONS.VIEW_CHANNEL);
const ADMIN = String(PERMISSIONS.ADMINISTRATOR);

const permissions = fc.constantFrom('0', VIEW, ADMIN);
const bits = fc.constantFrom('0', VIEW);
const overwrites = fc.uniqueArray(
  fc.record({ id: fc.constantFrom(GUILD, ...ROLES, ...USERS), allow: bits, deny: bits }),
  { maxLength: 4, selector: (overwrite) => overwrite.id },
);

type Step =
  | { kind: 'role'; role: string; permissions: string }
  | { kind: 'deleteRole'; role: string }
  | { kind: 'channel'; channel: string; overwrites: { id: string; allow: string; deny: string }[] }
  | { kind: 'deleteChannel'; channel: string }
  | { kind: 'member'; user: string; roles: string[] }
  | { kind: 'leave'; user: string }
  | { kind: 'owner'; user: string }
  | { kind: 'attach'; user: string }
  | { kind: 'detach'; user: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('role' as const), role: fc.constantFrom(GUILD, ...ROLES), permissions }),
  fc.record({ kind: fc.constant('deleteRole' as const), role: fc.constantFrom(...ROLES) }),
  fc.record({ kind: fc.constant('channel' as const), channel: fc.constantFrom(...CHANNELS), overwrites }),
  fc.record({ kind: fc.constant('deleteChannel' as const), channel: fc.constantFrom(...CHANNELS) }),
  fc.record({ kind: fc.constant('member' as const), user: fc.constantFrom(...USERS), roles: fc.subarray(ROLES) }),
  fc.record({ kind: fc.constant('leave' as const), user: fc.constantFrom(...USERS) }),
  fc.record({ kind: fc.constant('owner' as const), user: fc.constantFrom(...USERS) }),
  fc.record({ kind: fc.constant('attach' as const), user: fc.constantFrom(...USERS) }),
  fc.record({ kind: fc.constant('detach' as const), user: fc.constantFrom(...USERS) }),
);

const user = (userId: string): UserRecord => ({
  id: userId,
  username: userId,
  discriminator: '0',
  global_name: null,
  avatar: null,
  banner: null,
  accent_color: null,
  bot: false,
  flags: 0,
  created_at_ms: 0,
});

function start(): GuildState {
  return new GuildState(
    {
      guild: newGuild(GUILD, 'g', id(99), null),
      roles: [everyoneRole(GUILD)],
      channels: CHANNELS.map((channel) => newChannel(GUILD, channel, 0, channel)),
      members: USERS.map((member) => newMember(GUILD, member, 0)),
      users: USERS.map(user),
      emojis: [],
    },
    new ManualClock(),
  );
}

function run(state: GuildState, change: Step): void {
  switch (change.kind) {
    case 'role':
      return state.setRole({ ...newRole(GUILD, change.role, change.permissions) });
    case 'deleteRole':
      return void state.deleteRole(change.role);
    case 'channel': {
      const permission_overwrites = change.overwrites.map(
        (overwrite): OverwriteRecord => ({ ...overwrite, type: USERS.includes(overwrite.id) ? 1 : 0 }),
      );
      return state.setChannel({ ...newChannel(GUILD, change.channel, 0, 'c'), permission_overwrites });
    }
    case 'deleteChannel':
      return state.deleteChannel(change.channel);
    case 'member':
      return state.setMember(
        { ...newMember(GUILD, change.user, 0), roles: change.roles.filter((role) => state.roles.has(role)) },
        user(change.user),
      );
    case 'leave':
      return state.deleteMember(change.user);
    case 'owner':
      return state.setGuild({ ...state.guild, owner_id: change.user });
  }
}

describe('views of a guild', () => {
  it('told change by change equal a fresh computation, and are told only when they differ', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const state = start();
        /** What the relays have been told. */
        const told = new Map<string, View>();
        for (const change of steps) {
          if (change.kind === 'attach') {
            const view = state.views.attach(change.user);
            if (view !== null && !told.has(change.user)) told.set(change.user, view);
          } else if (change.kind === 'detach') {
            state.views.detach(change.user);
            told.delete(change.user);
          } else run(state, change);
          for (const [userId, view] of state.views.changes()) {
            const before = told.get(userId);
            assert(before !== undefined, 'told of a user who is not attached');
            if (view === null) told.delete(userId);
            else {
              assert.notDeepEqual(view, before, 'told though nothing changed');
              told.set(userId, view);
            }
          }
          for (const [userId, view] of told) {
            const fresh = [...state.channels.values()].filter((channel) => state.canView(userId, channel));
            assert.deepEqual(
              view,
              fresh.map((channel) => channel.id),
            );
          }
        }
      }),
      { numRuns: 400, verbose: 1 },
    );
  });
});
