import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../base/clock.ts';
import { addressGroup, LoginBook, PAIRS_MAX, WINDOW_MS, WRONG_PASSWORDS_MAX } from './logins.ts';
import { HashQueue, WAITING_MAX, WAITING_PER_ADDRESS_MAX } from './passwords.ts';

test('after the limit an address waits for this account, and only it for only this one', () => {
  const clock = new ManualClock();
  const book = new LoginBook(clock);
  for (let i = 0; i < WRONG_PASSWORDS_MAX; i += 1) assert.equal(book.begin('10.0.0.1', 'ada'), 0);
  assert.ok(WRONG_PASSWORDS_MAX <= 100);
  const wait = book.begin('10.0.0.1', 'ada');
  assert.ok(wait > 0 && wait <= WINDOW_MS / 1000);
  assert.equal(book.begin('10.0.0.1', 'grace'), 0);
  assert.equal(book.begin('10.0.0.2', 'ada'), 0);
  clock.advance(wait * 1000);
  assert.equal(book.begin('10.0.0.1', 'ada'), 0);
});

test('a right password forgets the wrong ones before it; an attempt that was not made does not count', () => {
  const book = new LoginBook(new ManualClock());
  for (let i = 0; i < WRONG_PASSWORDS_MAX - 1; i += 1) book.begin('a', 'ada');
  book.succeeded('a', 'ada');
  for (let i = 0; i < WRONG_PASSWORDS_MAX * 2; i += 1) {
    assert.equal(book.begin('a', 'ada'), 0);
    book.undo('a', 'ada');
  }
});

test('the table of attempts is bounded', () => {
  const book = new LoginBook(new ManualClock());
  for (let i = 0; i < PAIRS_MAX + 10; i += 1) book.begin('a', String(i));
  assert.equal(book.size, PAIRS_MAX);
});

test('an IPv6 customer is one address, a mapped IPv4 address is itself', () => {
  assert.equal(addressGroup('192.0.2.7'), '192.0.2.7');
  assert.equal(addressGroup('::ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(addressGroup('0000:0000:0000:0000:0000:ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(addressGroup('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2');
  assert.equal(addressGroup('2001:0DB8:0001:0002::1'), '2001:db8:1:2');
  assert.equal(addressGroup('::1'), '0:0:0:0');
});

test('hashing runs one at a time, in order, and its line is bounded, also for one address', async () => {
  const queue = new HashQueue(1);
  const done: number[] = [];
  let running = 0;
  const job = (n: number) => async () => {
    running += 1;
    assert.equal(running, 1);
    await new Promise(setImmediate);
    running -= 1;
    done.push(n);
  };
  const jobs: Promise<unknown>[] = [];
  for (let i = 0; i < WAITING_PER_ADDRESS_MAX; i += 1) jobs.push(queue.run('a', job(i)));
  await assert.rejects(queue.run('a', job(-1)), /rate limited/);
  // The address's first runs already, so it does not wait.
  const room = WAITING_MAX - queue.waiting;
  for (let i = 0; i < room; i += 1) jobs.push(queue.run(`b${i}`, job(100 + i)));
  await assert.rejects(queue.run('c', job(-1)), /Unavailable/);
  await Promise.all(jobs);
  assert.deepEqual(done.slice(0, 3), [0, 1, 2]);
  assert.equal(done.length, WAITING_PER_ADDRESS_MAX + room);
  await queue.run('a', job(7));
  await assert.rejects(
    queue.run('a', () => Promise.reject(new Error('boom'))),
    /boom/,
  );
  await queue.run('a', job(8));
});
