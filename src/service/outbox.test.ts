import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoreOp } from '../state/store/port.ts';
import { Outbox } from './outbox.ts';

const OP: StoreOp = { op: 'delete', table: 'guild', key: ['1'] };

/** Commits that end when the test says so. */
class HeldStore {
  readonly held: { resolve: () => void; reject: (error: Error) => void; ops: readonly StoreOp[] }[] = [];
  commit(ops: readonly StoreOp[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.held.push({ resolve, reject, ops });
    });
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the outbox of a topic', () => {
  it('says nothing before it is durable, and then in the order the places were taken', async () => {
    const store = new HeldStore();
    const said: string[] = [];
    const outbox = new Outbox(store, () => said.push('failed'));
    const first = outbox.open();
    first.write([OP]);
    first.say(() => said.push('first'));
    first.sayLast(() => said.push('answer'));
    outbox.seal(first);
    outbox.inOrder(() => said.push('without writes'));
    const third = outbox.open();
    third.write([OP]);
    third.say(() => said.push('third'));
    outbox.seal(third);
    store.held[1]?.resolve();
    await turn();
    assert.deepEqual(said, []);
    store.held[0]?.resolve();
    await turn();
    assert.deepEqual(said, ['first', 'answer', 'without writes', 'third']);
    assert.equal(outbox.length, 0);
  });

  it('hands writes over in the order of the places, though a later one is sealed first', () => {
    const store = new HeldStore();
    const outbox = new Outbox(store, () => {});
    const [a, b] = [outbox.open(), outbox.open()];
    a.write([OP]);
    b.write([OP, OP]);
    outbox.seal(b);
    assert.equal(store.held.length, 0);
    outbox.seal(a);
    assert.deepEqual(
      store.held.map(({ ops }) => ops.length),
      [1, 2],
    );
  });

  it('says at once what waits for nothing, and what an effect says after the effects beside it', () => {
    const said: number[] = [];
    const outbox = new Outbox(new HeldStore(), () => {});
    const place = outbox.open();
    place.say(() => {
      said.push(1);
      outbox.inOrder(() => said.push(3));
    });
    place.say(() => said.push(2));
    outbox.seal(place);
    assert.deepEqual(said, [1, 2, 3]);
  });

  it('says nothing more after a refused commit, and tells everybody who waits', async () => {
    const store = new HeldStore();
    const said: string[] = [];
    const outbox = new Outbox(store, (error) => said.push(`owner: ${error.message}`));
    for (const name of ['a', 'b']) {
      const place = outbox.open();
      place.write([OP]);
      place.say(() => said.push(name));
      place.onFail = () => said.push(`${name} failed`);
      outbox.seal(place);
    }
    store.held[0]?.reject(new Error('disk full'));
    store.held[1]?.resolve();
    await turn();
    assert.deepEqual(said, ['a failed', 'b failed', 'owner: disk full']);
    const late = outbox.open();
    late.onFail = () => said.push('late failed');
    late.write([OP]);
    outbox.seal(late);
    assert.equal(said.at(-1), 'late failed');
    assert.equal(store.held.length, 2);
  });
});
