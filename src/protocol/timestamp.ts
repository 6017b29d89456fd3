// Timestamps on the wire: ISO 8601 with six digits and a numeric offset. Never `Z`: twilight drops every event that has one.

const ISO = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d{2}:?\d{2})?$/;

/** '2024-01-01T00:00:00.123000+00:00' of milliseconds since 1970 (a whole number within years 0 to 9999). */
export function isoTimestamp(ms: number): string {
  // toISOString gives 'YYYY-MM-DDTHH:mm:ss.sssZ'.
  return `${new Date(ms).toISOString().slice(0, -1)}000+00:00`;
}

/** Milliseconds since 1970 of an ISO 8601 text; without an offset it is UTC. null when it is none. */
export function parseTimestamp(text: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second = '00', fraction = '', offset = 'Z'] = match;
  const zone = offset === 'z' ? 'Z' : offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset;
  const millis = fraction.slice(0, 3).padEnd(3, '0');
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}${zone}`);
  return Number.isNaN(ms) ? null : ms;
}
