import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { K_CAST, K_GAP, readName, readRef, readTo, readValue } from './codec.ts';
import type { Outgoing } from './codec.ts';
import { GAP_ADDRESSES_MAX, LinkIn, LinkOut, OVERFLOW_BYTES_MAX } from './link.ts';
import { createRing, RING_BYTES_MIN, RingReader, RingWriter } from './ring.ts';

interface Heard {
  readonly kind: number;
  readonly name: string;
  readonly ref: number;
  readonly value: unknown;
}

function path(ringBytes = RING_BYTES_MIN): { out: LinkOut; in: LinkIn; heard: Heard[] } {
  const ring = createRing(ringBytes);
  const heard: Heard[] = [];
  const incoming = new LinkIn(
    0,
    new RingReader(ring),
    (kind, memory, position) => {
      const name = readTo(memory, position) === 0 ? readName(memory, position) : '';
      heard.push({ kind, name, ref: readRef(memory, position), value: readValue(memory, position) });
    },
    () => undefined,
  );
  return { out: new LinkOut(1, new RingWriter(ring)), in: incoming, heard };
}

function cast(name: string, ref: number, bytes: Uint8Array | undefined): Outgoing {
  return { kind: K_CAST, to: 0, from: 0, ref, name, json: '{"k":"x"}', bytes };
}

function drainAll(link: ReturnType<typeof path>): void {
  link.out.publish();
  do {
    while (link.in.drain(10_000) > 0);
  } while (link.out.pump() || !link.in.isEmpty());
}

test('whatever their sizes, records arrive whole and in order through the smallest ring (property)', () => {
  const size = fc.oneof(fc.nat(100), fc.nat(1_100), fc.nat(20_000), fc.nat(200_000));
  const step = fc.oneof(fc.record({ send: size }), fc.record({ drain: fc.integer({ min: 1, max: 8 }) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const link = path();
      const sent: number[] = [];
      for (const each of steps) {
        if ('send' in each) {
          assert.ok(link.out.send(cast('n', sent.length, new Uint8Array(each.send).fill(sent.length)), false));
          sent.push(each.send);
          if (sent.length % 2 === 0) link.out.pump();
          else if (sent.length % 3 === 0) link.out.publish();
        } else {
          link.in.drain(each.drain);
          link.out.pump();
        }
      }
      drainAll(link);
      assert.deepEqual(
        link.heard.map(({ ref, value }) => [ref, (value as { bytes: Uint8Array }).bytes.byteLength]),
        sent.map((bytes, ref) => [ref, bytes]),
      );
      for (const { ref, value } of link.heard) {
        assert.ok((value as { bytes: Uint8Array }).bytes.every((byte) => byte === (ref & 255)));
      }
      assert.equal(link.out.overflowBytes, 0);
      assert.equal(link.out.isBlocked, false);
    }),
    { numRuns: 60, verbose: 1 },
  );
});

test('past the bound a record is refused; when the path drains its address hears of the gap, after what went before', () => {
  const link = path(64 * 1024);
  const piece = new Uint8Array(1024 * 1024);
  let sent = 0;
  while (link.out.send(cast('a', sent, piece), false)) sent += 1;
  assert.ok(link.out.overflowBytes <= OVERFLOW_BYTES_MAX);
  assert.ok(sent >= OVERFLOW_BYTES_MAX / piece.byteLength - 1);
  link.out.noteGap({ thread: 1, name: 'a' });
  link.out.noteGap({ thread: 1, name: 'a' });
  link.out.noteGap({ thread: 1, name: 'b' });
  drainAll(link);
  assert.ok(link.out.send(cast('a', 9_999, undefined), false));
  drainAll(link);
  const gaps = link.heard.filter(({ kind }) => kind === K_GAP);
  assert.deepEqual(
    gaps.map(({ name, ref }) => [name, ref]),
    [
      ['a', 2],
      ['b', 1],
    ],
  );
  const order = link.heard.map(({ kind, ref }) => (kind === K_GAP ? -1 : ref));
  assert.equal(order.at(-1), 9_999);
  assert.deepEqual(
    order.filter((ref) => ref >= 0 && ref < 9_999),
    Array.from({ length: sent }, (_, i) => i),
  );
  assert.equal(link.out.dropped, 3);
});

test('gaps of more addresses than are remembered are told to the whole thread', () => {
  const link = path(64 * 1024);
  const piece = new Uint8Array(8 * 1024 * 1024);
  while (link.out.send(cast('a', 0, piece), false));
  for (let i = 0; i < GAP_ADDRESSES_MAX + 10; i += 1) link.out.noteGap({ thread: 1, name: `n${i}` });
  drainAll(link);
  const gaps = link.heard.filter(({ kind }) => kind === K_GAP);
  assert.equal(gaps.length, GAP_ADDRESSES_MAX + 1);
  assert.deepEqual(
    gaps.filter(({ name }) => name === '').map(({ ref }) => ref),
    [10],
  );
});

test('a message over the bound by itself is refused, and its gap is told at once', () => {
  const link = path();
  assert.equal(link.out.send(cast('a', 0, new Uint8Array(OVERFLOW_BYTES_MAX)), false), false);
  link.out.noteGap({ thread: 1, name: 'a' });
  drainAll(link);
  assert.deepEqual(
    link.heard.map(({ kind, name }) => [kind, name]),
    [[K_GAP, 'a']],
  );
});
