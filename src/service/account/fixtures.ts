// For tests: a runtime of a few threads in one, whose actors are called directly and whose casts are written down.

import type { Address, Behaviour, From, Message, Name, Runtime } from '../../actor/types.ts';
import { CallError } from '../../actor/types.ts';
import type { Clock } from '../../base/clock.ts';
import { ManualClock } from '../../base/clock.ts';
import { SnowflakeGenerator } from '../../base/snowflake.ts';
import { MemoryStore } from '../../state/store/memory.ts';

export interface FakeRuntime {
  readonly runtime: Runtime;
  readonly casts: { readonly to: Name; readonly message: Message }[];
  /** Registers an actor at thread/name. */
  start(thread: number, name: string, behaviour: Behaviour): void;
}

/** Thread 0 is main, 1 and 2 io, 3 actor. */
export function fakeRuntime(clock: Clock): FakeRuntime {
  const actors = new Map<string, Behaviour>();
  const casts: { to: Name; message: Message }[] = [];
  const threads: Readonly<Record<string, readonly number[]>> = { main: [0], io: [1, 2], actor: [3] };
  const find = (to: Address): Behaviour | undefined => {
    const name = to as Name;
    return actors.get(`${name.thread}/${name.name}`);
  };
  const runtime: Partial<Runtime> = {
    thread: 1,
    clock,
    threads: (kind) => (threads[kind] ?? []).map((index) => ({ index, kind })),
    cast(to, message) {
      casts.push({ to: to as Name, message });
      void find(to)?.handleCast?.(message);
    },
    async call<T>(to: Address, message: Message): Promise<T> {
      const actor = find(to);
      if (actor === undefined) throw new CallError('noproc', 'no such actor');
      return (await actor.handleCall?.(message, {} as From)) as T;
    },
  };
  return {
    runtime: runtime as Runtime,
    casts,
    start: (thread, name, behaviour) => actors.set(`${thread}/${name}`, behaviour),
  };
}

export function accountFixture() {
  const clock = new ManualClock();
  const fake = fakeRuntime(clock);
  const store = new MemoryStore();
  const ids = new SnowflakeGenerator(clock, 1, 0);
  return { clock, store, ids, ...fake, deps: { runtime: fake.runtime, store, ids } };
}
