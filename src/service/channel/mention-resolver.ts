// Whom a message mentions: what its text names, less what allowed_mentions and the author's permissions hold back.

import type { Snowflake } from '../../base/snowflake.ts';
import { type AllowedMentions, filterMentions, parseMentions } from '../../protocol/mentions.ts';
import { has, PERMISSIONS } from '../../protocol/permissions.ts';
import type { UserRecord } from '../../state/store/records.ts';
import type { ChannelHost } from './host.ts';

/** Users looked up for one message; 2,000 characters can name about 90. */
const MENTIONS_MAX = 100;

export interface ResolvedMentions {
  readonly mention_ids: Snowflake[];
  readonly mention_roles: Snowflake[];
  readonly mention_everyone: boolean;
}

/** Users that the text names: read them before `resolveMentions`. */
export function usersNamed(content: string): readonly Snowflake[] {
  return parseMentions(content).users.slice(0, MENTIONS_MAX);
}

export function resolveMentions(
  host: ChannelHost,
  permissions: bigint,
  content: string,
  allowed: AllowedMentions | null | undefined,
  users: ReadonlyMap<Snowflake, UserRecord>,
  repliedTo: Snowflake | undefined,
): ResolvedMentions {
  const effective = filterMentions(parseMentions(content), allowed);
  const mayAll = has(permissions, PERMISSIONS.MENTION_EVERYONE);
  const mentioned = new Set(effective.users.slice(0, MENTIONS_MAX).filter((id) => users.has(id)));
  if (effective.repliedUser && repliedTo !== undefined && users.has(repliedTo)) mentioned.add(repliedTo);
  const roles = host.guildId === null ? [] : effective.roles;
  return {
    mention_ids: [...mentioned],
    mention_roles: roles.filter((id) => {
      const role = host.role(id);
      return role !== undefined && id !== host.guildId && (role.mentionable || mayAll);
    }),
    mention_everyone: mayAll && (effective.everyone || effective.here),
  };
}
