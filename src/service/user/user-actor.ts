// The actor of 'user:<id>': the way to every session of one user, wherever it is connected. Private channels, guilds (joins)
// and accounts tell it an event (Emit); it passes the event on to the I/O threads that hold sessions of the user.
//
// One lives for each connected user, so it is small: no queues, no maps, one timer at most. It has no state to lose: after a
// crash the relays attach their sessions again, and what was told meanwhile is kept for them for a moment.
//
//   first message -> [reattaching: events are kept for sessions that attach again] -> serving -> no session for a minute -> ends

import type { ActorContext, Behaviour, ChildSpec, Message } from '../../actor/types.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { type Attach, type Detach, type Emit, type Move, RELAY, type SessionKey, type TopicName } from '../topic.ts';
import type { TopicDeps } from '../topic-host.ts';

/** Without sessions for so long, it ends. */
const IDLE_MS = 60_000;
/** After a start: how long sessions that knew an earlier actor may take to attach again. */
const REATTACH_MS = 2_000;
/** Events kept for them; some 64 KB. The oldest are dropped beyond it. */
const KEPT_MAX = 64;

interface Session {
  thread: number;
  session: SessionKey;
  session_id: string;
}

/** The user actors of this thread share one look-out for I/O threads that go down. */
export function userStarter(deps: Pick<TopicDeps, 'watchThreads'>): (name: string) => ChildSpec {
  const live = new Set<UserActor>();
  deps.watchThreads((thread, up) => {
    if (!up) for (const actor of live) actor.threadDown(thread);
  });
  return (name) => ({ id: name, restart: 'transient', start: () => new UserActor(name, live) });
}

export class UserActor implements Behaviour {
  readonly #topic: TopicName;
  readonly #live: Set<UserActor>;
  readonly #sessions: Session[] = [];
  /** While sessions may still attach again; undefined afterwards. */
  #kept: Emit[] | undefined = [];
  #context: ActorContext | undefined;
  /** A look whether it may end is on its way. */
  #idling = false;

  constructor(topic: TopicName, live: Set<UserActor>) {
    this.#topic = topic;
    this.#live = live;
  }

  init(context: ActorContext): void {
    this.#context = context;
    this.#live.add(this);
    for (const { index } of context.runtime.threads('io')) this.#tell(index, { k: 'up', topic: this.#topic });
    context.sendAfter(REATTACH_MS, { k: '$settled' });
    this.#startIdle();
  }

  handleCast(message: Message): void {
    switch (message['k']) {
      case 'emit':
        return this.#emit(message as Emit);
      case 'attach':
        return this.#attach(message as Attach);
      case 'detach':
        return this.#detach(message as Detach);
      case 'move':
        return this.#move(message as Move);
    }
  }

  handleInfo(message: Message): void {
    switch (message['k']) {
      case '$settled':
        this.#kept = undefined;
        return;
      case '$idle':
        this.#idling = false;
        if (this.#sessions.length === 0) this.#context?.stop('normal');
        return;
      case '$gap': {
        // Attaches or detaches of that thread were lost: forget its sessions and let them attach again.
        const thread = message['fromThread'] as number;
        this.threadDown(thread);
        this.#tell(thread, { k: 'up', topic: this.#topic });
      }
    }
  }

  terminate(): void {
    this.#live.delete(this);
  }

  threadDown(thread: number): void {
    for (let at = this.#sessions.length - 1; at >= 0; at -= 1) {
      if (this.#sessions[at]?.thread === thread) this.#sessions.splice(at, 1);
    }
    if (this.#sessions.length === 0) this.#startIdle();
  }

  #emit(message: Emit): void {
    if (this.#kept !== undefined) {
      this.#kept.push(message);
      if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    }
    const { event, bytes } = message;
    let told = -1;
    for (let at = 0; at < this.#sessions.length; at += 1) {
      const thread = this.#sessions[at]?.thread ?? -1;
      // Once a thread: sessions are few, so a look back is cheaper than a set.
      if (thread === told || this.#sessions.findIndex((other) => other.thread === thread) < at) continue;
      told = thread;
      this.#tell(thread, { k: 'event', topic: this.#topic, ...event, bytes });
    }
  }

  #attach({ thread, session, session_id, user_id, mode }: Attach): void {
    const topic = this.#topic;
    const view = user_id === this.#userId() ? 'all' : null;
    this.#tell(thread, { k: 'attached', topic, session, session_id, mode, view });
    if (view === null) return;
    const known = this.#find(thread, session);
    if (known !== undefined) {
      known.session_id = session_id;
      return;
    }
    this.#sessions.push({ thread, session, session_id });
    if (mode !== 'reattach') return;
    for (const { event, bytes } of this.#kept ?? []) {
      this.#tell(thread, { k: 'event', topic, ...event, session, bytes });
    }
  }

  #detach({ thread, session, session_id }: Detach): void {
    const at = this.#sessions.findIndex((entry) => entry.thread === thread && entry.session === session);
    if (at < 0 || this.#sessions[at]?.session_id !== session_id) return;
    this.#sessions.splice(at, 1);
    if (this.#sessions.length === 0) this.#startIdle();
  }

  /** A session that this actor does not know (it began anew meanwhile) is as welcome as with an attach. */
  #move({ from, to, session_id, user_id }: Move): void {
    const topic = this.#topic;
    const entry = this.#find(from.thread, from.session);
    if (entry !== undefined && entry.session_id === session_id) {
      entry.thread = to.thread;
      entry.session = to.session;
    } else if (user_id === this.#userId() && this.#find(to.thread, to.session) === undefined) {
      this.#sessions.push({ ...to, session_id });
    }
    this.#tell(from.thread, { k: 'detached', topic, session: from.session, session_id });
    const view = user_id === this.#userId() ? 'all' : null;
    this.#tell(to.thread, { k: 'attached', topic, session: to.session, session_id, mode: 'move', view });
  }

  #find(thread: number, session: SessionKey): Session | undefined {
    return this.#sessions.find((entry) => entry.thread === thread && entry.session === session);
  }

  #userId(): Snowflake {
    return this.#topic.slice('user:'.length);
  }

  #startIdle(): void {
    if (this.#idling) return;
    this.#idling = true;
    this.#context?.sendAfter(IDLE_MS, { k: '$idle' });
  }

  #tell(thread: number, record: Message): void {
    this.#context?.cast({ thread, name: RELAY }, record);
  }
}
