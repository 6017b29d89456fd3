import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GIVE_UP_MS_MIN, RESTART_WINDOW_MS, RESTARTS_MAX } from './supervisor.ts';
import { testNode } from './testing.ts';
import type { ThreadRuntime } from './runtime.ts';
import type { CallError } from './types.ts';
import type { ActorContext, Behaviour, ChildSpec, ExitReason, Message } from './types.ts';

class Worker implements Behaviour {
  static starts = 0;
  readonly #number: number;
  #context: ActorContext | undefined;
  constructor() {
    Worker.starts += 1;
    this.#number = Worker.starts;
  }
  init(context: ActorContext): void {
    this.#context = context;
  }
  handleCall(message: Message): unknown {
    if (message['k'] === 'crash') throw new Error('told to');
    if (message['k'] === 'stop') this.#context?.stop(message['reason'] as ExitReason);
    return this.#number;
  }
}

function spec(id: string, restart: ChildSpec['restart']): ChildSpec {
  return { id, start: () => new Worker(), restart };
}

function crash(runtime: ThreadRuntime, name: string): Promise<unknown> {
  return runtime.call({ thread: 0, name }, { k: 'crash' }).catch((error: unknown) => (error as CallError).code);
}

test('permanent children always come back, transient ones after a failure, temporary ones never', async () => {
  const node = testNode();
  const main = node.runtime(0);
  for (const [restart, afterCrash, afterStop] of [
    ['permanent', true, true],
    ['transient', true, false],
    ['temporary', false, false],
  ] as const) {
    const first = main.supervise(spec(restart, restart));
    assert.equal(main.supervise(spec(restart, restart)), first, 'the running one is answered');
    await crash(main, restart);
    await node.settle();
    const second = main.whereis(restart);
    assert.equal(second !== undefined, afterCrash);
    assert.notEqual(second, first);
    const again = main.supervise(spec(restart, restart));
    await main.call(again, { k: 'stop', reason: 'normal' });
    await node.settle();
    assert.equal(main.whereis(restart) !== undefined, afterStop);
  }
  assert.equal(main.stats().restarts, 3);
  await node.close();
});

test('one child’s failures leave the others alone', async () => {
  const node = testNode();
  const main = node.runtime(0);
  const quiet = main.supervise(spec('quiet', 'permanent'));
  main.supervise(spec('loud', 'permanent'));
  for (let i = 0; i < RESTARTS_MAX + 3; i += 1) await crash(main, 'loud');
  assert.equal(main.whereis('quiet'), quiet);
  await node.close();
});

test('more restarts than the intensity allows give the child up; slower ones never do', async () => {
  const node = testNode();
  const main = node.runtime(0);
  main.supervise(spec('slow', 'permanent'));
  for (let i = 0; i < 3 * RESTARTS_MAX; i += 1) {
    assert.equal(await crash(main, 'slow'), 'crashed');
    await node.advance(RESTART_WINDOW_MS / RESTARTS_MAX + 1);
  }
  assert.notEqual(main.whereis('slow'), undefined);
  main.supervise(spec('fast', 'permanent'));
  for (let i = 0; i <= RESTARTS_MAX; i += 1) assert.equal(await crash(main, 'fast'), 'crashed');
  assert.equal(main.whereis('fast'), undefined);
  assert.equal(await crash(main, 'fast'), 'noproc');
  assert.equal(node.logged.filter(({ event }) => event === 'child given up').length, 1);
  await node.close();
});

test('a message starts a name of a known prefix; the longest prefix decides; a wrong or throwing starter is noproc', async () => {
  const node = testNode({ threads: [{ kind: 'other' }] });
  const other = node.runtime(1);
  const started: string[] = [];
  other.startOnDemand('guild:', (name) => {
    started.push(name);
    return spec(name, 'transient');
  });
  other.startOnDemand('guild:bad:', () => {
    throw new Error('no such guild');
  });
  const main = node.runtime(0);
  const first = await main.call({ thread: 1, name: 'guild:1' }, {});
  assert.equal(await main.call({ thread: 1, name: 'guild:1' }, {}), first);
  main.cast({ thread: 1, name: 'guild:2' }, {});
  await node.settle();
  assert.deepEqual(started, ['guild:1', 'guild:2']);
  for (const name of ['guild:bad:1', 'dm:1']) {
    await assert.rejects(main.call({ thread: 1, name }, {}), { code: 'noproc' });
  }
  await node.close();
});

