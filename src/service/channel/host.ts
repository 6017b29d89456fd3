// What the message operations need of whoever owns a channel: a guild or a private channel. The operations (create, edit,
// delete, history, reactions, pins, typing) are written once against this.

import type { Snowflake } from '../../base/snowflake.ts';
import type { ChannelRecord, EmojiRecord, MemberRecord, RoleRecord, UserRecord } from '../../state/store/records.ts';
import type { TopicName } from '../topic.ts';
import type { MessageBook } from './message-book.ts';

export interface ChannelHost {
  readonly topic: TopicName;
  /** null for a private channel. */
  readonly guildId: Snowflake | null;
  readonly book: MessageBook;
  channel(id: Snowflake): ChannelRecord | undefined;
  /** A changed record of a channel (its last pin); the operation writes it to the store. */
  setChannel(channel: ChannelRecord): void;
  /** Effective permissions in the channel, implicit denials and time-outs applied; 0n when not a member. */
  permissions(userId: Snowflake, channel: ChannelRecord): bigint;
  member(userId: Snowflake): MemberRecord | undefined;
  role(id: Snowflake): RoleRecord | undefined;
  emoji(id: Snowflake): EmojiRecord | undefined;
  /** A user that the host knows (its members, recipients); others come from the store. */
  user(id: Snowflake): UserRecord | undefined;
  /** Has the user a session anywhere right now? (for @here) */
  online(userId: Snowflake): boolean;
}
