// JSON from clients. discord.py and others send 64-bit ids as JSON numbers, which JSON.parse would round; so integers of
// 16 digits and more come out as decimal strings. One scan decides whether the slow way is needed at all.

const LONG_INTEGER = /[[:,\s]-?\d{16,}/;

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Parses client JSON: long integers become strings, and a `__proto__` key is dropped.
 * Throws SyntaxError on text that is not JSON, RangeError when nested deeper than `maxDepth`.
 */
export function parseJson(text: string, maxDepth = 64): Json {
  checkDepth(text, maxDepth);
  const special = LONG_INTEGER.test(text) || text.includes('__proto__') || text.includes('\\u');
  if (!special) return JSON.parse(text) as Json;
  return JSON.parse(text, reviveLongIntegers as (this: unknown, key: string, value: unknown) => unknown) as Json;
}

function reviveLongIntegers(key: string, value: Json, context: { source?: string }): Json | undefined {
  if (key === '__proto__') return undefined;
  if (typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d{16,}$/.test(context.source ?? '')) {
    return context.source as string;
  }
  return value;
}

function checkDepth(text: string, maxDepth: number): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 92) i += 1;
      else if (c === 34) inString = false;
    } else if (c === 34) inString = true;
    else if (c === 123 || c === 91) {
      depth += 1;
      if (depth > maxDepth) throw new RangeError(`JSON nested deeper than ${maxDepth}`);
    } else if (c === 125 || c === 93) depth -= 1;
  }
}
