import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, apiError } from '../protocol/errors.ts';
import { testNode } from './testing.ts';
import type { TestNode } from './testing.ts';
import { CALL_TIMEOUT_MS, CallError, NO_REPLY } from './types.ts';
import type { ActorContext, Address, Behaviour, ExitReason, From, Message } from './types.ts';

/** Two threads; each test runs a case against an actor of its own thread and one of the other. */
async function onBothSides(run: (node: TestNode, home: number) => Promise<void>): Promise<void> {
  for (const home of [0, 1]) {
    const node = testNode({ threads: [{ kind: 'other' }] });
    await run(node, home);
    await node.close();
  }
}

async function code(promise: Promise<unknown>): Promise<string> {
  try {
    return `resolved ${JSON.stringify(await promise)}`;
  } catch (error) {
    return error instanceof CallError ? error.code : String(error);
  }
}

test('call and cast keep the order of their sends, here and across threads', async () => {
  await onBothSides(async (node, home) => {
    const seen: unknown[] = [];
    node.runtime(home).spawn(
      {
        handleCast: (message) => void seen.push(message['n']),
        handleCall: (message) => seen.push(message['n']),
      },
      { name: 'a' },
    );
    const to: Address = { thread: home, name: 'a' };
    const main = node.runtime(0);
    main.cast(to, { n: 1 });
    const second = main.call(to, { n: 2 });
    main.cast(to, { n: 3 });
    assert.equal(await second, 2);
    await node.settle();
    assert.deepEqual(seen, [1, 2, 3]);
  });
});

test('a call is answered by value, by promise, later by reply, and with errors as they were', async () => {
  await onBothSides(async (node, home) => {
    let held: From | undefined;
    let context: ActorContext | undefined;
    const to = node.runtime(home).spawn({
      init: (own) => void (context = own),
      handleCall(message, from): unknown {
        if (message['k'] === 'value') return { ok: true };
        if (message['k'] === 'promise') return Promise.resolve('soon');
        if (message['k'] === 'reject') return Promise.reject(apiError('UNKNOWN_GUILD'));
        if (message['k'] === 'early') {
          context?.reply(from, 'early');
          return NO_REPLY;
        }
        held = from;
        return NO_REPLY;
      },
    });
    const main = node.runtime(0);
    assert.deepEqual(await main.call(to, { k: 'value' }), { ok: true });
    assert.equal(await main.call(to, { k: 'promise' }), 'soon');
    assert.equal(await main.call(to, { k: 'early' }), 'early');
    await assert.rejects(main.call(to, { k: 'reject' }), (error) => error instanceof ApiError && error.code === 10004);
    const later = main.call(to, { k: 'later' });
    await node.settle();
    context?.reply(held as From, 1);
    context?.reply(held as From, 2);
    assert.equal(await later, 1);
    const refused = main.call(to, { k: 'later' });
    await node.settle();
    context?.replyError(held as From, new Error('no'));
    await assert.rejects(refused, /no/);
  });
});

test('unknown pids and names are refused at once', async () => {
  await onBothSides(async (node, home) => {
    const main = node.runtime(0);
    assert.equal(await code(main.call({ thread: home, name: 'nobody' }, {})), 'noproc');
    let own: ActorContext | undefined;
    const pid = node.runtime(home).spawn({ init: (context) => void (own = context) });
    await node.settle();
    own?.stop();
    await node.settle();
    assert.equal(await code(main.call(pid, {})), 'noproc');
    const before = node.runtime(home).stats().deadLetters;
    main.cast(pid, { k: 'late' });
    await node.settle();
    assert.equal(node.runtime(home).stats().deadLetters, before + 1);
    assert.equal(await code(main.call({ thread: 9, name: 'x' }, {})), 'noconnection');
  });
});

test('a call without an answer times out, and the late answer is nobody’s', async () => {
  await onBothSides(async (node, home) => {
    let release: (value: unknown) => void = () => undefined;
    const to = node.runtime(home).spawn({
      handleCall: (message) => (message['k'] === 'slow' ? new Promise((resolve) => (release = resolve)) : 'fresh'),
    });
    const main = node.runtime(0);
    const slow = code(main.call(to, { k: 'slow' }));
    const short = code(main.call(to, { k: 'slow' }, 10));
    await node.advance(10);
    assert.equal(await short, 'timeout');
    release('late');
    await node.advance(CALL_TIMEOUT_MS);
    assert.equal(await slow, 'timeout');
    assert.equal(await main.call(to, { k: 'next' }), 'fresh');
  });
});