test('a name that was given up starts again on demand after a back-off, which doubles for a relapse', async () => {
  const node = testNode();
  const main = node.runtime(0);
  main.startOnDemand('g:', (name) => spec(name, 'transient'));
  const wear = async (): Promise<void> => {
    for (let i = 0; i <= RESTARTS_MAX; i += 1) assert.equal(await crash(main, 'g:1'), 'crashed');
    assert.equal(await crash(main, 'g:1'), 'noproc');
  };
  await wear();
  await node.advance(GIVE_UP_MS_MIN - 1);
  assert.equal(await crash(main, 'g:1'), 'noproc');
  await node.advance(1);
  await wear();
  await node.advance(GIVE_UP_MS_MIN);
  assert.equal(await crash(main, 'g:1'), 'noproc');
  await node.advance(GIVE_UP_MS_MIN);
  assert.equal(typeof (await main.call({ thread: 0, name: 'g:1' }, {})), 'number');
  await node.close();
});

test('an actor that stops normally hands the mail to its name to the next one, which waits for its terminate', async () => {
  const node = testNode();
  const main = node.runtime(0);
  const log: string[] = [];
  let finish: () => void = () => undefined;
  let lives = 0;
  main.startOnDemand('g:', (name) => ({
    id: name,
    restart: 'transient',
    start: () => {
      lives += 1;
      const life = lives;
      let context: ActorContext | undefined;
      return {
        init(own) {
          context = own;
          log.push(`init ${life}`);
        },
        handleCall(message) {
          if (message['k'] === 'stop') context?.stop();
          return life;
        },
        terminate: () =>
          new Promise<void>((resolve) => {
            finish = () => {
              log.push(`saved ${life}`);
              resolve();
            };
          }),
      };
    },
  }));
  const to = { thread: 0, name: 'g:1' };
  const last = main.call(to, { k: 'stop' });
  const behind = main.call(to, {});
  assert.equal(await last, 1);
  const during = main.call(to, {});
  await node.settle();
  assert.deepEqual(log, ['init 1']);
  finish();
  assert.equal(await behind, 2);
  assert.equal(await during, 2);
  assert.deepEqual(log, ['init 1', 'saved 1', 'init 2']);
  finish();
  const closing = node.close();
  await node.settle();
  finish();
  await closing;
});

test('dismiss ends a child for good; closing ends children in reverse order of their start', async () => {
  const node = testNode();
  const main = node.runtime(0);
  main.supervise(spec('a', 'permanent'));
  main.dismiss('a');
  await node.settle();
  assert.equal(main.whereis('a'), undefined);
  const ended: string[] = [];
  for (const id of ['x', 'y', 'z']) {
    main.supervise({ id, restart: 'permanent', start: () => ({ terminate: () => void ended.push(id) }) });
  }
  await node.settle();
  await node.close();
  assert.deepEqual(ended, ['z', 'y', 'x']);
});

test('a child whose init keeps failing is given up as well, and its callers are answered each time', async () => {
  const node = testNode();
  const main = node.runtime(0);
  let tries = 0;
  main.startOnDemand('g:', (name) => ({
    id: name,
    restart: 'transient',
    start: () => ({
      init: async () => {
        tries += 1;
        await Promise.resolve();
        throw new Error('store is down');
      },
    }),
  }));
  await assert.rejects(main.call({ thread: 0, name: 'g:1' }, {}), { code: 'crashed' });
  await node.settle();
  assert.equal(tries, RESTARTS_MAX + 1);
  await assert.rejects(main.call({ thread: 0, name: 'g:1' }, {}), { code: 'noproc' });
  await node.close();
});
