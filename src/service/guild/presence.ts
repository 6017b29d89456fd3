// Presences of a guild's users: many sessions, one presence as others see it. In memory only; after a crash the sessions
// announce theirs again. Changes are collected and sent a few times a second, so that a client that flickers costs one event.

import type { Snowflake } from '../../base/snowflake.ts';
import type { AttachedSession } from '../audience.ts';

/** As others see it. */
export interface Presence {
  readonly status: 'online' | 'idle' | 'dnd' | 'offline';
  readonly activities: readonly { readonly [key: string]: unknown }[];
  readonly client_status: { readonly [platform: string]: string };
}

export const OFFLINE: Presence = { status: 'offline', activities: [], client_status: {} };

/** The most active status wins. */
const RANK: { readonly [status: string]: number } = { online: 4, dnd: 3, idle: 2, invisible: 1, offline: 0 };

/**
 * One presence of all sessions of a user, given in the order in which theirs were last set: of people's the most active one (of
 * equals the last), of a bot's the last, because a bot has one mind, and a session that lost its connection stays for a while.
 */
export function aggregate(sessions: Iterable<Pick<AttachedSession, 'presence' | 'bot'>>): Presence {
  let best: Pick<AttachedSession, 'presence' | 'bot'> | undefined;
  for (const session of sessions) {
    if (session.presence === null) continue;
    if (best === undefined || session.bot || rank(session) >= rank(best)) best = session;
  }
  if (best === undefined) return OFFLINE;
  const { presence, bot } = best;
  const status = presence?.status;
  if (presence === null || (status !== 'online' && status !== 'idle' && status !== 'dnd')) return OFFLINE;
  return { status, activities: presence.activities, client_status: { [bot ? 'web' : 'desktop']: status } };
}

function rank(session: Pick<AttachedSession, 'presence'>): number {
  return RANK[session.presence?.status ?? 'offline'] ?? 0;
}

export class Presences {
  /** Users that are not offline. */
  readonly #current = new Map<Snowflake, Presence>();
  /** Changed since they were last sent, in order of the first change; each user once. */
  readonly #dirty = new Set<Snowflake>();
  /** Rises with every change. */
  version = 0;

  of(userId: Snowflake): Presence {
    return this.#current.get(userId) ?? OFFLINE;
  }

  online(userId: Snowflake): boolean {
    return this.#current.has(userId);
  }

  /** Users that are not offline. */
  entries(): IterableIterator<[Snowflake, Presence]> {
    return this.#current.entries();
  }

  get onlineCount(): number {
    return this.#current.size;
  }

  get dirty(): number {
    return this.#dirty.size;
  }

  /** Returns whether others see a difference. */
  set(userId: Snowflake, presence: Presence): boolean {
    if (samePresence(this.of(userId), presence)) return false;
    if (presence.status === 'offline') this.#current.delete(userId);
    else this.#current.set(userId, presence);
    this.#dirty.add(userId);
    this.version += 1;
    return true;
  }

  /** The user left the guild: nothing is said of it any more. */
  forget(userId: Snowflake): void {
    if (this.#current.delete(userId)) this.version += 1;
    this.#dirty.delete(userId);
  }

  /** Takes up to `max` users whose presence is to be sent. */
  take(max: number): Snowflake[] {
    const taken: Snowflake[] = [];
    for (const user of this.#dirty) {
      if (taken.length >= max) break;
      taken.push(user);
    }
    for (const user of taken) this.#dirty.delete(user);
    return taken;
  }
}

function samePresence(a: Presence, b: Presence): boolean {
  return a === b || (a.status === b.status && JSON.stringify(a) === JSON.stringify(b));
}
