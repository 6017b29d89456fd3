// The known name that a mistyped one most likely meant.

/** Edits (insertion, deletion, substitution, transposition of neighbours) from one text to the other. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** Longer input is cut: no name is near it anyway. */
const NAME_CHARS_MAX = 100;

/**
 * The nearest of `known`. A name without its section (`port`) is compared with the part behind `separator` as well, at the price
 * of one edit.
 */
export function nearest(name: string, known: readonly string[], separator: string): string {
  const asked = name.slice(0, NAME_CHARS_MAX).toLowerCase();
  let best = known[0] ?? '';
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const whole = candidate.toLowerCase();
    const tail = whole.slice(whole.indexOf(separator) + separator.length);
    const distance = Math.min(editDistance(asked, whole), editDistance(asked, tail) + 1);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
