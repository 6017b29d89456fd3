// The kinds of settings: what they take, in a file and as text (environment, flags), and how the reference calls it. A kind answers
// its value, or throws Refused with what is allowed.

/** A value is not what the setting takes; the message says what is allowed. */
export class Refused extends Error {}

export interface Setting<T> {
  readonly default: T;
  readonly description: string;
  /** What is allowed, for errors and the reference. */
  readonly allowed: string;
  /** The default as a file writes it. */
  readonly defaultText: string;
  /** From a TOML value. */
  read(value: unknown): T;
  /** From the text of an environment variable or a flag. */
  parse(text: string): T;
}

export function integer(value: number, min: number, max: number, unit: string, description: string): Setting<number> {
  const allowed = `an integer from ${min} to ${max}${unit === '' ? '' : ` (${unit})`}`;
  const read = (candidate: unknown): number => {
    if (typeof candidate !== 'number' || !Number.isSafeInteger(candidate) || candidate < min || candidate > max) {
      throw new Refused(allowed);
    }
    return candidate;
  };
  return {
    default: value,
    description,
    allowed,
    defaultText: String(value),
    read,
    parse: (text) => read(/^-?\d{1,16}$/.test(text) ? Number(text) : undefined),
  };
}

/** `true`/`false` in a file; on, off, true, false, 1, 0, yes, no as text, and as a string in a file. */
export function flag(value: boolean, description: string): Setting<boolean> {
  const allowed = 'on or off';
  const parse = (text: string): boolean => {
    switch (text.toLowerCase()) {
      case 'on':
      case 'true':
      case 'yes':
      case '1':
        return true;
      case 'off':
      case 'false':
      case 'no':
      case '0':
        return false;
      default:
        throw new Refused(allowed);
    }
  };
  return {
    default: value,
    description,
    allowed,
    defaultText: value ? '"on"' : '"off"',
    read: (candidate) =>
      typeof candidate === 'boolean' ? candidate : parse(typeof candidate === 'string' ? candidate : ''),
    parse,
  };
}

export function choice<const T extends string>(
  value: NoInfer<T>,
  choices: readonly T[],
  description: string,
): Setting<T> {
  const allowed = `one of ${choices.join(', ')}`;
  const read = (candidate: unknown): T => {
    const found = choices.find((one) => one === candidate);
    if (found === undefined) throw new Refused(allowed);
    return found;
  };
  return { default: value, description, allowed, defaultText: JSON.stringify(value), read, parse: read };
}

/** `check` answers the text as it is kept, or undefined when it is not allowed. */
export function text(
  value: string,
  allowed: string,
  description: string,
  check: (text: string) => string | undefined,
): Setting<string> {
  const read = (candidate: unknown): string => {
    const kept = typeof candidate === 'string' ? check(candidate) : undefined;
    if (kept === undefined) throw new Refused(allowed);
    return kept;
  };
  return { default: value, description, allowed, defaultText: JSON.stringify(value), read, parse: read };
}
