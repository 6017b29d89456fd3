// Invites on the wire: as a page shows them, with their metadata, and INVITE_CREATE.

import type { ChannelRecord, GuildRecord, InviteRecord, UserRecord } from '../records.ts';
import { isoTimestamp, parseTimestamp } from '../timestamp.ts';
import { userPayload } from './user.ts';

/** When the invite ends; null when never. */
export function inviteExpiresAt(invite: InviteRecord): string | null {
  const created = parseTimestamp(invite.created_at);
  return invite.max_age === 0 || created === null ? null : isoTimestamp(created + invite.max_age * 1000);
}

export interface InviteParts {
  readonly guild: GuildRecord;
  readonly channel: Pick<ChannelRecord, 'id' | 'name' | 'type'>;
  readonly inviter: UserRecord | null;
  readonly counts?: { readonly approximate_member_count: number; readonly approximate_presence_count: number };
}

export function invitePayload(invite: InviteRecord, parts: InviteParts) {
  const { guild, channel, inviter } = parts;
  return {
    type: 0,
    code: invite.code,
    guild_id: guild.id,
    guild: {
      id: guild.id,
      name: guild.name,
      splash: guild.splash,
      banner: guild.banner,
      description: guild.description,
      icon: guild.icon,
      features: guild.features,
      verification_level: guild.verification_level,
      vanity_url_code: null,
      nsfw_level: guild.nsfw_level,
      nsfw: false,
      premium_subscription_count: 0,
    },
    channel: { id: channel.id, name: channel.name, type: channel.type },
    ...(inviter === null ? {} : { inviter: userPayload(inviter) }),
    expires_at: inviteExpiresAt(invite),
    flags: 0,
    ...parts.counts,
  };
}

/** With how often it was used: for those who may manage the channel. */
export function inviteMetadataPayload(invite: InviteRecord, parts: InviteParts) {
  return {
    ...invitePayload(invite, parts),
    uses: invite.uses,
    max_uses: invite.max_uses,
    max_age: invite.max_age,
    temporary: invite.temporary,
    created_at: invite.created_at,
  };
}

export function inviteCreatePayload(invite: InviteRecord, inviter: UserRecord | null) {
  return {
    channel_id: invite.channel_id,
    guild_id: invite.guild_id,
    code: invite.code,
    created_at: invite.created_at,
    expires_at: inviteExpiresAt(invite),
    ...(inviter === null ? {} : { inviter: userPayload(inviter) }),
    max_age: invite.max_age,
    max_uses: invite.max_uses,
    temporary: invite.temporary,
    type: 0,
    uses: invite.uses,
  };
}

export function inviteDeletePayload(invite: InviteRecord) {
  return { channel_id: invite.channel_id, guild_id: invite.guild_id, code: invite.code };
}
