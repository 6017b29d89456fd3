// A private channel in memory: its record and its two recipients. What ChannelHost asks of a guild beyond that (members, roles,
// emojis) there is none of here.

import type { Snowflake } from '../../base/snowflake.ts';
import { DM_PERMISSIONS } from '../../protocol/permissions.ts';
import type { ChannelRecord, EmojiRecord, MemberRecord, RoleRecord, UserRecord } from '../../state/store/records.ts';
import type { ChannelHost } from '../channel/host.ts';
import { MessageBook } from '../channel/message-book.ts';
import type { TopicName } from '../topic.ts';

export class DmState implements ChannelHost {
  readonly topic: TopicName;
  readonly guildId = null;
  readonly book: MessageBook;
  #channel: ChannelRecord;

  constructor(channel: ChannelRecord, dataDir: string | null) {
    this.topic = `dm:${channel.id}`;
    this.book = new MessageBook(dataDir);
    this.#channel = channel;
  }

  get record(): ChannelRecord {
    return this.#channel;
  }

  get recipientIds(): readonly Snowflake[] {
    return this.#channel.recipient_ids ?? [];
  }

  channel(id: Snowflake): ChannelRecord | undefined {
    return id === this.#channel.id ? this.#channel : undefined;
  }

  setChannel(channel: ChannelRecord): void {
    this.#channel = channel;
  }

  permissions(userId: Snowflake): bigint {
    return this.recipientIds.includes(userId) ? DM_PERMISSIONS : 0n;
  }

  member(): MemberRecord | undefined {
    return undefined;
  }

  role(): RoleRecord | undefined {
    return undefined;
  }

  emoji(): EmojiRecord | undefined {
    return undefined;
  }

  /** Nobody tells a private channel of a changed name, so users are read from the store each time. */
  user(): UserRecord | undefined {
    return undefined;
  }

  /** @here means nothing between two. */
  online(): boolean {
    return false;
  }
}
