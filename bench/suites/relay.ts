// The relay alone: what a delivery costs on the thread before it reaches the socket, and what a session weighs. Sockets take
// everything and do nothing, so the figures are the relay's own; the sockets' share is in bench/scenarios/fanout.ts.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { testNode } from '../../src/actor/testing.ts';
import { encodeDispatch } from '../../src/protocol/dispatch.ts';
import { Relay } from '../../src/service/session/relay.ts';
import type { Outlet, Session, SessionOwner } from '../../src/service/session/session.ts';
import type { TopicEvent } from '../../src/service/topic.ts';
import type { Row, Suite } from '../row.ts';

const TOPIC = 'guild:100000000000000001';
/** About the 989 bytes of a usual MESSAGE_CREATE. */
const CONTENT = 'x'.repeat(700);

class NullOutlet implements Outlet {
  frames = 0;
  send(): number {
    this.frames += 1;
    return 1;
  }
  cork(callback: () => void): void {
    callback();
  }
  getBufferedAmount(): number {
    return 0;
  }
  end(): void {}
}

const owner: SessionOwner = { sessionBound() {}, sessionEnded() {} };

interface Bed {
  readonly relay: Relay;
  readonly sessions: Session[];
  readonly flush: () => void;
  readonly bytesPerSession: number;
}

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i += 1) gc();
}

function memory(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** `kinds`: how many differing sets of intents. */
function bed(count: number, kinds = 1): Bed {
  const node = testNode({ threads: [{ kind: 'actor' }, { kind: 'io' }] });
  let flush = (): void => {};
  const relay = new Relay({
    runtime: node.of('io'),
    resumeWindowMs: 300_000,
    queueBytesMax: 1024 * 1024,
    schedule: (run) => {
      flush = run;
    },
  });
  const before = memory();
  const sessions: Session[] = [];
  for (let i = 0; i < count; i += 1) {
    const session = relay.open({
      id: i.toString(16).padStart(32, '0'),
      user_id: String(200_000_000_000_000_000n + BigInt(i)),
      bot: true,
      intents: 0x8201 | ((i % kinds) << 16),
      large_threshold: 50,
      shard_id: 0,
      shard_count: 1,
      presence: null,
      token_tag: i,
    });
    relay.topics.attached({
      k: 'attached',
      topic: `user:${session.userId}`,
      session: session.key,
      session_id: session.id,
      mode: 'identify',
      view: 'all',
    });
    relay.begin(session, owner, new NullOutlet(), encodeDispatch('READY', { session_id: session.id }), []);
    relay.topics.attached({
      k: 'attached',
      topic: TOPIC,
      session: session.key,
      session_id: session.id,
      mode: 'identify',
      view: ['1', '2', '3'],
    });
    sessions.push(session);
  }
  flush();
  for (const session of sessions) relay.acknowledge(session, session.sent);
  const bytesPerSession = (memory() - before) / count;
  return { relay, sessions, flush: () => flush(), bytesPerSession };
}

function message(id: number): TopicEvent {
  const bytes = encodeDispatch('MESSAGE_CREATE', { id: String(id), channel_id: '1', content: CONTENT, nonce: null });
  return { k: 'event', topic: TOPIC, intents: 0x200, channel: '1', bytes };
}

interface Plan {
  readonly sessions: number;
  readonly perTurn: number;
  readonly turns: number;
}

function deliver({ relay, sessions, flush }: Bed, { perTurn, turns }: Plan): number {
  const events = Array.from({ length: perTurn }, (_, i) => message(i));
  const turn = (): void => {
    for (const event of events) relay.event(event);
    flush();
  };
  for (let i = 0; i < 20; i += 1) turn();
  const before = process.cpuUsage();
  for (let i = 0; i < turns; i += 1) {
    turn();
    // A client acknowledges with its heartbeat, now and then.
    if (i % 64 === 63) for (const session of sessions) relay.acknowledge(session, session.sent);
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (turns * perTurn * sessions.length);
}

export const run: Suite = async ({ full }) => {
  const rows: Row[] = [];
  const sizes = full ? [1_000, 5_000] : [1_000];
  const deliveries = full ? 8_000_000 : 1_000_000;
  for (const sessions of sizes) {
    const made = bed(sessions);
    for (const perTurn of [1, 8, 32]) {
      const turns = Math.ceil(deliveries / sessions / perTurn);
      const value = deliver(made, { sessions, perTurn, turns });
      rows.push({
        suite: 'relay',
        case: `delivery to ${sessions} sessions, ${perTurn} a turn`,
        subject: 'guildhall',
        unit: 'ns CPU',
        value: Math.round(value * 10) / 10,
        n: turns * perTurn * sessions,
      });
    }
    rows.push({
      suite: 'relay',
      case: `idle session, of ${sessions} (heap and buffers, without its socket)`,
      subject: 'guildhall',
      unit: 'bytes',
      value: Math.round(made.bytesPerSession),
      n: sessions,
    });
  }
  return rows;
};