test('messages wait for an asynchronous init; its failure ends the actor and answers them', async () => {
  const node = testNode();
  const main = node.runtime(0);
  let go: () => void = () => undefined;
  const order: string[] = [];
  const pid = main.spawn({
    init: () =>
      new Promise<void>((resolve) => {
        go = () => {
          order.push('init');
          resolve();
        };
      }),
    handleCall: () => order.push('call'),
  });
  const answer = main.call(pid, {});
  await node.settle();
  assert.deepEqual(order, []);
  go();
  await answer;
  assert.deepEqual(order, ['init', 'call']);
  const failing = main.spawn({ init: () => Promise.reject(new Error('no store')), handleCall: () => 1 });
  assert.equal(await code(main.call(failing, {})), 'crashed');
  await node.close();
});

test('what a handler throws ends its actor only: the caller hears crashed, the waiting are answered, terminate runs', async () => {
  await onBothSides(async (node, home) => {
    const ended: ExitReason[] = [];
    const victim: Behaviour = {
      handleCall(message) {
        if (message['k'] === 'hold') return NO_REPLY;
        throw new Error('boom');
      },
      terminate: (reason) => void ended.push(reason),
    };
    const to = node.runtime(home).spawn(victim);
    const main = node.runtime(0);
    const held = code(main.call(to, { k: 'hold' }));
    const crashed = main.call(to, {});
    const behind = code(main.call(to, {}));
    await assert.rejects(crashed, (error) => error instanceof CallError && /boom/.test((error.cause as Error).message));
    assert.equal(await held, 'crashed');
    assert.equal(await behind, 'crashed');
    assert.equal(ended.length, 1);
    assert.ok(node.logged.some(({ event }) => event === 'actor crashed'));
    assert.equal(node.runtime(home).stats().actors, 0);
  });
});

test('casts and infos that throw or reject end the actor, and a throwing terminate is only logged', async () => {
  for (const [kind, bad] of [
    ['sync', () => assert.fail('sync')],
    ['async', () => Promise.reject(new Error('async'))],
  ] as const) {
    const node = testNode();
    const main = node.runtime(0);
    const pid = main.spawn({
      handleCast: bad,
      terminate: () => {
        throw new Error('terminate too');
      },
    });
    main.cast(pid, {});
    await node.settle();
    assert.equal(main.stats().actors, 0, kind);
    assert.ok(node.logged.some(({ event }) => event === 'terminate failed'));
    await node.close();
  }
});

test('a full mailbox answers calls overloaded, drops casts, and tells its actor of the gap afterwards', async () => {
  await onBothSides(async (node, home) => {
    const infos: Message[] = [];
    let handled = 0;
    const to = node.runtime(home).spawn(
      {
        handleCast: () => void (handled += 1),
        handleCall: () => 1,
        handleInfo: (message) => void infos.push(message),
      },
      { mailboxMax: 5 },
    );
    const main = node.runtime(0);
    for (let i = 0; i < 8; i += 1) main.cast(to, { i });
    assert.equal(await code(main.call(to, {})), 'overloaded');
    await node.settle();
    assert.equal(handled, 5);
    assert.equal(node.runtime(home).stats().deadLetters, 3);
    assert.deepEqual(infos, [{ k: '$gap', fromThread: home, dropped: 3 }]);
    assert.equal(await code(main.call(to, {})), 'resolved 1');
  });
});

test('sendAfter delivers infos in time, a cancelled or orphaned one never', async () => {
  const node = testNode();
  const main = node.runtime(0);
  const got: unknown[] = [];
  let context: ActorContext | undefined;
  main.spawn({
    init(own) {
      context = own;
      own.sendAfter(100, { n: 1 });
      own.sendAfter(50, { n: 2 });
      own.sendAfter(70, { n: 3 }).cancel();
      own.sendAfter(500, { n: 4 });
    },
    handleInfo: (message) => void got.push(message['n']),
  });
  await node.advance(99);
  assert.deepEqual(got, [2]);
  await node.advance(1);
  assert.deepEqual(got, [2, 1]);
  context?.stop();
  await node.settle();
  assert.equal(main.timers.count, 0);
  await node.advance(1_000);
  assert.deepEqual(got, [2, 1]);
  await node.close();
});

