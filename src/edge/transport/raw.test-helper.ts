// For tests: what the server says to bytes written by hand, which no HTTP client would send.

import { connect } from 'node:net';

export interface Heard {
  readonly text: string;
  /** The server closed the connection. */
  readonly closed: boolean;
  readonly afterMs: number;
}

export interface RawOptions {
  /** Gives up after this long. */
  readonly ms?: number;
  /** Hangs up as soon as this many answers' heads have come. */
  readonly answers?: number;
  /** Written after the first bytes, one each `trickleMs`, until the connection ends. */
  readonly trickle?: string;
  readonly trickleMs?: number;
}

/** Writes the bytes and listens until the server closes, the answers have come, or time is up. */
export function speak(port: number, bytes: string | Buffer, options: RawOptions = {}): Promise<Heard> {
  const { ms = 2000, answers = Number.POSITIVE_INFINITY, trickle = '', trickleMs = 200 } = options;
  return new Promise((resolve) => {
    const started = performance.now();
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const end = (closed: boolean) => {
      clearTimeout(timer);
      clearInterval(dripping);
      socket.destroy();
      resolve({ text, closed, afterMs: performance.now() - started });
    };
    const timer = setTimeout(() => end(false), ms);
    const dripping = setInterval(() => {
      if (trickle !== '' && !socket.destroyed) socket.write(trickle);
    }, trickleMs);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.split('HTTP/1.1 ').length > answers) end(false);
    });
    socket.on('error', () => {});
    socket.on('close', () => end(true));
  });
}
