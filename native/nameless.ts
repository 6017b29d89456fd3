// uWebSockets.js answers requests that it cannot parse by itself, before any code of ours sees them, with a page whose foot names
// the library and its version. No answer of the server may do that: in the copy that is loaded the foot is blank. Same length,
// no byte moves: the pages' lengths are compiled in.

const FOOT = /<hr><i>uWebSockets\/\d+ Server<\/i>/g;

/** A copy with the names blanked; the same array when there is nothing to blank. */
export function withoutNames(bytes: Uint8Array): Uint8Array {
  // latin1: one character a byte, so that indexes are offsets.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  let copy: Uint8Array | null = null;
  for (const match of text.matchAll(FOOT)) {
    copy ??= Uint8Array.from(bytes);
    copy.fill(0x20, match.index, match.index + match[0].length);
  }
  return copy ?? bytes;
}
