// A topic that does what it is told, for tests: it keeps its attached sessions as the contract in topic.ts says and sends
// events on command. Cast to it: {k:'say', event, bytes} sends an event, {k:'expel', user} ends a membership.

import type { ActorContext, Behaviour, ChildSpec, Message } from '../../actor/types.ts';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { type Attach, type Detach, type Move, RELAY } from '../topic.ts';

export class ScriptedTopic implements Behaviour {
  readonly name: string;
  readonly sessions = new Map<string, Attach>();
  readonly heard: Message[] = [];
  /** What each user may view; everything when not listed; null: not a member. */
  readonly views = new Map<string, readonly string[] | null>();
  #context!: ActorContext;
  said = 0;

  constructor(name: string) {
    this.name = name;
  }

  init(context: ActorContext): void {
    this.#context = context;
    for (const { index } of context.runtime.threads('io')) this.#tell(index, { k: 'up', topic: this.name });
  }

  handleCast(message: Message): void {
    this.heard.push(message);
    const topic = this.name;
    switch (message['k']) {
      case 'attach': {
        const attach = message as Attach;
        const view = this.#viewOf(attach.user_id);
        const { thread, session, session_id, mode } = attach;
        if (view !== null) this.sessions.set(`${thread}/${session}`, attach);
        const wantsSnapshot = view !== null && topic.startsWith('guild:') && (mode === 'identify' || mode === 'join');
        const snapshot = { id: topic.slice(6), unavailable: false };
        const bytes = wantsSnapshot ? { bytes: encodeDispatch('GUILD_CREATE', snapshot) } : {};
        this.#tell(thread, { k: 'attached', topic, session, session_id, mode, view, ...bytes });
        return;
      }
      case 'detach': {
        const { thread, session } = message as Detach;
        this.sessions.delete(`${thread}/${session}`);
        return;
      }
      case 'move': {
        const { from, to, session_id } = message as Move;
        const before = this.sessions.get(`${from.thread}/${from.session}`);
        this.sessions.delete(`${from.thread}/${from.session}`);
        if (before !== undefined) this.sessions.set(`${to.thread}/${to.session}`, { ...before, ...to });
        const view = before === undefined ? null : this.#viewOf(before.user_id);
        this.#tell(from.thread, { k: 'detached', topic, session: from.session, session_id });
        this.#tell(to.thread, { k: 'attached', topic, session: to.session, session_id, mode: 'move', view });
        return;
      }
      case 'say': {
        this.said += 1;
        const event = message['event'] as object;
        const threads = new Set([...this.sessions.values()].map(({ thread }) => thread));
        for (const thread of threads) {
          this.#tell(thread, { k: 'event', topic, intents: 0, ...event, bytes: message.bytes as Uint8Array });
        }
        return;
      }
      case 'expel': {
        const user = message['user'] as string;
        this.views.set(user, null);
        for (const [key, attach] of this.sessions) if (attach.user_id === user) this.sessions.delete(key);
        for (const { index } of this.#context.runtime.threads('io')) {
          this.#tell(index, { k: 'views', topic, users: [[user, null]] });
        }
        return;
      }
      case 'view': {
        const user = message['user'] as string;
        const view = message['view'] as readonly string[];
        this.views.set(user, view);
        for (const { index } of this.#context.runtime.threads('io')) {
          this.#tell(index, { k: 'views', topic, users: [[user, view]] });
        }
        return;
      }
      case 'crash':
        throw new Error('told to crash');
      default:
    }
  }

  #viewOf(user: string): readonly string[] | 'all' | null {
    const view = this.views.get(user);
    return view === undefined ? 'all' : view;
  }

  #tell(thread: number, message: Message): void {
    this.#context.cast({ thread, name: RELAY }, message);
  }
}

/** Starter for runtime.startOnDemand; the topics it made are in `made`, the newest of a name. */
export function scriptedTopics(): { made: Map<string, ScriptedTopic>; starter: (name: string) => ChildSpec } {
  const made = new Map<string, ScriptedTopic>();
  return {
    made,
    starter: (name) => ({
      id: name,
      restart: 'permanent',
      start: () => {
        const topic = new ScriptedTopic(name);
        made.set(name, topic);
        return topic;
      },
    }),
  };
}
