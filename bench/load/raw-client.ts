// Thousands of WebSocket clients in one process, as cheap as they can be: frames are counted by their headers, and only the
// payloads of those who ask are decoded. A load generator must cost less than what it measures.

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type OnFrame = (client: RawClient, payload: Buffer) => void;

export class RawClient {
  readonly socket: Socket;
  /** Data frames since the upgrade. */
  frames = 0;
  /** Set to see payloads; left out, frames are only counted. */
  onFrame: OnFrame | undefined;
  #upgraded = false;
  #rest: Buffer | undefined;
  #onOpen: (() => void) | undefined;
  #onFail: ((error: Error) => void) | undefined;

  private constructor(host: string, port: number, path: string) {
    this.socket = connect({ host, port, noDelay: true });
    this.socket.on('connect', () => {
      const key = randomBytes(16).toString('base64');
      this.socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    this.socket.on('data', (chunk: Buffer) => this.#data(chunk));
    this.socket.on('error', (error) => this.#onFail?.(error));
    this.socket.on('close', () => this.#onFail?.(new Error('closed before the upgrade')));
  }

  static open(host: string, port: number, path: string, onFrame?: OnFrame): Promise<RawClient> {
    const client = new RawClient(host, port, path);
    client.onFrame = onFrame;
    return new Promise((resolve, reject) => {
      client.#onOpen = () => {
        client.#onFail = undefined;
        resolve(client);
      };
      client.#onFail = reject;
    });
  }

  #data(chunk: Buffer): void {
    let data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    if (!this.#upgraded) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = data;
        return;
      }
      const status = data.subarray(9, 12).toString('latin1');
      if (status !== '101') {
        this.#onFail?.(new Error(`upgrade answered ${status}`));
        this.socket.destroy();
        return;
      }
      this.#upgraded = true;
      data = data.subarray(end + 4);
      this.#onOpen?.();
    }
    let at = 0;
    while (data.length - at >= 2) {
      const short = (data[at + 1] as number) & 127;
      let head = 2;
      let length = short;
      if (short === 126) {
        head = 4;
        if (data.length - at < head) break;
        length = data.readUInt16BE(at + 2);
      } else if (short === 127) {
        head = 10;
        if (data.length - at < head) break;
        length = Number(data.readBigUInt64BE(at + 2));
      }
      if (data.length - at < head + length) break;
      const opcode = (data[at] as number) & 15;
      if (opcode === 1 || opcode === 2) {
        this.frames += 1;
        this.onFrame?.(this, data.subarray(at + head, at + head + length));
      }
      at += head + length;
    }
    if (at < data.length) this.#rest = data.subarray(at);
  }

  /** A masked text frame; the mask is zero, which costs nothing and is legal. */
  send(text: string): void {
    const payload = Buffer.from(text);
    const head =
      payload.length < 126
        ? Buffer.from([0x81, 0x80 | payload.length])
        : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255]);
    this.socket.write(Buffer.concat([head, Buffer.alloc(4), payload]));
  }

  close(): void {
    this.#onFail = undefined;
    this.socket.destroy();
  }
}
