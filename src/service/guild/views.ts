// Which channels each attached user may view. Computed when roles, overwrites, members or channels change, never when something
// is said: relays keep the lists. Most users of a guild have the same roles, so a list is computed once for each set of
// roles; only users with an overwrite of their own are computed singly.
//
// Keeps true: after `changes`, what was sent to the relays of each attached user equals a fresh computation.

import type { Snowflake } from '../../base/snowflake.ts';
import { computeBase, computeChannel, has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { ChannelRecord, GuildRecord, MemberRecord, RoleRecord } from '../../protocol/records.ts';

/** What views depend on. */
export interface ViewSource {
  readonly guild: GuildRecord;
  readonly roles: ReadonlyMap<Snowflake, RoleRecord>;
  readonly channels: ReadonlyMap<Snowflake, ChannelRecord>;
  readonly members: ReadonlyMap<Snowflake, MemberRecord>;
}

export type View = readonly Snowflake[];

/** Sets of roles whose list is kept; beyond it the lists are computed anew each time. Each is at most 500 references. */
const ROLE_SETS_MAX = 10_000;

export class Views {
  readonly #source: ViewSource;
  /** By role set. Dropped when a role, an overwrite or a channel changes. */
  readonly #byRoles = new Map<string, View>();
  /** Users named by an overwrite of any channel; undefined: to be collected. */
  #named: Set<Snowflake> | undefined;
  /** What the relays of each attached user have. */
  readonly #sent = new Map<Snowflake, View>();
  #allDirty = false;
  readonly #dirty = new Set<Snowflake>();

  constructor(source: ViewSource) {
    this.#source = source;
  }

  /** The list for one user, in the order of the guild's channels; null: not a member. */
  of(userId: Snowflake): View | null {
    const { guild, members, roles } = this.#source;
    const member = members.get(userId);
    if (member === undefined) return null;
    this.#named ??= collectNamed(this.#source.channels);
    const base = computeBase(guild, roles, member);
    if (this.#named.has(userId) && !has(base, PERMISSIONS.ADMINISTRATOR)) return this.#compute(base, member);
    const key = has(base, PERMISSIONS.ADMINISTRATOR) ? '*' : roleSetKey(member.roles);
    let view = this.#byRoles.get(key);
    if (view === undefined) {
      view = this.#compute(base, member);
      if (this.#byRoles.size < ROLE_SETS_MAX) this.#byRoles.set(key, view);
    }
    return view;
  }

  /** The user's first session attaches, or another one: what it is told is what all its sessions have from now on. */
  attach(userId: Snowflake): View | null {
    const view = this.of(userId);
    // A change since the last `changes` is still to be announced to the other sessions of the user; keep what they have.
    if (view !== null && !this.#sent.has(userId)) this.#sent.set(userId, view);
    return view;
  }

  /** The user's last session is gone. */
  detach(userId: Snowflake): void {
    this.#sent.delete(userId);
    this.#dirty.delete(userId);
  }

  /** Roles, overwrites, channels or the owner changed. */
  touchAll(): void {
    this.#byRoles.clear();
    this.#named = undefined;
    this.#allDirty = true;
  }

  /** The user joined, left, or its roles changed. */
  touch(userId: Snowflake): void {
    this.#dirty.add(userId);
  }

  /** What has changed for attached users since the last call; null: no member any more. */
  changes(): (readonly [Snowflake, View | null])[] {
    if (!this.#allDirty && this.#dirty.size === 0) return [];
    const users = this.#allDirty ? [...this.#sent.keys()] : [...this.#dirty];
    this.#allDirty = false;
    this.#dirty.clear();
    const changes: (readonly [Snowflake, View | null])[] = [];
    for (const user of users) {
      const before = this.#sent.get(user);
      if (before === undefined) continue;
      const now = this.of(user);
      if (now !== null && sameView(before, now)) continue;
      if (now === null) this.#sent.delete(user);
      else this.#sent.set(user, now);
      changes.push([user, now]);
    }
    return changes;
  }

  #compute(base: bigint, member: MemberRecord): View {
    const { guild, channels } = this.#source;
    const view: Snowflake[] = [];
    for (const channel of channels.values()) {
      const granted = computeChannel(base, channel.permission_overwrites, member.roles, member.user_id, guild.id);
      if (has(granted, PERMISSIONS.VIEW_CHANNEL)) view.push(channel.id);
    }
    return view;
  }
}

function collectNamed(channels: ReadonlyMap<Snowflake, ChannelRecord>): Set<Snowflake> {
  const named = new Set<Snowflake>();
  for (const channel of channels.values()) {
    for (const overwrite of channel.permission_overwrites) if (overwrite.type === 1) named.add(overwrite.id);
  }
  return named;
}

function roleSetKey(roles: readonly Snowflake[]): string {
  return roles.length < 2 ? (roles[0] ?? '') : [...roles].sort().join();
}

function sameView(a: View, b: View): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
