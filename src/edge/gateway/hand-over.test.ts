// Sessions that are cut and resumed on any I/O thread while events keep coming: each event exactly once, in its topic's order,
// with a sequence that rises by one for ever.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeDispatch } from '../../protocol/dispatch.ts';
import { BOT, type Client, type Frame, GUILD, OTHER_GUILD, World } from './world.test-helper.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() & 0x7fffffff);
const TOPICS = [`guild:${GUILD}`, `guild:${OTHER_GUILD}`, `user:${BOT}`] as const;

type Action =
  | { readonly do: 'say'; readonly topic: number }
  | { readonly do: 'cut'; readonly lost: number }
  | { readonly do: 'resume'; readonly thread: number }
  | { readonly do: 'beat' }
  | { readonly do: 'turns'; readonly count: number };

const say = fc.record({ do: fc.constant('say' as const), topic: fc.nat({ max: 2 }) });
const cut = fc.record({ do: fc.constant('cut' as const), lost: fc.nat({ max: 5 }) });
const resume = fc.record({ do: fc.constant('resume' as const), thread: fc.nat({ max: 2 }) });
const beat = fc.record({ do: fc.constant('beat' as const) });
const turn = fc.record({ do: fc.constant('turns' as const), count: fc.constantFrom(1, 1, 1, 2, 5) });
/** Events in every turn of a hand-over. */
const storm = fc
  .tuple(cut, resume, fc.array(fc.tuple(say, say, turn), { minLength: 2, maxLength: 12 }))
  .map(([first, second, rest]): Action[] => [first, second, ...rest.flat()]);
const actions: fc.Arbitrary<Action[]> = fc
  .array(fc.oneof(storm, fc.tuple(fc.oneof(say, cut, resume, beat, turn))), {
    minLength: 5,
    maxLength: 30,
    size: 'max',
  })
  .map((parts) => parts.flat());

/** A client that keeps what it has and goes on from there. */
class Follower {
  readonly world: World;
  client: Client | null;
  readonly sessionId: string;
  frames: Frame[] = [];
  acknowledged = 0;

  constructor(world: World, client: Client, sessionId: string, frames: Frame[]) {
    this.world = world;
    this.client = client;
    this.sessionId = sessionId;
    this.keep(frames);
  }

  get last(): number {
    return this.frames.at(-1)?.s ?? 0;
  }

  keep(frames: readonly Frame[]): void {
    for (const frame of frames) {
      assert.notEqual(frame.op, 9, 'the session must not be lost');
      if (frame.op !== 0) continue;
      assert.equal(frame.s, this.last + 1, 'the sequence rises by one');
      this.frames.push(frame);
    }
  }

  read(): void {
    if (this.client === null) return;
    this.keep(this.client.take());
    // The server may have closed it: a newer connection took over, or two resumes met.
    if (this.client.closed !== undefined) this.client = null;
  }

  cut(lost: number): void {
    this.read();
    if (this.client === null) return;
    this.client.socket.leave(1006);
    this.client = null;
    // The last frames never arrived.
    const floor = this.frames.length - Math.min(lost, this.last - this.acknowledged);
    this.frames.length = floor;
  }

  resume(thread: number): void {
    this.read();
    if (this.client !== null) return;
    this.client = this.world.connect(undefined, thread);
    this.acknowledged = this.last;
    this.client.say(6, { token: 'bot', session_id: this.sessionId, seq: this.last });
  }

  beat(): void {
    this.read();
    if (this.client === null) return;
    this.client.say(1, this.last);
    this.acknowledged = this.last;
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

test(`a session that wanders between threads gets every event exactly once (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (steps) => {
      const world = new World({ threads: 3 });
      await world.fill();
      const row = { user_id: BOT, guild_id: OTHER_GUILD };
      await world.store.commit([{ op: 'put', table: 'user_guild', key: [BOT, OTHER_GUILD], doc: row }]);
      const { client, sessionId, frames } = await world.ready();
      const follower = new Follower(world, client, sessionId, frames);
      const said: number[][] = [[], [], []];
      let next = 0;
      for (const step of steps) {
        if (step.do === 'say') {
          next += 1;
          said[step.topic]?.push(next);
          world.say(TOPICS[step.topic] as string, {}, encodeDispatch('MESSAGE_CREATE', { topic: step.topic, n: next }));
        } else if (step.do === 'cut') follower.cut(step.lost);
        else if (step.do === 'resume') follower.resume(step.thread);
        else if (step.do === 'beat') follower.beat();
        else await turns(step.count);
      }
      for (let tries = 0; tries < 5; tries += 1) {
        await world.settle();
        follower.resume(tries % 3);
        await world.settle();
      }
      follower.read();
      assert.ok(follower.client !== null, 'the client is connected in the end');
      for (const [topic, expected] of said.entries()) {
        const heard = follower.frames
          .filter(({ t, d }) => t === 'MESSAGE_CREATE' && d.topic === topic)
          .map(({ d }) => d.n);
        assert.deepEqual(heard, expected, `events of topic ${topic}`);
      }
      const kept = world.relays.map((relay) => relay.sessions.size);
      assert.equal(
        kept.reduce((sum, size) => sum + size, 0),
        1,
        'one session, on one thread',
      );
      assert.deepEqual(world.logged, []);
      await world.close();
    }),
    { seed: SEED, numRuns: Number(process.env['RUNS'] ?? 60) },
  );
});
