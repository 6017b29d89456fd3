// Users on the wire.

import type { UserRecord } from '../records.ts';

/** A user wherever one stands: authors, mentions, members, recipients. */
export function userPayload(user: UserRecord) {
  return {
    id: user.id,
    username: user.username,
    discriminator: user.discriminator,
    global_name: user.global_name,
    avatar: user.avatar,
    bot: user.bot,
    public_flags: user.flags,
  };
}

export type UserPayload = ReturnType<typeof userPayload>;

/** GET /users/{id}: the same with what only a profile shows. */
export function userProfilePayload(user: UserRecord) {
  return {
    ...userPayload(user),
    flags: user.flags,
    banner: user.banner,
    accent_color: user.accent_color,
  };
}

/** The user itself: READY, GET and PATCH /users/@me, USER_UPDATE. */
export function currentUserPayload(user: UserRecord) {
  return {
    ...userProfilePayload(user),
    mfa_enabled: false,
    verified: true,
    locale: 'en-US',
    premium_type: 0,
    email: null,
  };
}

/** What stands for a user whose account is gone. */
export function deletedUser(id: string): UserRecord {
  return {
    id,
    username: 'deleted_user',
    discriminator: '0',
    global_name: 'Deleted User',
    avatar: null,
    banner: null,
    accent_color: null,
    bot: false,
    flags: 0,
    created_at_ms: 0,
  };
}
