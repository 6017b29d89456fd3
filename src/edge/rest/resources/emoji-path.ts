// The emoji of a path: a Unicode emoji, or name:id of a custom one (also a:name:id, and <…> as in text).

import { isSnowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';

/** UTF-16 units: the longest sequences (families, flags of regions) have about 25. */
const UNICODE_MAX = 40;
const UNICODE = /^(?:\p{RGI_Emoji}|\p{Regional_Indicator})$/v;
/** Those that look like text unless a variation selector follows. */
const TEXT_LIKE = /(?!\p{Emoji_Presentation})\p{Emoji}(?!\p{Emoji_Modifier})/gu;
const SELECTOR = '\u{fe0f}';
const CUSTOM = /^<?(?:a?:)?([\w~-]{1,64}):(\d{1,20})>?$/;

/** Throws UNKNOWN_EMOJI on what is none. `text` is decoded already. */
export function emojiOf(text: string): { readonly id: string | null; readonly name: string } {
  const custom = CUSTOM.exec(text);
  if (custom !== null) {
    const [, name = '', id = ''] = custom;
    if (isSnowflake(id as unknown)) return { id, name };
    throw apiError('UNKNOWN_EMOJI');
  }
  if (text.length > UNICODE_MAX || !isEmoji(text)) throw apiError('UNKNOWN_EMOJI');
  return { id: null, name: text };
}

/** Clients leave variation selectors out, or put one too many. */
function isEmoji(text: string): boolean {
  const bare = text.replaceAll(SELECTOR, '');
  const full = bare.replace(TEXT_LIKE, (one) => one + SELECTOR);
  return UNICODE.test(text) || UNICODE.test(bare) || UNICODE.test(full);
}
