import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorContext, Behaviour, Message } from '../../actor/types.ts';
import { userStarter } from './user-actor.ts';

const USER = '1000000000000000011';
const TOPIC = `user:${USER}`;

class Bench {
  readonly told: { thread: number; message: Message }[] = [];
  readonly timers: { ms: number; message: Message }[] = [];
  stopped: unknown;
  threadDown: (thread: number) => void = () => {};
  readonly actor: Behaviour;

  constructor() {
    const starter = userStarter({
      watchThreads: (listener) => {
        this.threadDown = (thread) => listener(thread, false);
        return () => {};
      },
    });
    this.actor = starter(TOPIC).start();
    const context = {
      runtime: { threads: () => [{ index: 1 }, { index: 2 }] },
      cast: (to: { thread: number }, message: Message) => this.told.push({ thread: to.thread, message }),
      sendAfter: (ms: number, message: Message) => {
        this.timers.push({ ms, message });
        return { cancel: () => {} };
      },
      stop: (reason: unknown) => {
        this.stopped = reason;
      },
    } as unknown as ActorContext;
    void this.actor.init?.(context);
  }

  cast(message: Message): void {
    void this.actor.handleCast?.(message);
  }

  fire(k: string): void {
    const at = this.timers.findIndex(({ message }) => message['k'] === k);
    const [timer] = this.timers.splice(at, 1);
    if (timer !== undefined) void this.actor.handleInfo?.(timer.message);
  }

  attach(thread: number, session: number, mode = 'identify', user_id = USER): void {
    this.cast({ k: 'attach', thread, session, session_id: `s${session}`, user_id, mode });
  }

  emit(n: number): void {
    this.cast({ k: 'emit', event: { intents: 4096 }, bytes: Uint8Array.of(n) });
  }

  /** thread:byte or thread/session:byte of what was sent since the last look. */
  events(): string[] {
    const lines = this.told.splice(0).filter(({ message }) => message['k'] === 'event');
    return lines.map(({ thread, message: { session, bytes } }) =>
      session === undefined ? `${thread}:${bytes?.[0]}` : `${thread}/${session}:${bytes?.[0]}`,
    );
  }
}

test('an event goes once to each thread that holds a session of the user', () => {
  const bench = new Bench();
  bench.attach(1, 10);
  bench.attach(2, 20);
  bench.attach(1, 11);
  bench.attach(2, 20);
  bench.fire('$settled');
  bench.emit(7);
  assert.deepEqual(bench.events(), ['1:7', '2:7']);
  bench.cast({ k: 'detach', thread: 2, session: 20, session_id: 's20', user_id: USER });
  bench.cast({ k: 'detach', thread: 1, session: 10, session_id: 'another', user_id: USER });
  bench.emit(8);
  assert.deepEqual(bench.events(), ['1:8']);
});

test('attaching is answered, and refused to other users', () => {
  const bench = new Bench();
  bench.attach(1, 10);
  bench.attach(1, 11, 'identify', '1000000000000000099');
  const answers = bench.told.filter(({ message }) => message['k'] === 'attached').map(({ message }) => message['view']);
  assert.deepEqual(answers, ['all', null]);
  bench.emit(1);
  assert.deepEqual(bench.events(), ['1:1']);
});

test('after a start, what was said before sessions attach again reaches each of them once, in order', () => {
  const bench = new Bench();
  assert.deepEqual(
    bench.told.map(({ thread, message }) => `${thread} ${String(message['k'])}`),
    ['1 up', '2 up'],
  );
  bench.emit(1);
  bench.attach(1, 10, 'reattach');
  bench.emit(2);
  bench.attach(2, 20, 'reattach');
  bench.attach(2, 21, 'identify');
  bench.emit(3);
  assert.deepEqual(bench.events(), ['1/10:1', '1:2', '2/20:1', '2/20:2', '1:3', '2:3']);
  bench.fire('$settled');
  bench.attach(1, 12, 'reattach');
  assert.deepEqual(bench.events(), []);
});

test('a session that moves is told at both ends, also when the actor began anew meanwhile', () => {
  const bench = new Bench();
  bench.attach(1, 10);
  const move = { k: 'move', from: { thread: 1, session: 10 }, to: { thread: 2, session: 5 }, session_id: 's10' };
  bench.cast({ ...move, user_id: USER });
  const said = bench.told.slice(-2).map(({ thread, message }) => [thread, message['k'], message['view']]);
  assert.deepEqual(said, [
    [1, 'detached', undefined],
    [2, 'attached', 'all'],
  ]);
  bench.emit(1);
  assert.deepEqual(bench.events(), ['2:1']);
  const restarted = new Bench();
  restarted.cast({ ...move, user_id: USER });
  restarted.emit(1);
  assert.deepEqual(restarted.events(), ['2:1']);
});

test('it ends a minute after its last session, and forgets those of a thread that went down', () => {
  const bench = new Bench();
  bench.attach(1, 10);
  bench.fire('$idle');
  assert.equal(bench.stopped, undefined);
  bench.threadDown(1);
  bench.emit(1);
  assert.deepEqual(bench.events(), []);
  bench.fire('$idle');
  assert.equal(bench.stopped, 'normal');
});
