// A presence as clients write it, in IDENTIFY and opcode 3: with `activities` or the older `game`, with nulls, with statuses
// of their own. It is read leniently; nothing of it closes a connection.

import type { Json } from '../../../base/json.ts';
import { readActivities, STATUSES } from '../../../protocol/payload/presence.ts';
import type { PresenceState } from '../../../service/topic.ts';
import { asObject } from './payload.ts';

/** What a session shows that says nothing of its presence. */
export const ONLINE: PresenceState = { status: 'online', activities: [], since: null, afk: false };

/** null when there is nothing to read. */
export function readPresence(d: Json | undefined, nowMs: number): PresenceState | null {
  const from = asObject(d);
  if (from === null) return null;
  const { status, since, afk } = from;
  const activities = from['activities'] === undefined ? from['game'] : from['activities'];
  return {
    status: typeof status === 'string' && STATUSES.includes(status) ? status : 'online',
    activities: readActivities(activities, nowMs),
    since: typeof since === 'number' && Number.isSafeInteger(since) && since >= 0 ? since : null,
    afk: afk === true,
  };
}
