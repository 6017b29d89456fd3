import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { align8, COUNTER_MASK, createRing, RECORD_HEADER_BYTES, RingReader, RingWriter } from './ring.ts';

const CAPACITY = 4_096;

/** Words of tail and head, as the drawing in ring.ts has them. */
function startAt(ring: SharedArrayBuffer, counter: number): void {
  const words = new Int32Array(ring);
  words[0] = counter;
  words[16] = counter;
}

interface Written {
  readonly kind: number;
  readonly bytes: number;
  readonly fill: number;
}

function write(writer: RingWriter, { kind, bytes, fill }: Written, reserve = bytes): boolean {
  const position = writer.reserve(reserve);
  if (position < 0) return false;
  writer.memory.u8.fill(fill, position + RECORD_HEADER_BYTES, position + bytes);
  writer.commit(position, bytes, kind);
  writer.publish();
  return true;
}

function readAll(reader: RingReader, most: number): Written[] {
  const got: Written[] = [];
  reader.drain(
    most,
    (kind, position, bytes) => {
      const payload = reader.memory.u8.subarray(position + RECORD_HEADER_BYTES, position + bytes);
      const fill = payload[0] ?? 0;
      assert.equal(position % 8, 0, 'records begin on 8 bytes');
      assert.ok(
        payload.every((byte) => byte === fill),
        'a record is whole',
      );
      got.push({ kind, bytes, fill });
    },
    () => undefined,
  );
  return got;
}

test('the ring gives back what was put in, in order, like a queue of bounded bytes (model)', () => {
  const step = fc.oneof(
    fc.record({
      op: fc.constant('write' as const),
      bytes: fc.integer({ min: RECORD_HEADER_BYTES + 1, max: CAPACITY / 4 }),
      spare: fc.nat(64),
      kind: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ op: fc.constant('drain' as const), most: fc.integer({ min: 1, max: 12 }) }),
  );
  // Counters near their wrap as well as at zero.
  const start = fc.constantFrom(0, COUNTER_MASK - 4_095, COUNTER_MASK - 7, 2 ** 30);
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 200 }), (counter, steps) => {
      const ring = createRing(CAPACITY);
      startAt(ring, counter);
      const writer = new RingWriter(ring);
      const reader = new RingReader(ring);
      const model: Written[] = [];
      let fill = 0;
      for (const each of steps) {
        if (each.op === 'write') {
          fill = (fill + 1) % 251;
          const record = { kind: each.kind, bytes: each.bytes, fill };
          const fits = write(writer, record, Math.min(each.bytes + each.spare, CAPACITY / 4));
          if (fits) model.push(record);
          else {
            const held = model.reduce((sum, { bytes }) => sum + align8(bytes), 0);
            assert.ok(held > CAPACITY / 2, `refused with only ${held} bytes held`);
          }
        } else assert.deepEqual(readAll(reader, each.most), model.splice(0, each.most));
        assert.equal(reader.isEmpty(), model.length === 0);
      }
      assert.deepEqual(readAll(reader, 1_000_000), model);
      assert.equal(writer.queuedBytes, 0);
    }),
    { numRuns: 300, verbose: 1 },
  );
});

test('a full ring that asks for room is told by the drain that makes it, once', () => {
  const ring = createRing(CAPACITY);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  let told = 0;
  const drain = (most: number): number =>
    reader.drain(
      most,
      () => undefined,
      () => void (told += 1),
    );
  while (write(writer, { kind: 1, bytes: 512, fill: 1 }));
  drain(1);
  assert.equal(told, 0, 'nobody asked');
  write(writer, { kind: 1, bytes: 512, fill: 1 });
  assert.equal(writer.stall(512), true);
  drain(1);
  drain(1);
  assert.equal(told, 1);
  assert.equal(writer.stall(512), false, 'room came between: no request stays behind');
  drain(100);
  assert.equal(told, 1);
});

test('the writer sees room while a long drain still runs', () => {
  const ring = createRing(CAPACITY);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  while (write(writer, { kind: 1, bytes: 256, fill: 1 }));
  let seen = 0;
  let room = -1;
  reader.drain(
    1_000,
    () => {
      seen += 1;
      if (room < 0 && writer.reserve(256) >= 0) room = seen;
    },
    () => undefined,
  );
  assert.ok(room > 0 && room <= 6, `room seen after ${room} of ${seen} records`);
});

test('two threads: every record once, in order, whole, across the wrap of the counters', {
  timeout: 20_000,
}, async () => {
  const ring = createRing(CAPACITY * 4);
  startAt(ring, COUNTER_MASK - 65_535);
  const count = 200_000;
  const worker = new Worker(new URL('./fixtures/ring-writer.ts', import.meta.url), { workerData: { ring, count } });
  const failed = new Promise<never>((_, reject) => worker.once('error', reject));
  const reader = new RingReader(ring);
  let next = 0;
  let sum = 0;
  const read = async (): Promise<void> => {
    while (next < count) {
      const got = reader.drain(
        512,
        (kind, position, bytes) => {
          const { i32, u8 } = reader.memory;
          assert.equal(kind, (next % 7) + 1);
          assert.equal(i32[(position >> 2) + 2], next);
          let check = next | 0;
          for (let at = position + 16; at < position + bytes; at += 1)
            check = (Math.imul(check, 31) + (u8[at] as number)) | 0;
          assert.equal(i32[(position >> 2) + 3], check, `checksum of record ${next}`);
          sum += bytes;
          next += 1;
        },
        () => undefined,
      );
      if (got === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  await Promise.race([read(), failed]);
  assert.ok(sum > count * 16);
  await worker.terminate();
});
