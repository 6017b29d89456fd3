import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { hasBinding } from '../../native/binding.ts';
import { ApiError } from '../protocol/errors.ts';
import { bootRuntime, THREAD_RESTARTS_MAX } from './boot.ts';
import type { BootOptions, NodeRuntime } from './boot.ts';
import type { LogEvent } from './runtime.ts';
import type { Address, CallError, Message, Runtime } from './types.ts';
import type { WakerKind } from './waker.ts';

const module = new URL('./fixtures/echo-thread.ts', import.meta.url).href;
const WAKERS: WakerKind[] = hasBinding ? ['native', 'port'] : ['port'];

function echoOn(thread: number): Address {
  return { thread, name: 'echo' };
}

async function withNode(
  options: BootOptions,
  run: (node: NodeRuntime, runtime: Runtime) => Promise<void>,
): Promise<void> {
  const node = await bootRuntime(options);
  try {
    await run(node, node.runtime);
  } finally {
    await node.stop();
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'resolved',
    (error: CallError) => error.code,
  );
}

/** Resolves when the thread is up again. */
function upAgain(runtime: Runtime, thread: number): Promise<void> {
  return new Promise((resolve) => {
    runtime.onThreadChange((info, up) => {
      if (info.index === thread && up) resolve();
    });
  });
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'guildhall-actor-'));
}

