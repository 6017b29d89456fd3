// A guild in memory: its record, roles, channels, members with their users, emojis, voice states and presences. Owned by one
// actor, rebuilt from the store by load.ts. Operations change it through the methods here, which keep the caches and the
// marks of what must be recomputed; they write to the store themselves.

import type { Message } from '../../actor/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import {
  ALL,
  channelPermissions,
  computeBase,
  guildPermissions,
  has,
  PERMISSIONS,
} from '../../protocol/permissions.ts';
import type {
  BanRecord,
  ChannelRecord,
  EmojiRecord,
  GuildRecord,
  InviteRecord,
  MemberRecord,
  RoleRecord,
  UserRecord,
  VoiceStateRecord,
} from '../../protocol/records.ts';
import type { StoreOp } from '../../state/store/port.ts';
import type { ChannelHost } from '../channel/host.ts';
import { MessageBook } from '../channel/message-book.ts';
import type { TopicName } from '../topic.ts';
import { Presences } from './presence.ts';
import { Views } from './views.ts';

export interface GuildParts {
  readonly guild: GuildRecord;
  readonly roles: readonly RoleRecord[];
  readonly channels: readonly ChannelRecord[];
  readonly members: readonly MemberRecord[];
  readonly users: readonly UserRecord[];
  readonly emojis: readonly EmojiRecord[];
}

/** What operations of a guild reach beyond its state; set by its actor. */
export interface GuildLinks {
  readonly dataDir: string;
  cast(topic: TopicName, message: Message): void;
  /** Tells the user's live sessions to attach to this guild. */
  announceJoin(userId: Snowflake): void;
  /** Users with a session attached right now. */
  listeners(): Iterable<Snowflake>;
  /** A batch of its own, ahead of what the running operation has yet to write. */
  commitBefore(ops: readonly StoreOp[]): void;
  /** The guild is deleted: the actor ends. */
  end(): void;
}

const UNLINKED: GuildLinks = {
  dataDir: '',
  cast: () => {},
  announceJoin: () => {},
  listeners: () => [],
  commitBefore: () => {},
  end: () => {},
};

export class GuildState implements ChannelHost {
  readonly topic: TopicName;
  readonly guildId: Snowflake;
  readonly clock: Clock;
  readonly book = new MessageBook();
  readonly roles = new Map<Snowflake, RoleRecord>();
  readonly channels = new Map<Snowflake, ChannelRecord>();
  readonly members = new Map<Snowflake, MemberRecord>();
  /** Users of the members. */
  readonly users = new Map<Snowflake, UserRecord>();
  readonly emojis = new Map<Snowflake, EmojiRecord>();
  /** Members in voice, by user. */
  readonly voiceStates = new Map<Snowflake, VoiceStateRecord>();
  readonly presences = new Presences();
  readonly views: Views;
  /** Rises with every change of what all sessions' GUILD_CREATE have in common. */
  version = 0;
  /** Rises with every change of the member list or of a member. */
  membersVersion = 0;
  /** JSON of member objects as they were last encoded; at most one text a member. */
  readonly memberTexts = new Map<Snowflake, string>();
  links: GuildLinks = UNLINKED;
  /** All invites, once they were needed; the store has them until then. */
  invites: Map<string, InviteRecord> | undefined;
  /** Bans that changed of late; null: lifted. Others are in the store alone. */
  readonly bans = new Map<Snowflake, BanRecord | null>();
  #guild: GuildRecord;

  constructor(parts: GuildParts, clock: Clock) {
    this.#guild = parts.guild;
    this.guildId = parts.guild.id;
    this.topic = `guild:${parts.guild.id}`;
    this.clock = clock;
    for (const role of parts.roles) this.roles.set(role.id, role);
    for (const channel of parts.channels) this.channels.set(channel.id, channel);
    for (const user of parts.users) this.users.set(user.id, user);
    // A member whose account is gone has nothing to be shown.
    for (const member of parts.members) if (this.users.has(member.user_id)) this.members.set(member.user_id, member);
    for (const emoji of parts.emojis) this.emojis.set(emoji.id, emoji);
    this.views = new Views(this);
  }

  get guild(): GuildRecord {
    return this.#guild;
  }

  get memberCount(): number {
    return this.members.size;
  }

  /** Approximate in name only: the actor knows. */
  counts() {
    return { approximate_member_count: this.memberCount, approximate_presence_count: this.presences.onlineCount };
  }

  // ---- ChannelHost

