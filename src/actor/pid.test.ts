import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  GENERATIONS,
  makePid,
  NODES_MAX,
  pidGeneration,
  pidNode,
  pidPlace,
  pidSlot,
  pidText,
  pidThread,
} from './pid.ts';
import { placeOf, SLOTS_MAX, THREADS_MAX } from './pid.ts';

test('a pid is a safe integer and gives back its parts', () => {
  fc.assert(
    fc.property(
      fc.nat(NODES_MAX - 1),
      fc.nat(THREADS_MAX - 1),
      fc.nat(SLOTS_MAX - 1),
      fc.nat(GENERATIONS - 1),
      (node, thread, slot, generation) => {
        const pid = makePid(node, thread, slot, generation);
        assert.ok(Number.isSafeInteger(pid));
        assert.deepEqual(
          [pidNode(pid), pidThread(pid), pidSlot(pid), pidGeneration(pid)],
          [node, thread, slot, generation],
        );
        assert.equal(pidPlace(pid), placeOf(node, thread));
      },
    ),
    { verbose: 1 },
  );
  const last = makePid(NODES_MAX - 1, THREADS_MAX - 1, SLOTS_MAX - 1, GENERATIONS - 1);
  assert.equal(last, Number.MAX_SAFE_INTEGER);
  assert.equal(pidText(makePid(0, 1, 2, 3)), '<0.1.2.3>');
});
