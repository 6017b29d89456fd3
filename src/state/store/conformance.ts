// What every engine must do. `storeConformance(name, open)` registers the tests; conformance.test.ts runs them on each engine.
// The property test compares an engine, operation by operation, with the memory engine; its seed is in the test's name
// (set STORE_SEED to replay).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EPOCH_MS, snowflakeAt } from '../../base/snowflake.ts';
import { BUCKET_WIDTH_MS } from './buckets.ts';
import { MemoryStore } from './memory.ts';
import {
  BATCH_OPS_MAX,
  type Doc,
  MESSAGES_PAGE_MAX,
  type MessageRecord,
  type Store,
  StoreConflict,
  StoreError,
  type StoreOp,
  type TableName,
} from './port.ts';

/** Operations of a run of the property test; small enough for every engine to take a second or two. */
const PROPERTY_RUNS = 60;
/** Bounds the search for a smaller failing case, and the runs on a machine that is very busy. */
const SHRINK_LIMIT_MS = 8_000;

const CHANNEL = '175928847299117063';
const AUTHOR = '80351110224678912';

/** An id in the nth 10-day bucket. */
function idIn(bucket: number, sequence = 0): string {
  return String(BigInt(snowflakeAt(EPOCH_MS + bucket * BUCKET_WIDTH_MS + 1)) + BigInt(sequence));
}

function message(id: string, content = `m${id}`, channel = CHANNEL): MessageRecord {
  return { id, channel_id: channel, author_id: AUTHOR, nonce: null, doc: { content } };
}

function put(id: string, content?: string): StoreOp {
  return { op: 'putMessage', message: message(id, content) };
}

