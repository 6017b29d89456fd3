import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsMaxFor } from './descriptors.ts';
import { checkHandshake, type HeaderLine, isRefusal, readHead } from './head.ts';

const HOST: HeaderLine = ['host', 'a'];

function statusOf(...lines: HeaderLine[]): number {
  const head = readHead('POST', '/', '', lines);
  return isRefusal(head) ? head.status : 200;
}

test('a head needs exactly one valid host', () => {
  assert.equal(statusOf(HOST), 200);
  assert.equal(statusOf(['host', '[::1]:8080']), 200);
  assert.equal(statusOf(), 400);
  assert.equal(statusOf(HOST, HOST), 400);
  assert.equal(statusOf(['host', '']), 400);
  assert.equal(statusOf(['host', 'a/b']), 400);
  assert.equal(statusOf(['host', 'user@a']), 400);
});

test('a length on which two parsers could differ is refused', () => {
  const length = (value: string): HeaderLine => ['content-length', value];
  assert.equal(statusOf(HOST, length('5')), 200);
  assert.equal(statusOf(HOST, length('5'), length('5')), 200);
  for (const value of ['', '+5', '-5', '0x5', '5,5', '5 5', '5.0', '1e3', '٥', '9'.repeat(20)]) {
    assert.equal(statusOf(HOST, length(value)), 400, value);
  }
  assert.equal(statusOf(HOST, length('5'), length('6')), 400);
  assert.equal(statusOf(HOST, length('5'), ['transfer-encoding', 'chunked']), 400);
  assert.equal(statusOf(HOST, ['transfer-encoding', 'chunked'], length('5')), 400);
});

test('a transfer coding is chunked, once and at the end', () => {
  const coding = (value: string): HeaderLine => ['transfer-encoding', value];
  assert.equal(statusOf(HOST, coding('chunked')), 200);
  assert.equal(statusOf(HOST, coding('Chunked')), 200);
  for (const value of [
    '',
    'gzip',
    'identity',
    'chunked, gzip',
    'chunked, chunked',
    'xchunked',
    'chunked;q=1',
    'chunked,',
  ]) {
    assert.equal(statusOf(HOST, coding(value)), 400, value);
  }
  assert.equal(statusOf(HOST, coding('chunked'), coding('identity')), 400);
  assert.equal(statusOf(HOST, coding('gzip, chunked')), 501);
});

test('a second Authorization is refused, lines of other names are joined', () => {
  assert.equal(statusOf(HOST, ['authorization', 'a'], ['authorization', 'b']), 400);
  const head = readHead('GET', '/', '', [HOST, ['x-a', '1'], ['x-a', '2']]);
  assert.ok(!isRefusal(head));
  assert.equal(head.headers.get('x-a'), '1, 2');
});

test('a handshake is judged by every one of its headers', () => {
  const good: Record<string, string> = {
    host: 'a',
    upgrade: 'WebSocket',
    connection: 'keep-alive, Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  const judge = (change: Record<string, string | undefined>, method = 'GET') => {
    const lines = Object.entries({ ...good, ...change }).filter(
      (line): line is [string, string] => line[1] !== undefined,
    );
    const head = readHead(method, '/', '', lines);
    assert.ok(!isRefusal(head));
    return checkHandshake(head)?.status ?? 101;
  };
  assert.equal(judge({}), 101);
  assert.equal(judge({}, 'POST'), 405);
  for (const change of [
    { upgrade: undefined },
    { upgrade: 'websockets' },
    { connection: undefined },
    { connection: 'keep-alive' },
    { 'sec-websocket-key': undefined },
    { 'sec-websocket-key': 'short==' },
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=!' },
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQAA' },
    { 'content-length': '3' },
  ]) {
    assert.equal(judge(change), 400, JSON.stringify(change));
  }
  assert.equal(judge({ 'sec-websocket-version': '8' }), 426);
  assert.equal(judge({ 'sec-websocket-version': undefined }), 426);
});

test('threads share the process’s descriptors', () => {
  const line = (value: string) => `Max open files            ${value}                20000                files     \n`;
  assert.equal(connectionsMaxFor(1, line('20000')), 19_488);
  assert.equal(connectionsMaxFor(2, line('20000')), 9744);
  assert.equal(connectionsMaxFor(8, line('600')), 64);
  assert.equal(connectionsMaxFor(2, line('unlimited')), 0);
  assert.equal(connectionsMaxFor(2, ''), 0);
});
