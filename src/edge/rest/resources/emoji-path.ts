// The emoji of a path: a Unicode emoji, or name:id of a custom one (also a:name:id, and <…> as in text).

import { isSnowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';

/** UTF-16 units: the longest sequences (families, flags of regions) have about 25. */
const UNICODE_MAX = 40;
const UNICODE = /^(?:\p{RGI_Emoji}|[\p{Emoji}&&[^0-9#*]]\uFE0F?|\p{Regional_Indicator})$/v;
/** Sequences that clients send without their variation selectors, or with one too many. */
const SEQUENCE =
  /^(?=.*\p{Emoji})[\p{Emoji}\p{Emoji_Component}\p{Emoji_Modifier}\u200d\ufe0f\u20e3\u{e0020}-\u{e007f}]+$/u;
const CUSTOM = /^<?(?:a?:)?([\w~-]{1,64}):(\d{1,20})>?$/;

/** Throws UNKNOWN_EMOJI on what is none. `text` is decoded already. */
export function emojiOf(text: string): { readonly id: string | null; readonly name: string } {
  const custom = CUSTOM.exec(text);
  if (custom !== null) {
    const [, name = '', id = ''] = custom;
    if (isSnowflake(id as unknown)) return { id, name };
    throw apiError('UNKNOWN_EMOJI');
  }
  const known = text.length <= UNICODE_MAX && (UNICODE.test(text) || (/[^0-9#*]/.test(text) && SEQUENCE.test(text)));
  if (!known) throw apiError('UNKNOWN_EMOJI');
  return { id: null, name: text };
}
