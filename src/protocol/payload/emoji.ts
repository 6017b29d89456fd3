// Custom emojis, and the emoji of a reaction.

import type { EmojiRecord, UserRecord } from '../records.ts';
import { userPayload } from './user.ts';

export function emojiPayload(emoji: EmojiRecord, user?: UserRecord) {
  return {
    id: emoji.id,
    name: emoji.name,
    roles: emoji.roles,
    ...(user === undefined ? {} : { user: userPayload(user) }),
    require_colons: true,
    managed: false,
    animated: emoji.animated,
    available: true,
  };
}

/** `id` null: a Unicode emoji, whose name is the emoji itself. Both keys must be there. */
export interface PartialEmoji {
  readonly id: string | null;
  readonly name: string;
  readonly animated?: boolean;
}

export function partialEmojiPayload(emoji: PartialEmoji): PartialEmoji {
  if (emoji.id === null) return { id: null, name: emoji.name };
  return { id: emoji.id, name: emoji.name, animated: emoji.animated ?? false };
}

export function emojisUpdatePayload(guildId: string, emojis: readonly unknown[]) {
  return { guild_id: guildId, emojis };
}
