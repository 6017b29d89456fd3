// What a user may be called. Names of people are unique in their folded form; bots may share a name and are told apart by
// their discriminator.

import { formError } from '../../protocol/form.ts';
import { codePointLength } from '../../protocol/form.ts';

export const USERNAME_MIN = 2;
export const USERNAME_MAX = 32;
export const DISPLAY_NAME_MAX = 32;

/** Words and signs that would be read as something else in a message. */
const RESERVED = new Set(['everyone', 'here']);
const FORBIDDEN = ['@', '#', ':', '```'];
/** Controls, invisible format characters, unassigned and private code points, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** The form in which names are compared: case, width and composition don't tell two apart. */
export function foldUsername(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** The name as it is kept: trimmed, with single spaces. Throws the form error of `field`. */
export function checkUsername(raw: string, field = 'username'): string {
  const name = raw.normalize('NFC').trim().replace(/\s+/gu, ' ');
  const length = codePointLength(name);
  if (length < USERNAME_MIN || length > USERNAME_MAX) {
    throw formError([field], 'BASE_TYPE_BAD_LENGTH', `Must be between ${USERNAME_MIN} and ${USERNAME_MAX} in length.`);
  }
  const folded = foldUsername(name);
  const forbidden = FORBIDDEN.find((sign) => folded.includes(sign));
  if (forbidden !== undefined) {
    throw formError([field], 'USERNAME_INVALID_CONTAINS', `Username cannot contain "${forbidden}"`);
  }
  if (RESERVED.has(folded) || UNPRINTABLE.test(name)) {
    throw formError([field], 'USERNAME_INVALID', 'Username is not allowed.');
  }
  return name;
}

/** A display name; null for an empty one. */
export function checkDisplayName(raw: string | null, field = 'global_name'): string | null {
  const name = raw?.normalize('NFC').trim() ?? '';
  if (name === '') return null;
  if (codePointLength(name) > DISPLAY_NAME_MAX) {
    throw formError([field], 'BASE_TYPE_MAX_LENGTH', `Must be ${DISPLAY_NAME_MAX} or fewer in length.`);
  }
  if (UNPRINTABLE.test(name)) throw formError([field], 'USERNAME_INVALID', 'Display name is not allowed.');
  return name;
}

export function usernameTaken(field = 'username') {
  return formError([field], 'USERNAME_ALREADY_TAKEN', 'This username is already taken.');
}