test('stop ends the actor after its handler: the answer still leaves, an asynchronous terminate is awaited up to its deadline', async () => {
  const node = testNode();
  const main = node.runtime(0);
  let context: ActorContext | undefined;
  const pid = main.spawn({
    init: (own) => void (context = own),
    handleCall() {
      context?.stop();
      return 'last';
    },
    terminate: () => new Promise<void>(() => undefined),
  });
  assert.equal(await main.call(pid, {}), 'last');
  assert.equal(await code(main.call(pid, {})), 'noproc');
  assert.equal(main.stats().actors, 1);
  await node.advance(5_000);
  assert.equal(main.stats().actors, 0);
  await node.close();
});

test('a behaviour that answers no calls says so and lives', async () => {
  const node = testNode();
  const pid = node.runtime(0).spawn({});
  assert.equal(await code(node.runtime(0).call(pid, {})), 'noproc');
  assert.equal(node.runtime(0).stats().actors, 1);
  await node.close();
});

test('old pids are refused when their slot is used again', async () => {
  const node = testNode();
  const main = node.runtime(0);
  const pids = new Set<number>();
  let contexts: ActorContext[] = [];
  for (let round = 0; round < 5; round += 1) {
    contexts = [];
    for (let i = 0; i < 2_000; i += 1) pids.add(main.spawn({ init: (own) => void contexts.push(own) }));
    await node.settle();
    for (const context of contexts) context.stop();
    await node.settle();
  }
  assert.equal(pids.size, 10_000);
  for (const pid of [...pids].slice(0, 50)) assert.equal(await code(main.call(pid as never, {})), 'noproc');
  await node.close();
});

test('an actor that never rests does not keep the event loop from its I/O', { timeout: 10_000 }, async () => {
  const node = testNode();
  const main = node.runtime(0);
  let spins = 0;
  let rest = false;
  const pid = main.spawn({
    handleCast(message) {
      spins += 1;
      if (!rest) main.cast(pid, message);
    },
    handleCall: () => 1,
  });
  main.cast(pid, {});
  // Nor does a chain of calls and awaits, which lives in microtasks alone.
  const chain = (async () => {
    while (!rest) await main.call(pid, {});
  })();
  for (let trip = 0; trip < 20; trip += 1) await new Promise<void>((resolve) => setTimeout(resolve, 1));
  rest = true;
  await chain;
  assert.ok(spins > 20);
  await node.close();
});

test('a message that JSON cannot hold is the sender’s error; a reply that it cannot hold is the caller’s', async () => {
  const node = testNode({ threads: [{ kind: 'other' }] });
  const to = node.runtime(1).spawn({ handleCall: () => ({ big: 1n }) });
  assert.throws(() => node.runtime(0).cast(to, { big: 1n }), TypeError);
  await assert.rejects(node.runtime(0).call(to, { big: 1n }), TypeError);
  await assert.rejects(node.runtime(0).call(to, {}), TypeError);
  assert.equal(node.runtime(1).stats().actors, 1);
  await node.close();
});

test('when a thread goes down its calls fail with noconnection, what it said before is heard, and listeners are told', async () => {
  const node = testNode({ threads: [{ kind: 'other' }] });
  const main = node.runtime(0);
  const seen: unknown[] = [];
  const here = main.spawn({ handleCast: (message) => void seen.push(message['n']) });
  const to = node.runtime(1).spawn({ handleCall: () => NO_REPLY });
  const changes: unknown[] = [];
  main.onThreadChange((thread, up) => changes.push([thread.index, up]));
  const pending = code(main.call(to, {}));
  await node.settle();
  node.runtime(1).cast(here, { n: 1 });
  node.runtime(1).links.flush();
  node.cut(1);
  assert.equal(await pending, 'noconnection');
  assert.equal(await code(main.call(to, {})), 'noconnection');
  await node.settle();
  assert.deepEqual(seen, [1]);
  assert.deepEqual(changes, [[1, false]]);
  await node.close();
});