export function storeConformance(name: string, open: () => Promise<Store>): void {
  const withStore = (title: string, body: (store: Store) => Promise<void>): void => {
    test(title, async () => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };

  describe(`${name}: documents`, () => {
    withStore('get gives what put stored, and null for what is not there', async (store) => {
      await store.commit([{ op: 'put', table: 'user', key: ['7'], doc: { id: '7', a: [1, null, { b: 1.5 }] } }]);
      assert.deepEqual(await store.get('user', ['7']), { id: '7', a: [1, null, { b: 1.5 }] });
      assert.equal(await store.get('user', ['8']), null);
      await store.commit([{ op: 'put', table: 'user', key: ['7'], doc: { id: '7' } }]);
      assert.deepEqual(await store.getMany('user', [['8'], ['7'], ['7']]), [null, { id: '7' }, { id: '7' }]);
      await store.commit([{ op: 'delete', table: 'user', key: ['7'] }]);
      assert.equal(await store.get('user', ['7']), null);
      await store.commit([{ op: 'delete', table: 'user', key: ['7'] }]);
    });

    withStore('a document that is read is no one else’s', async (store) => {
      const doc: Doc = { list: [1] };
      await store.commit([{ op: 'put', table: 'guild', key: ['1'], doc }]);
      (doc.list as number[]).push(2);
      const read = await store.get<{ list: number[] }>('guild', ['1']);
      read?.list.push(3);
      assert.deepEqual(await store.get('guild', ['1']), { list: [1] });
    });

    withStore('ids sort by value, whatever their length', async (store) => {
      const ids = ['99999999999999999', '1', '9223372036854775807', '100000000000000000', '20', '3'];
      await store.commit(ids.map((id) => ({ op: 'put', table: 'role', key: ['5', id], doc: { id } })));
      const sorted = ['1', '3', '20', '99999999999999999', '100000000000000000', '9223372036854775807'];
      const list = async (options?: object) => (await store.list('role', ['5'], options)).map((doc) => doc.id);
      assert.deepEqual(await list(), sorted);
      assert.deepEqual(await list({ reverse: true }), sorted.toReversed());
      assert.deepEqual(await list({ after: '3', limit: 2 }), ['20', '99999999999999999']);
      assert.deepEqual(await list({ before: '100000000000000000', reverse: true, limit: 2 }), [
        '99999999999999999',
        '20',
      ]);
      assert.deepEqual(await list({ after: '4', before: '21' }), ['20']);
      assert.deepEqual(await list({ after: '18446744073709551615' }), []);
      assert.deepEqual(await list({ limit: 0 }), []);
      assert.deepEqual(await list({ after: 'x' }), []);
    });

    withStore('text keys sort by code point, and keep what looks alike apart', async (store) => {
      const texts = ['', 'a', 'A', 'é', 'e\u0301', '👍', '\uffee', '\u0000', 'a\u0000b', '1', '01', '10', '9'];
      await store.commit(
        texts.map((emoji) => ({ op: 'put', table: 'reaction', key: ['5', emoji, '1'], doc: { emoji } })),
      );
      const sorted = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(
        (await store.list('reaction', ['5'])).map((doc) => doc.emoji),
        sorted,
      );
      assert.deepEqual(
        (await store.list('reaction', ['5'], { after: 'é' })).map((doc) => doc.emoji),
        ['\uffee', '👍'],
      );
      for (const emoji of texts) assert.deepEqual(await store.get('reaction', ['5', emoji, '1']), { emoji });
    });

    withStore('list and count take a prefix of any length, also none', async (store) => {
      const keys = [
        ['1', 'a', '1'],
        ['1', 'a', '2'],
        ['1', 'b', '1'],
        ['2', 'a', '1'],
      ];
      await store.commit(keys.map((key) => ({ op: 'put', table: 'reaction', key, doc: { key } })));
      for (const [prefix, count] of [
        [[], 4],
        [['1'], 3],
        [['1', 'a'], 2],
        [['1', 'a', '2'], 1],
        [['3'], 0],
        [['x'], 0],
      ] as const) {
        assert.equal(await store.count('reaction', prefix), count);
        assert.equal((await store.list('reaction', prefix)).length, count);
      }
    });

    withStore('deletePrefix deletes the rows below it alone', async (store) => {
      const keys = ['1', '2'].flatMap((m) => ['a', 'b'].flatMap((e) => ['1', '2'].map((u) => [m, e, u])));
      const left = async () => (await store.list('reaction', [])).map((doc) => (doc.key as string[]).join(''));
      await store.commit(keys.map((key) => ({ op: 'put', table: 'reaction', key, doc: { key } })));
      await store.commit([{ op: 'deletePrefix', table: 'reaction', key: ['1', 'a'] }]);
      assert.deepEqual(await left(), ['1b1', '1b2', '2a1', '2a2', '2b1', '2b2']);
      await store.commit([{ op: 'deletePrefix', table: 'reaction', key: ['2'] }]);
      assert.deepEqual(await left(), ['1b1', '1b2']);
      await store.commit([{ op: 'deletePrefix', table: 'reaction', key: ['1', 'b', '2'] }]);
      assert.deepEqual(await left(), ['1b1']);
    });

    withStore('any string comes back as it was', async (store) => {
      const texts = [
        '\u0000',
        'a\u0000b',
        '\ud800',
        '\udc00x',
        '\ud83d\ude00',
        '\u2028\u2029',
        '"\\\n',
        '\ufeff',
        'é\u0301',
      ];
      texts.push('x'.repeat(6_000), '€'.repeat(6_000));
      const doc: Doc = { texts, ['__proto__x']: 1, '': '' };
      await store.commit([
        { op: 'put', table: 'guild', key: ['1'], doc },
        ...texts.map((text, index): StoreOp => {
          return { op: 'putMessage', message: { ...message(idIn(1, index), text), nonce: text } };
        }),
      ]);
      assert.deepEqual(await store.get('guild', ['1']), doc);
      for (const [index, text] of texts.entries()) {
        const read = await store.message(CHANNEL, idIn(1, index));
        assert.equal(read?.doc.content, text);
        assert.equal(read?.nonce, text);
      }
    });
  });

  describe(`${name}: commits`, () => {
    withStore('a batch with a conflict leaves nothing behind, and says what met', async (store) => {
      await store.commit([{ op: 'insert', table: 'username', key: ['ada'], doc: { user_id: '1' } }]);
      const before = put(idIn(1));
      await store.commit([before]);
      const failure = await store
        .commit([
          { op: 'put', table: 'user', key: ['2'], doc: {} },
          put(idIn(2)),
          put(idIn(1), 'edited'),
          { op: 'deleteMessage', channel_id: CHANNEL, id: idIn(1) },
          { op: 'deletePrefix', table: 'username', key: ['ada'] },
          { op: 'insert', table: 'username', key: ['bob'], doc: {} },
          { op: 'insert', table: 'username', key: ['bob'], doc: {} },
        ])
        .then(
          () => null,
          (error: unknown) => error,
        );
      assert.ok(failure instanceof StoreConflict);
      assert.equal(failure.table, 'username');
      assert.deepEqual(failure.key, ['bob']);
      assert.equal(await store.get('user', ['2']), null);
      assert.deepEqual(await store.get('username', ['ada']), { user_id: '1' });
      assert.equal(await store.get('username', ['bob']), null);
      assert.deepEqual(await store.messages(CHANNEL, { limit: 10 }), [message(idIn(1))]);
      assert.equal(await store.highWaterId(CHANNEL), idIn(1));
    });

    withStore('one conflict among many commits of a moment touches none of the others', async (store) => {
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) =>
          store.commit([
            { op: 'put', table: 'user', key: [String(index + 1)], doc: { index } },
            put(idIn(index % 4, index)),
            { op: 'insert', table: 'username', key: [`n${index % 10}`], doc: { index } },
          ]),
        ),
      );
      for (const [index, { status }] of results.entries()) {
        assert.equal(status, index < 10 ? 'fulfilled' : 'rejected');
        assert.deepEqual(await store.get('user', [String(index + 1)]), index < 10 ? { index } : null);
        assert.equal((await store.message(CHANNEL, idIn(index % 4, index))) !== null, index < 10);
      }
      assert.equal((await store.messages(CHANNEL, { limit: 100 })).length, 10);
    });

    withStore('commits apply and resolve in the order of their calls', async (store) => {
      const resolved: number[] = [];
      await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          await store.commit([{ op: 'put', table: 'setting', key: ['last'], doc: { index } }]);
          resolved.push(index);
        }),
      );
      assert.deepEqual(resolved, [...resolved.keys()]);
      assert.equal(resolved.length, 200);
      assert.deepEqual(await store.get('setting', ['last']), { index: 199 });
    });

    withStore('a commit is read by whoever reads after it', async (store) => {
      for (let index = 0; index < 30; index += 1) {
        await store.commit([{ op: 'put', table: 'setting', key: ['x'], doc: { index } }]);
        assert.deepEqual(await store.get('setting', ['x']), { index });
      }
    });

    withStore('what cannot be stored is refused before it can hurt another', async (store) => {
      const cyclic: Doc = {};
      cyclic.self = cyclic;
      const wrong: StoreOp[][] = [
        [{ op: 'put', table: 'user', key: ['x'], doc: {} }],
        [{ op: 'put', table: 'user', key: ['007'], doc: {} }],
        [{ op: 'put', table: 'user', key: ['9223372036854775808'], doc: {} }],
        [{ op: 'put', table: 'user', key: [], doc: {} }],
        [{ op: 'put', table: 'user', key: ['1', '2'], doc: {} }],
        [{ op: 'put', table: 'username', key: ['\ud800'], doc: {} }],
        [{ op: 'put', table: 'nothing' as TableName, key: ['1'], doc: {} }],
        [{ op: 'put', table: 'user', key: ['1'], doc: cyclic }],
        [{ op: 'put', table: 'user', key: ['1'], doc: [] as unknown as Doc }],
        [{ op: 'deletePrefix', table: 'role', key: [] }],
        [{ op: 'deleteMessage', channel_id: 'x', id: '1' }],
        Array.from({ length: BATCH_OPS_MAX + 1 }, () => put(idIn(1))),
      ];
      const good = store.commit([{ op: 'put', table: 'user', key: ['3'], doc: { ok: true } }]);
      const results = await Promise.allSettled(wrong.map((ops) => store.commit(ops)));
      await good;
      for (const result of results) {
        assert.ok(result.status === 'rejected' && result.reason instanceof StoreError, JSON.stringify(result));
      }
      assert.equal(await store.count('user', []), 1);
      await assert.rejects(store.get('user', []), StoreError);
      await assert.rejects(store.list('user', ['1', '2']), StoreError);
      assert.equal(await store.get('user', ['x']), null);
      assert.equal(await store.get('username', ['\ud800']), null);
    });

    test('a closed store refuses, and closing again is harmless', async () => {
      const store = await open();
      await store.commit([]);
      await store.close();
      await store.close();
      await assert.rejects(store.commit([put(idIn(1))]), StoreError);
      await assert.rejects(store.get('user', ['1']), StoreError);
    });
  });

  describe(`${name}: messages`, () => {
    withStore('pages go down and up across buckets, newest first', async (store) => {
      const ids = [0, 0, 1, 5, 5, 5, 40, 41].map((bucket, index) => idIn(bucket, index));
      await store.commit(ids.toReversed().map((id) => put(id)));
      await store.commit([{ op: 'putMessage', message: message(idIn(5, 99), 'elsewhere', '42') }]);
      const page = async (query: object) =>
        (await store.messages(CHANNEL, { limit: 3, ...query })).map(({ id }) => ids.indexOf(id));
      assert.deepEqual(await page({}), [7, 6, 5]);
      assert.deepEqual(await page({ before: ids[5] }), [4, 3, 2]);
      assert.deepEqual(await page({ before: ids[2] }), [1, 0]);
      assert.deepEqual(await page({ before: ids[0] }), []);
      assert.deepEqual(await page({ after: ids[0] }), [3, 2, 1]);
      assert.deepEqual(await page({ after: ids[3] }), [6, 5, 4]);
      assert.deepEqual(await page({ after: '0' }), [2, 1, 0]);
      assert.deepEqual(await page({ after: ids[7] }), []);
      assert.deepEqual(await page({ after: ids[1], before: ids[7] }), [6, 5, 4]);
      assert.deepEqual(await page({ after: ids[3], before: ids[6] }), [5, 4]);
      assert.deepEqual(await page({ before: '18446744073709551615', limit: 100 }), [7, 6, 5, 4, 3, 2, 1, 0]);
      assert.deepEqual(await page({ after: idIn(20) }), [7, 6]);
      assert.deepEqual(await page({ before: idIn(20) }), [5, 4, 3]);
      assert.deepEqual(await page({ limit: 0 }), []);
      assert.deepEqual(await store.messages('43', { limit: 3 }), []);
      assert.deepEqual(await store.messages('x', { limit: 3 }), []);
      assert.deepEqual(await store.message('42', idIn(5, 99)), message(idIn(5, 99), 'elsewhere', '42'));
      assert.equal(await store.message(CHANNEL, idIn(5, 99)), null);
    });

    withStore('a page is bounded, whatever is asked', async (store) => {
      const count = MESSAGES_PAGE_MAX + 20;
      await store.commit(Array.from({ length: count }, (_, index) => put(idIn(1 + (index % 3), index))));
      assert.equal((await store.messages(CHANNEL, { limit: count })).length, MESSAGES_PAGE_MAX);
      assert.equal((await store.messages(CHANNEL, { limit: count, after: '0' })).length, MESSAGES_PAGE_MAX);
    });

    withStore('a put replaces the whole record', async (store) => {
      await store.commit([{ op: 'putMessage', message: { ...message(idIn(1)), nonce: 'n' } }]);
      const edited = { ...message(idIn(1), 'edited'), author_id: '9' };
      await store.commit([{ op: 'putMessage', message: edited }]);
      assert.deepEqual(await store.message(CHANNEL, idIn(1)), edited);
      assert.equal((await store.messages(CHANNEL, { limit: 10 })).length, 1);
    });

    withStore('the newest and the highest id follow deletions', async (store) => {
      const [a, b, c] = [idIn(1), idIn(1, 1), idIn(9)];
      const state = async () => [await store.lastMessageId(CHANNEL), await store.highWaterId(CHANNEL)];
      const del = (id: string) => store.commit([{ op: 'deleteMessage', channel_id: CHANNEL, id }]);
      assert.deepEqual(await state(), [null, null]);
      await del(a);
      assert.deepEqual(await state(), [null, null]);
      await store.commit([put(a), put(b), put(c)]);
      assert.deepEqual(await state(), [c, c]);
      await del(c);
      assert.deepEqual(await state(), [b, c]);
      await del(a);
      assert.deepEqual(await state(), [b, c]);
      await del(b);
      assert.deepEqual(await state(), [null, c]);
      assert.deepEqual(await store.messages(CHANNEL, { limit: 5 }), []);
      // A bucket that was emptied is used again.
      await store.commit([put(idIn(1, 2))]);
      assert.deepEqual(await state(), [idIn(1, 2), c]);
      assert.deepEqual(await store.messages(CHANNEL, { limit: 5 }), [message(idIn(1, 2))]);
    });

    withStore('a channel whose messages were all deleted may go on, and shows none of them again', async (store) => {
      const ids = [1, 1, 2, 7].map((bucket, index) => idIn(bucket, index));
      await store.commit(ids.map((id) => put(id)));
      await store.commit([{ op: 'deleteChannelMessages', channel_id: CHANNEL }]);
      assert.deepEqual(await store.messages(CHANNEL, { limit: 10 }), []);
      assert.deepEqual(await store.messages(CHANNEL, { limit: 10, after: '0' }), []);
      for (const id of ids) assert.equal(await store.message(CHANNEL, id), null);
      assert.equal(await store.lastMessageId(CHANNEL), null);
      assert.equal(await store.highWaterId(CHANNEL), ids[3]);
      await store.commit([put(idIn(1, 50)), put(idIn(7, 50))]);
      assert.deepEqual(
        (await store.messages(CHANNEL, { limit: 10 })).map(({ id }) => id),
        [idIn(7, 50), idIn(1, 50)],
      );
      assert.equal(await store.message(CHANNEL, ids[0] ?? ''), null);
      await store.commit([{ op: 'deleteChannelMessages', channel_id: CHANNEL }]);
      await store.commit([{ op: 'deleteChannelMessages', channel_id: CHANNEL }]);
      assert.equal(await store.highWaterId(CHANNEL), idIn(7, 50));
    });
  });

  describe(`${name}: against the model`, () => {
    const seed = Number(process.env.STORE_SEED ?? Math.trunc(Math.random() * 2 ** 31));
    test(`any run of batches reads as in the memory engine (seed ${seed})`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(arbitraryOp, { maxLength: 6 }), { maxLength: 12 }),
          queries,
          async (batches, asks) => {
            const model = new MemoryStore();
            const store = await open();
            try {
              // Submitted together, so that an engine may group them; each must still end as if it had been alone.
              const [ends, expected] = await Promise.all(
                [store, model].map(async (one) =>
                  (await Promise.allSettled(batches.map((ops) => one.commit(ops)))).map(({ status }) => status),
                ),
              );
              assert.deepEqual(ends, expected);
              for (const ask of asks) assert.deepEqual(await ask(store), await ask(model));
            } finally {
              await store.close();
            }
          },
        ),
        { seed, numRuns: PROPERTY_RUNS, interruptAfterTimeLimit: SHRINK_LIMIT_MS },
      );
    });
  });
}

