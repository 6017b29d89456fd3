// Random creates, edits, deletes, reactions and pins, several in flight at once, against a model that does them one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareSnowflakes } from '../../base/snowflake.ts';
import { ALL } from '../../protocol/permissions.ts';
import { ANN, Bench, BOT, CHANNEL, OWNER } from './testing.ts';

const USERS = [OWNER, ANN, BOT] as const;
const EMOJIS = ['👍', '🎉', '💜'] as const;

interface ModelMessage {
  readonly id: string;
  readonly author: string;
  content: string;
  pinned: boolean;
  readonly reactions: Map<string, Set<string>>;
}

const user = fc.constantFrom(...USERS);
const emoji = fc.constantFrom(...EMOJIS);
const at = fc.nat({ max: 5 });
const step = fc.oneof(
  fc.record({ op: fc.constant('create' as const), user, text: fc.string({ minLength: 1, maxLength: 5 }) }),
  fc.record({ op: fc.constant('edit' as const), user, at, text: fc.string({ minLength: 1, maxLength: 5 }) }),
  fc.record({ op: fc.constant('delete' as const), user, at }),
  fc.record({ op: fc.constant('bulk' as const), user, at, other: at }),
  fc.record({ op: fc.constant('react' as const), user, at, emoji }),
  fc.record({ op: fc.constant('unreact' as const), user, at, emoji }),
  fc.record({ op: fc.constant('clear' as const), user, at, emoji: fc.option(emoji) }),
  fc.record({ op: fc.constant('pin' as const), user, at, on: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What the step asks for, and what it does to the model when it is answered well. */
function plan(one: Step, model: Map<string, ModelMessage>, ids: readonly string[]) {
  const pick = (index: number): string => ids[index % Math.max(1, ids.length)] ?? '7';
  switch (one.op) {
    case 'create':
      return { op: 'createMessage', args: { content: `${one.text}.` }, apply: () => {} };
    case 'edit': {
      const id = pick(one.at);
      const apply = () => {
        const found = model.get(id);
        assert.equal(found?.author, one.user);
        if (found !== undefined) found.content = `${one.text}.`;
      };
      return { op: 'editMessage', args: { message_id: id, content: `${one.text}.` }, apply };
    }
    case 'delete': {
      const id = pick(one.at);
      return { op: 'deleteMessage', args: { message_id: id }, apply: () => assert.ok(model.delete(id)) };
    }
    case 'bulk': {
      const both = [pick(one.at), pick(one.other)];
      return { op: 'bulkDelete', args: { messages: both }, apply: () => both.forEach((id) => model.delete(id)) };
    }
    case 'react':
    case 'unreact': {
      const id = pick(one.at);
      const apply = () => {
        const reactions = model.get(id)?.reactions;
        assert.ok(reactions);
        const users = reactions.get(one.emoji) ?? new Set();
        if (one.op === 'react') users.add(one.user);
        else users.delete(one.user);
        if (users.size === 0) reactions.delete(one.emoji);
        else reactions.set(one.emoji, users);
      };
      const op = one.op === 'react' ? 'addReaction' : 'removeReaction';
      return { op, args: { message_id: id, emoji: { id: null, name: one.emoji } }, apply };
    }
    case 'clear': {
      const id = pick(one.at);
      const apply = () => {
        const reactions = model.get(id)?.reactions;
        if (one.emoji === null) reactions?.clear();
        else reactions?.delete(one.emoji);
      };
      if (one.emoji === null) return { op: 'removeAllReactions', args: { message_id: id }, apply };
      return { op: 'removeEmojiReactions', args: { message_id: id, emoji: { id: null, name: one.emoji } }, apply };
    }
    case 'pin': {
      const id = pick(one.at);
      const apply = () => {
        const found = model.get(id);
        assert.ok(found);
        found.pinned = one.on;
      };
      return { op: one.on ? 'pinMessage' : 'unpinMessage', args: { message_id: id }, apply };
    }
  }
}

/** Emits what the topic said, in order, into the model: the dispatches are the history that clients have. */
async function check(bench: Bench, model: Map<string, ModelMessage>): Promise<void> {
  for (const reader of USERS) {
    const { body } = await bench.ask('listMessages', reader, { limit: 100 });
    const seen = body.filter(({ type }: { type: number }) => type === 0);
    const expected = [...model.values()].sort((a, b) => compareSnowflakes(b.id, a.id));
    assert.deepEqual(
      seen.map((message: { [key: string]: unknown }) => ({
        id: message['id'],
        content: message['content'],
        pinned: message['pinned'],
        reactions: ((message['reactions'] ?? []) as { emoji: { name: string }; count: number; me: boolean }[])
          .map(({ emoji: { name }, count, me }) => `${name} ${count} ${me}`)
          .sort(),
      })),
      expected.map(({ id, content, pinned, reactions }) => ({
        id,
        content,
        pinned,
        reactions: [...reactions].map(([name, users]) => `${name} ${users.size} ${users.has(reader)}`).sort(),
      })),
    );
  }
  let rows = 0;
  for (const { id, reactions } of model.values()) {
    rows += await bench.store.count('reaction', [id]);
    for (const users of reactions.values()) rows -= users.size;
  }
  assert.equal(rows, 0, 'as many rows as reactions');
  const pinned = [...model.values()].filter((message) => message.pinned).length;
  assert.equal(await bench.store.count('pin', [CHANNEL]), pinned);
  assert.equal(bench.fake.book.inFlight, 0);
}

test('any mix of operations in flight leaves what the same operations leave one by one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { maxLength: 6 }), async (rounds) => {
      const bench = await Bench.withUsers();
      for (const id of USERS) bench.fake.granted.set(id, ALL);
      const model = new Map<string, ModelMessage>();
      const ids: string[] = [];
      for (const round of rounds) {
        bench.store.hold();
        // All of a round are under way before the first is durable; they act in the order in which they were asked.
        const asked = round.map((one) => {
          const planned = plan(one, model, [...ids]);
          return { one, planned, answer: bench.ask(planned.op, one.user, planned.args) };
        });
        await new Promise((resolve) => setImmediate(resolve));
        bench.store.release();
        for (const { one, planned, answer } of asked) {
          const { status, body } = await answer;
          if (status >= 400) continue;
          if (one.op === 'create') {
            ids.push(body.id);
            model.set(body.id, {
              id: body.id,
              author: one.user,
              content: body.content,
              pinned: false,
              reactions: new Map(),
            });
          } else planned.apply();
        }
        await check(bench, model);
      }
      assert.equal(bench.failure, undefined);
    }),
    { numRuns: 60 },
  );
});
