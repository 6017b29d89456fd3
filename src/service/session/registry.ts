// The sessions of an I/O thread, by key, by session id and by user.

import { assert } from '../../base/assert.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import type { SessionKey } from '../topic.ts';
import type { Session } from './session.ts';

const NONE: readonly Session[] = [];

export class SessionRegistry {
  readonly #byKey = new Map<SessionKey, Session>();
  readonly #byId = new Map<string, Session>();
  /** One session itself, or a list: most users have one here. */
  readonly #byUser = new Map<Snowflake, Session | Session[]>();
  #lastKey = 0;

  /** A key that no session of this thread has had. */
  nextKey(): SessionKey {
    this.#lastKey += 1;
    return this.#lastKey;
  }

  get size(): number {
    return this.#byKey.size;
  }

  add(session: Session): void {
    assert(!this.#byKey.has(session.key) && !this.#byId.has(session.id), 'session registered twice');
    this.#byKey.set(session.key, session);
    this.#byId.set(session.id, session);
    const others = this.#byUser.get(session.userId);
    if (others === undefined) this.#byUser.set(session.userId, session);
    else if (Array.isArray(others)) others.push(session);
    else this.#byUser.set(session.userId, [others, session]);
  }

  remove(session: Session): void {
    if (!this.#byKey.delete(session.key)) return;
    this.#byId.delete(session.id);
    const others = this.#byUser.get(session.userId);
    if (Array.isArray(others)) {
      others.splice(others.indexOf(session), 1);
      if (others.length === 1) this.#byUser.set(session.userId, others[0] as Session);
    } else this.#byUser.delete(session.userId);
  }

  get(key: SessionKey): Session | undefined {
    return this.#byKey.get(key);
  }

  byId(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  /** A list of its own: sessions may end while it is walked. */
  ofUser(userId: Snowflake): readonly Session[] {
    const found = this.#byUser.get(userId);
    if (found === undefined) return NONE;
    return Array.isArray(found) ? found.slice() : [found];
  }

  all(): IterableIterator<Session> {
    return this.#byKey.values();
  }
}