const smallId = fc.constantFrom('1', '2', '10', '99', '100', '9223372036854775807');
const smallText = fc.constantFrom('', 'a', 'b', '👍', '\uffee', '1');
const channelId = fc.constantFrom('5', '6');
const messageId = fc
  .tuple(fc.constantFrom(0, 1, 2, 30), fc.integer({ min: 0, max: 3 }))
  .map(([bucket, sequence]) => idIn(bucket, sequence));
const reactionKey = fc.tuple(smallId, smallText, smallId);

const arbitraryOp: fc.Arbitrary<StoreOp> = fc.oneof(
  fc.record({
    op: fc.constantFrom('put', 'insert'),
    table: fc.constant('reaction'),
    key: reactionKey,
    doc: fc.record({ v: fc.string({ unit: 'binary' }) }),
  }) as fc.Arbitrary<StoreOp>,
  fc.record({
    op: fc.constant('insert'),
    table: fc.constant('user'),
    key: fc.tuple(smallId),
    doc: fc.constant({}),
  }) as fc.Arbitrary<StoreOp>,
  fc.record({ op: fc.constant('delete'), table: fc.constant('reaction'), key: reactionKey }) as fc.Arbitrary<StoreOp>,
  fc.record({
    op: fc.constant('deletePrefix'),
    table: fc.constant('reaction'),
    key: fc.oneof(fc.tuple(smallId), fc.tuple(smallId, smallText)),
  }) as fc.Arbitrary<StoreOp>,
  {
    weight: 4,
    arbitrary: fc.tuple(channelId, messageId, smallId, fc.option(fc.string()), fc.string()).map(
      ([channel, id, author_id, nonce, content]): StoreOp => ({
        op: 'putMessage',
        message: { id, channel_id: channel, author_id, nonce, doc: { content } },
      }),
    ),
  },
  fc.tuple(channelId, messageId).map(([channel_id, id]): StoreOp => ({ op: 'deleteMessage', channel_id, id })),
  channelId.map((channel_id): StoreOp => ({ op: 'deleteChannelMessages', channel_id })),
);

