import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorContext, Message } from '../../actor/types.ts';
import { ManualClock } from '../../base/clock.ts';
import { accountFixture } from '../account/fixtures.ts';
import {
  ANSWER_MS,
  EPHEMERALS_MAX,
  type Interaction,
  InteractionBook,
  INTERACTIONS,
  INTERACTIONS_MAX,
  Interactions,
  interactionsActor,
  isInteractionToken,
  makeInteractionToken,
  TOKEN_LIFE_MS,
} from './book.ts';

function anInteraction(over: Partial<Interaction> = {}): Interaction {
  return {
    id: '1',
    token: makeInteractionToken(),
    application_id: '7',
    type: 2,
    channel_id: '3',
    guild_id: null,
    invoker_id: '5',
    nonce: null,
    answer_type: 20,
    metadata: {},
    message_id: null,
    message_token: null,
    original_id: null,
    acknowledged: false,
    ephemerals: [],
    ...over,
  };
}

test('one answer only, within three seconds, by the token and id of the interaction', () => {
  const clock = new ManualClock();
  const book = new InteractionBook(clock);
  const first = anInteraction();
  book.open(first);
  assert.equal(book.acknowledge('2', first.token), 'unknown');
  assert.equal(book.acknowledge('1', makeInteractionToken()), 'unknown');
  assert.equal(book.acknowledge('1', first.token), 'ok');
  assert.equal(book.acknowledge('1', first.token), 'acknowledged');
  book.retract(first.token);
  assert.equal(book.acknowledge('1', first.token), 'ok');
  const late = anInteraction();
  book.open(late);
  clock.advance(ANSWER_MS + 1);
  assert.equal(book.failUnanswered(first.token), null);
  assert.equal(book.failUnanswered(late.token)?.id, '1');
  assert.equal(book.acknowledge('1', late.token), 'unknown');
});

test('a token ends after fifteen minutes, and the table is bounded', () => {
  const clock = new ManualClock();
  const book = new InteractionBook(clock);
  const first = anInteraction();
  book.open(first);
  clock.advance(TOKEN_LIFE_MS - 1);
  assert.notEqual(book.find(first.token), null);
  clock.advance(1);
  assert.equal(book.find(first.token), null);
  for (let i = 0; i < INTERACTIONS_MAX + 5; i += 1) book.open(anInteraction({ token: String(i) }));
  assert.equal(book.size, INTERACTIONS_MAX);
  assert.equal(book.find('4'), null);
  assert.notEqual(book.find('5'), null);
});

test('ephemeral messages are found by their invoker alone, and few are kept', () => {
  const book = new InteractionBook(new ManualClock());
  const one = anInteraction();
  book.open(one);
  for (let i = 1; i <= EPHEMERALS_MAX + 1; i += 1) book.putEphemeral(one.token, { id: String(i) });
  assert.equal(book.find(one.token)?.ephemerals.length, EPHEMERALS_MAX);
  assert.equal(book.findEphemeral('5', '1'), null);
  assert.equal(book.findEphemeral('5', '2')?.token, one.token);
  assert.equal(book.findEphemeral('6', '2'), null);
  book.putEphemeral(one.token, { id: '2', content: 'changed' });
  assert.equal(book.findEphemeral('5', '2')?.message['content'], 'changed');
  book.removeEphemeral(one.token, '2');
  assert.equal(book.findEphemeral('5', '2'), null);
});

test('an interaction nobody answers is told to its invoker as failed', async () => {
  const { runtime, start, casts, clock } = accountFixture();
  const later: Message[] = [];
  const actor = interactionsActor(clock);
  const context = {
    runtime,
    sendAfter: (_ms: number, message: Message) => {
      later.push(message);
      return { cancel: () => {} };
    },
    cast: runtime.cast,
  };
  await actor.init?.(context as unknown as ActorContext);
  start(0, INTERACTIONS, actor);
  const book = new Interactions(runtime);
  const { id: _id, token: _token, original_id: _o, acknowledged: _a, ephemerals: _e, ...rest } = anInteraction();
  const opened = await book.open({ id: '1', ...rest });
  assert.equal(isInteractionToken(opened.token), true);
  assert.equal((await book.find(opened.token))?.id, '1');
  clock.advance(ANSWER_MS + 1);
  for (const message of later) await actor.handleInfo?.(message);
  assert.equal(casts.length, 1);
  assert.equal(casts[0]?.to.name, 'user:5');
  assert.match(new TextDecoder().decode(casts[0]?.message.bytes), /INTERACTION_FAILURE/);
});
