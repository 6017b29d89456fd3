// For this folder's tests: one supervised actor on one thread, messages as the rings carry them (a JSON round trip). The store's
// thread and client need no more of a runtime; the real one is tested with them in test/.

import type { Behaviour, From, Message, Pid, Runtime } from '../../actor/types.ts';

export interface SingleThread {
  readonly runtime: Runtime;
  /** Ends the actor as a clean stop does. */
  end(): Promise<void>;
}

export function singleThread(kind: string): SingleThread {
  let actor: Behaviour | undefined;
  const refuse = (): never => {
    throw new Error('not in this runtime');
  };
  const runtime: Pick<Runtime, 'thread' | 'threads' | 'call' | 'supervise'> = {
    thread: 0,
    threads: (asked) => (asked === kind ? [{ index: 0, kind }] : []),
    supervise(child) {
      actor = child.start();
      return 1 as Pid;
    },
    async call<T>(_to: unknown, message: Message): Promise<T> {
      await new Promise(setImmediate);
      if (actor === undefined) throw new Error('noproc');
      const from: From = { pid: 2 as Pid, ref: 1 };
      const reply = await actor.handleCall?.(JSON.parse(JSON.stringify(message)) as Message, from);
      return JSON.parse(JSON.stringify(reply)) as T;
    },
  };
  return {
    runtime: new Proxy(runtime as Runtime, {
      get: (target, key) => Reflect.get(target, key) ?? refuse,
    }),
    async end() {
      await actor?.terminate?.('shutdown');
      actor = undefined;
    },
  };
}
