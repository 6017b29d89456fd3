import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { hasBinding } from './binding.ts';
import { createWaker, wake, type Waker } from './wake.ts';

assert.ok(isMainThread);
const skip = hasBinding ? false : 'no binding';
const moduleUrl = JSON.stringify(new URL('./wake.ts', import.meta.url).href);

function open(onWake: () => void): Waker {
  const waker = createWaker(onWake);
  assert.ok(waker);
  return waker;
}

/** A worker whose source may use `createWaker`, `wake`, `parentPort` and `workerData`. */
function startWorker(source: string, workerData?: unknown): Worker {
  const prelude = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${moduleUrl}).then(({ createWaker, wake }) => {`;
  return new Worker(`${prelude}${source}});`, { eval: true, workerData });
}

async function message<T>(worker: Worker): Promise<T> {
  const [value] = (await once(worker, 'message')) as [T];
  return value;
}

test('a wake from another thread runs onWake, which sees what was written before', { skip }, async () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let resolve!: (value: number) => void;
  const woken = new Promise<number>((r) => {
    resolve = r;
  });
  const waker = open(() => resolve(Atomics.load(cell, 0)));
  waker.ref();
  const worker = startWorker(`workerData.cell[0] = 42; parentPort.postMessage(wake(workerData.id));`, {
    id: waker.id,
    cell,
  });
  // Asked for before anything is awaited: the worker may be gone by then.
  const ended = once(worker, 'exit');
  assert.equal(await message<boolean>(worker), true);
  assert.equal(await woken, 42);
  waker.close();
  await ended;
});

test('no wake-up is lost between two threads that answer each other', { skip, timeout: 15_000 }, async () => {
  const rounds = 3000;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const waker = open(() => {});
  waker.close();
  let other = 0;
  let finish!: () => void;
  const finished = new Promise<void>((r) => {
    finish = r;
  });
  const mine = open(() => {
    const turn = Atomics.load(cell, 0);
    if (turn % 2 !== 0) return;
    if (turn >= rounds) return finish();
    Atomics.store(cell, 0, turn + 1);
    wake(other);
  });
  mine.ref();
  const worker = startWorker(
    `const waker = createWaker(() => {
       const turn = Atomics.load(workerData.cell, 0);
       if (turn % 2 === 0) return;
       Atomics.store(workerData.cell, 0, turn + 1);
       wake(workerData.id);
     });
     waker.ref();
     parentPort.once('message', () => waker.close());
     parentPort.postMessage(waker.id);`,
    { id: mine.id, cell },
  );
  other = await message<number>(worker);
  wake(mine.id);
  await finished;
  assert.equal(Atomics.load(cell, 0), rounds);
  worker.postMessage('end');
  await once(worker, 'exit');
  mine.close();
});

test('many wakes before a turn of the loop are one call', { skip }, async () => {
  let calls = 0;
  const waker = open(() => {
    calls += 1;
  });
  for (let i = 0; i < 1000; i += 1) assert.equal(wake(waker.id), true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(calls, 1);
  waker.close();
});

test('a closed waker is refused, is not called again, and its id names no other', { skip }, async () => {
  let calls = 0;
  const first = open(() => {
    calls += 1;
  });
  assert.equal(wake(first.id), true);
  first.close();
  first.close();
  first.ref();
  assert.equal(wake(first.id), false);
  const wakers = Array.from({ length: 1000 }, () => open(() => {}));
  assert.equal(new Set(wakers.map((waker) => waker.id)).size, 1000);
  assert.ok(wakers.every((waker) => waker.id > 0 && waker.id < 2 ** 31 && waker.id !== first.id));
  assert.equal(wake(first.id), false);
  for (const waker of wakers) waker.close();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(calls, 0);
  for (const id of [0, -1, 2 ** 32, 12_345_678]) assert.equal(wake(id), false);
});

test('the table is bounded and takes again after closing', { skip }, () => {
  const wakers: Waker[] = [];
  assert.throws(() => {
    for (;;) wakers.push(open(() => {}));
  }, /a process may have 1024/);
  assert.equal(wakers.length, 1024);
  for (const waker of wakers) waker.close();
  open(() => {}).close();
});

test('only the thread that opened a waker may close it', { skip }, async () => {
  const waker = open(() => {});
  const worker = new Worker(
    `import(${JSON.stringify(new URL('./binding.ts', import.meta.url).href)}).then(({ core }) => {
       let error;
       try { core.closeWaker(require('node:worker_threads').workerData); } catch (e) { error = e; }
       require('node:worker_threads').parentPort.postMessage(error?.message);
     });`,
    { eval: true, workerData: waker.id },
  );
  assert.match(await message<string>(worker), /belongs to the thread that opened it/);
  assert.equal(wake(waker.id), true);
  waker.close();
});

test('an open waker does not keep a thread alive', { skip }, async () => {
  const worker = startWorker(`createWaker(() => {});`);
  const [code] = await once(worker, 'exit');
  assert.equal(code, 0);
});

test('threads that are terminated, exit, or throw are refused afterwards, and the process lives', {
  skip,
}, async () => {
  const endings = {
    terminate: `setInterval(() => {}, 1000);`,
    busy: `parentPort.once('message', () => { for (;;); });`,
    exit: `parentPort.once('message', () => process.exit(3));`,
    throw: `parentPort.once('message', () => { throw new Error('on purpose'); });`,
    'close and exit': `parentPort.once('message', () => { waker.close(); process.exit(0); });`,
    'throw in onWake': ``,
  };
  for (const [how, source] of Object.entries(endings)) {
    const worker = startWorker(
      `const waker = createWaker(() => { if (${how === 'throw in onWake'}) throw new Error('on purpose'); });
       waker.ref();
       ${source}
       parentPort.postMessage(waker.id);`,
    );
    let error: Error | undefined;
    worker.on('error', (e: Error) => {
      error = e;
    });
    const exited = once(worker, 'exit');
    exited.catch(() => {});
    const id = await message<number>(worker);
    assert.equal(wake(id), true, how);
    if (how === 'terminate' || how === 'busy') {
      worker.postMessage('go');
      setTimeout(() => void worker.terminate(), 20);
    } else if (how !== 'throw in onWake') {
      worker.postMessage('go');
    }
    const deadline = Date.now() + 10_000;
    while (worker.threadId !== -1 && Date.now() < deadline) {
      wake(id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(worker.threadId, -1, how);
    assert.equal(wake(id), false, how);
    if (how.startsWith('throw')) assert.match(String(error), /on purpose/, how);
  }
});

test('a thread is woken from all sides while it is terminated, thirty times, and the process lives', {
  skip,
}, async () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const waker = startWorker(
    `(function turn() {
       for (let i = 0; i < 2000; i += 1) wake(Atomics.load(workerData, 0));
       if (Atomics.load(workerData, 1) === 0) setImmediate(turn);
     })();`,
    shared,
  );
  for (let round = 0; round < 30; round += 1) {
    const victim = startWorker(
      `const waker = createWaker(() => {}); waker.ref(); Atomics.store(workerData, 0, waker.id); parentPort.postMessage(waker.id);`,
      shared,
    );
    const id = await message<number>(victim);
    wake(id);
    await victim.terminate();
    assert.equal(wake(id), false);
  }
  Atomics.store(shared, 1, 1);
  await once(waker, 'exit');
});

test('the process ends by itself and by process.exit with wakers open in several threads', { skip }, async () => {
  for (const ending of ['', 'process.exit(0);']) {
    const source = `
      import { createWaker } from ${moduleUrl};
      import { Worker } from 'node:worker_threads';
      createWaker(() => {});
      const open = ${JSON.stringify(`import(${moduleUrl}).then(({ createWaker }) => { const waker = createWaker(() => {}); HOLD require('node:worker_threads').parentPort.postMessage(waker.id); });`)};
      let ready = 0;
      for (let i = 0; i < 3; i += 1) {
        const worker = new Worker(open.replace('HOLD', ${JSON.stringify(ending === '' ? '' : 'waker.ref();')}), { eval: true, execArgv: [] });
        worker.once('message', () => { ready += 1; if (ready === 3) { console.log('ready'); ${ending} } });
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code, signal] = await once(child, 'close');
    assert.deepEqual({ code, signal, output }, { code: 0, signal: null, output: 'ready\n' });
  }
});

test('without the binding there is no waker, and a wake is refused', async () => {
  const source = `
    import { createWaker, wake } from ${moduleUrl};
    console.log(JSON.stringify([createWaker(() => {}) === undefined, wake(1)]));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, GUILDHALL_NATIVE: 'off' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  assert.equal(output, '[true,false]\n');
});