type Ask = (store: Store) => Promise<unknown>;

const bounds = { after: fc.option(messageId, { nil: undefined }), before: fc.option(messageId, { nil: undefined }) };

const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc
    .tuple(
      fc.oneof(fc.constant([]), fc.tuple(smallId), fc.tuple(smallId, smallText)),
      fc.record({ reverse: fc.boolean(), limit: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }) }),
      fc.option(smallId, { nil: undefined }),
      fc.option(smallId, { nil: undefined }),
    )
    .map(([prefix, { reverse, limit }, after, before]): Ask => {
      const options = {
        reverse,
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
        ...(before === undefined ? {} : { before }),
      };
      return (store) => Promise.all([store.list('reaction', prefix, options), store.count('reaction', prefix)]);
    }),
  fc
    .tuple(channelId, fc.record(bounds), fc.integer({ min: 0, max: 8 }))
    .map(([channel, { after, before }, limit]): Ask => {
      const query = { limit, ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
      return (store) => store.messages(channel, query);
    }),
  fc.tuple(channelId, messageId).map(([channel, id]): Ask => {
    return (store) =>
      Promise.all([store.message(channel, id), store.lastMessageId(channel), store.highWaterId(channel)]);
  }),
);

const queries = fc.array(ask, { minLength: 5, maxLength: 20 });