for (const waker of WAKERS) {
  test(`${waker}: threads start in the order of their kinds, call each other, and stop`, {
    timeout: 20_000,
  }, async () => {
    const spec = { module, restart: 'permanent' as const };
    await withNode(
      {
        waker,
        threads: [
          { ...spec, kind: 'store', options: {} },
          { ...spec, kind: 'actor', count: 2, options: { callAtStart: echoOn(1) } },
        ],
      },
      async (_, runtime) => {
        assert.deepEqual(runtime.threads('actor'), [
          { index: 2, kind: 'actor' },
          { index: 3, kind: 'actor' },
        ]);
        const message = { k: 'echo', text: 'Zoë 🦀', list: [1, null, { a: true }], bytes: new Uint8Array([0, 255, 7]) };
        for (const thread of [1, 2, 3]) assert.deepEqual(await runtime.call(echoOn(thread), message), message);
        assert.equal(await runtime.call(echoOn(2), { k: 'undefined' }), undefined);
        assert.equal(await codeOf(runtime.call({ thread: 2, name: 'nobody' }, {})), 'noproc');
        assert.equal(await codeOf(runtime.call(echoOn(2), { k: 'never' }, 20)), 'timeout');
        await assert.rejects(runtime.call(echoOn(2), { k: 'forbidden' }), (error) => {
          assert.ok(error instanceof ApiError);
          assert.deepEqual([error.status, error.code, error.errors], [400, 50035, { name: { _errors: [] } }]);
          return true;
        });
        assert.equal(await codeOf(runtime.call(echoOn(2), { k: 'crash' })), 'crashed');
        assert.deepEqual(await runtime.call(echoOn(2), { k: 'later', ms: 5 }), { late: true });
      },
    );
  });

  test(`${waker}: casts of every size arrive in order and whole, a 20 MB one among them`, {
    timeout: 20_000,
  }, async () => {
    await withNode(
      { waker, ringBytes: 64 * 1024, threads: [{ kind: 'a', module, options: {}, count: 2, restart: 'permanent' }] },
      async (_, runtime) => {
        let n = 0;
        let checksum = 0;
        const send = (bytes: Uint8Array): void => {
          for (const byte of bytes) checksum = (Math.imul(checksum, 31) + byte) | 0;
          // Half go by way of the other thread; its own order is kept by its ring.
          runtime.cast(echoOn(1), { k: 'forward', to: echoOn(2), message: { k: 'other' } });
          runtime.cast(echoOn(2), { k: 'n', n, bytes });
          n += 1;
        };
        for (let i = 0; i < 3_000; i += 1) send(new Uint8Array((i * 7) % 300).fill(i));
        send(new Uint8Array(20_000_000).fill(5));
        for (let i = 0; i < 3_000; i += 1) send(new Uint8Array((i * 11) % 900).fill(i));
        const sum = await runtime.call(echoOn(2), { k: 'sum' });
        assert.deepEqual(sum, { count: n, disorder: 0, gaps: 0, checksum });
        assert.deepEqual(await runtime.call(echoOn(1), { k: 'length', bytes: new Uint8Array(20_000_000) }), 20_000_000);
      },
    );
  });

  test(`${waker}: a blocked thread makes its senders drop past the bound; it learns how much`, {
    timeout: 20_000,
  }, async () => {
    const gate = new Int32Array(new SharedArrayBuffer(8));
    await withNode(
      { waker, threads: [{ kind: 'a', module, options: { gate }, restart: 'permanent' }] },
      async (_, runtime) => {
        const blocked = runtime.call(echoOn(1), { k: 'block' });
        while (Atomics.load(gate, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
        const bytes = new Uint8Array(1024 * 1024);
        for (let i = 0; i < 90; i += 1) runtime.cast(echoOn(1), { k: 'bulk', bytes });
        assert.ok(runtime.stats().ringBytesQueued > 50e6);
        assert.equal(await codeOf(runtime.call(echoOn(1), { k: 'echo', bytes })), 'overloaded');
        const dropped = runtime.stats().overflowDropped;
        assert.ok(dropped >= 20 && dropped < 40, `${dropped} dropped`);
        Atomics.store(gate, 1, 1);
        Atomics.notify(gate, 1);
        await blocked;
        let gaps = 0;
        while (gaps === 0) gaps = (await runtime.call<{ gaps: number }>(echoOn(1), { k: 'sum' })).gaps;
        assert.equal(gaps, dropped);
        assert.deepEqual(await runtime.call(echoOn(1), { k: 'echo' }), { k: 'echo' });
      },
    );
  });

  test(`${waker}: a killed thread fails its calls, is replaced at its index, and old pids mean nobody`, {
    timeout: 20_000,
  }, async () => {
    const logged: LogEvent[] = [];
    await withNode(
      {
        waker,
        log: (event) => logged.push(event),
        threads: [{ kind: 'a', module, options: {}, count: 2, restart: 'permanent' }],
      },
      async (node, runtime) => {
        const changes: string[] = [];
        const exits: number[] = [];
        runtime.onThreadChange((info, up) => changes.push(`${info.index} ${up ? 'up' : 'down'}`));
        node.onThreadExit((info) => exits.push(info.index));
        let up = upAgain(runtime, 2);
        const pending = codeOf(runtime.call(echoOn(2), { k: 'never' }));
        await node.terminate(2);
        assert.equal(await pending, 'noconnection');
        assert.equal(await codeOf(runtime.call(echoOn(2), { k: 'echo' })), 'noconnection');
        await up;
        assert.deepEqual(changes, ['2 down', '2 up']);
        assert.deepEqual(exits, [2]);
        // Main and the other worker both have a path to the successor.
        assert.deepEqual(await runtime.call(echoOn(2), { k: 'echo' }), { k: 'echo' });
        runtime.cast(echoOn(1), { k: 'forward', to: echoOn(2), message: { k: 'n', n: 0 } });
        let count = 0;
        while (count === 0) count = (await runtime.call<{ count: number }>(echoOn(2), { k: 'sum' })).count;
        // An error that nobody catches, and a rejection that nobody handles, end the thread the same way.
        for (const way of ['uncaught', 'unhandled']) {
          up = upAgain(runtime, 2);
          await runtime.call(echoOn(2), { k: way }).catch(() => undefined);
          await up;
          assert.deepEqual(await runtime.call(echoOn(2), { k: 'echo' }), { k: 'echo' });
          assert.ok(logged.some(({ event, error }) => event === 'thread died' && String(error).includes('on purpose')));
        }
      },
    );
  });
}

test('a thread that keeps dying is given up and reported as fatal', { timeout: 20_000 }, async () => {
  const fatal = Promise.withResolvers<number>();
  await withNode(
    {
      threads: [{ kind: 'a', module, options: {}, restart: 'permanent' }],
      onFatal: (thread) => fatal.resolve(thread.index),
    },
    async (node, runtime) => {
      for (let i = 0; i <= THREAD_RESTARTS_MAX; i += 1) {
        const up = upAgain(runtime, 1);
        await node.terminate(1);
        if (i < THREAD_RESTARTS_MAX) await up;
      }
      assert.equal(await fatal.promise, 1);
      assert.equal(await codeOf(runtime.call(echoOn(1), {})), 'noconnection');
    },
  );
});

test('a thread that must not be restarted stays down', { timeout: 20_000 }, async () => {
  await withNode({ threads: [{ kind: 'a', module, options: {}, restart: 'never' }] }, async (node, runtime) => {
    await node.terminate(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await codeOf(runtime.call(echoOn(1), {})), 'noconnection');
  });
});

test('a module that fails to start or to load fails the boot, and nothing stays behind', {
  timeout: 20_000,
}, async () => {
  const good = { kind: 'a', module, options: {}, restart: 'permanent' as const };
  await assert.rejects(
    bootRuntime({ threads: [good, { ...good, kind: 'b', options: { failStart: true } }] }),
    /told not to start/,
  );
  await assert.rejects(
    bootRuntime({ threads: [good, { ...good, kind: 'b', module: 'file:///nowhere/thread.ts' }] }),
    /nowhere/,
  );
});

test('every way out of a thread runs its stop first: stop, crash, terminate', { timeout: 20_000 }, async () => {
  const folder = temporary();
  const stopFile = join(folder, 'stopped');
  const read = (): string => {
    const text = readFileSync(stopFile, 'utf8');
    rmSync(stopFile);
    return text;
  };
  await withNode(
    { threads: [{ kind: 'a', module, options: { stopFile }, restart: 'permanent' }] },
    async (node, runtime) => {
      let up = upAgain(runtime, 1);
      await runtime.call(echoOn(1), { k: 'uncaught' }).catch(() => undefined);
      await up;
      assert.equal(read(), 'crash');
      up = upAgain(runtime, 1);
      await node.terminate(1);
      await up;
      assert.equal(read(), 'exit');
    },
  );
  assert.equal(read(), 'shutdown');
  rmSync(folder, { recursive: true });
});

test('every way out of the process runs the stop of its threads first: exit, throw', { timeout: 20_000 }, async () => {
  const folder = temporary();
  for (const waker of WAKERS) {
    for (const [end, status] of [
      ['process.exit(3)', 3],
      ['setImmediate(() => { throw new Error("main failed") })', 1],
    ] as const) {
      const stopFile = join(folder, 'stopped');
      const script = join(folder, 'main.mts');
      writeFileSync(
        script,
        `import { bootRuntime } from ${JSON.stringify(new URL('./boot.ts', import.meta.url).href)};
         const spec = { kind: 'a', module: ${JSON.stringify(module)}, options: { stopFile: ${JSON.stringify(stopFile)} } };
         await bootRuntime({ waker: '${waker}', threads: [{ ...spec, restart: 'permanent' }] });
         ${end};`,
      );
      const failure = await promisify(execFile)(process.execPath, [script]).then(
        () => ({ code: 0 }),
        (error: { code: number }) => error,
      );
      assert.equal(failure.code, status);
      assert.equal(readFileSync(stopFile, 'utf8'), 'exit', `${waker}: ${end}`);
      rmSync(stopFile);
    }
  }
  rmSync(folder, { recursive: true });
});

test('a message of every kind crosses between workers while others come and go', { timeout: 20_000 }, async () => {
  await withNode(
    { threads: [{ kind: 'a', module, options: {}, count: 3, restart: 'permanent' }] },
    async (node, runtime) => {
      const up = upAgain(runtime, 3);
      const calls: Promise<string>[] = [];
      for (let i = 0; i < 200; i += 1) {
        const message: Message = { k: 'echo', i, bytes: new Uint8Array(i * 50) };
        calls.push(
          runtime.call<Message>(echoOn((i % 3) + 1), message).then(
            (got) => `${got['i'] === i}`,
            (e: CallError) => e.code,
          ),
        );
        if (i === 100) void node.terminate(3);
        if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const outcomes = await Promise.all(calls);
      for (const [i, outcome] of outcomes.entries()) {
        if (i % 3 === 2) assert.ok(outcome === 'true' || outcome === 'noconnection', outcome);
        else assert.equal(outcome, 'true');
      }
      await up;
    },
  );
});