  channel(id: Snowflake): ChannelRecord | undefined {
    return this.channels.get(id);
  }

  permissions(userId: Snowflake, channel: ChannelRecord): bigint {
    const member = this.members.get(userId);
    if (member === undefined) return 0n;
    return channelPermissions(this.#guild, this.roles, member, channel, this.clock.nowMs());
  }

  member(userId: Snowflake): MemberRecord | undefined {
    return this.members.get(userId);
  }

  role(id: Snowflake): RoleRecord | undefined {
    return this.roles.get(id);
  }

  emoji(id: Snowflake): EmojiRecord | undefined {
    return this.emojis.get(id);
  }

  user(id: Snowflake): UserRecord | undefined {
    return this.users.get(id);
  }

  online(userId: Snowflake): boolean {
    return this.presences.online(userId);
  }

  // ---- permissions in the guild

  /** Effective guild-wide permissions, time-out applied; 0n when not a member. */
  guildPermissions(userId: Snowflake): bigint {
    const member = this.members.get(userId);
    return member === undefined ? 0n : guildPermissions(this.#guild, this.roles, member, this.clock.nowMs());
  }

  /** Owners and administrators: no overwrite and no time-out holds them. */
  isAdministrator(userId: Snowflake): boolean {
    const member = this.members.get(userId);
    return member !== undefined && has(computeBase(this.#guild, this.roles, member), ALL);
  }

  canView(userId: Snowflake, channel: ChannelRecord): boolean {
    return has(this.permissions(userId, channel), PERMISSIONS.VIEW_CHANNEL);
  }

  // ---- changes

  setGuild(guild: GuildRecord): void {
    const ownerChanged = guild.owner_id !== this.#guild.owner_id;
    this.#guild = guild;
    this.version += 1;
    if (ownerChanged) this.views.touchAll();
  }

  setRole(role: RoleRecord): void {
    const before = this.roles.get(role.id);
    this.roles.set(role.id, role);
    this.version += 1;
    if (before === undefined || before.permissions !== role.permissions) this.views.touchAll();
  }

  /** Members lose it too; gives those that had it, changed already. */
  deleteRole(id: Snowflake): MemberRecord[] {
    this.roles.delete(id);
    this.version += 1;
    const changed: MemberRecord[] = [];
    for (const member of this.members.values()) {
      if (!member.roles.includes(id)) continue;
      const next = { ...member, roles: member.roles.filter((role) => role !== id) };
      this.setMember(next);
      changed.push(next);
    }
    this.views.touchAll();
    return changed;
  }

  setChannel(channel: ChannelRecord): void {
    const before = this.channels.get(channel.id);
    this.channels.set(channel.id, channel);
    this.version += 1;
    if (before === undefined || before.permission_overwrites !== channel.permission_overwrites) this.views.touchAll();
  }

  deleteChannel(id: Snowflake): void {
    this.channels.delete(id);
    this.book.forgetChannel(id);
    this.version += 1;
    this.views.touchAll();
  }

  /** A new member, or a changed one. */
  setMember(member: MemberRecord, user?: UserRecord): void {
    const before = this.members.get(member.user_id);
    this.members.set(member.user_id, member);
    if (user !== undefined) this.users.set(user.id, user);
    if (before === undefined) this.version += 1;
    this.#memberChanged(member.user_id);
    if (before === undefined || before.roles !== member.roles) this.views.touch(member.user_id);
  }

  deleteMember(userId: Snowflake): void {
    this.members.delete(userId);
    this.users.delete(userId);
    this.version += 1;
    this.#memberChanged(userId);
    this.views.touch(userId);
  }

  /** The user's own record changed. */
  setUser(user: UserRecord): void {
    this.users.set(user.id, user);
    this.#memberChanged(user.id);
  }

  setEmoji(emoji: EmojiRecord): void {
    this.emojis.set(emoji.id, emoji);
    this.version += 1;
  }

  deleteEmoji(id: Snowflake): void {
    this.emojis.delete(id);
    this.version += 1;
  }

  setVoiceState(state: VoiceStateRecord): void {
    if (state.channel_id === null) this.voiceStates.delete(state.user_id);
    else this.voiceStates.set(state.user_id, state);
    this.version += 1;
  }

  #memberChanged(userId: Snowflake): void {
    this.memberTexts.delete(userId);
    this.membersVersion += 1;
    // Voice states carry their member.
    if (this.voiceStates.has(userId)) this.version += 1;
  }
}
