// Bytes on a socket, as no client library would write them: HTTP by hand, WebSocket frames by hand.

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const DEADLINE_MS = 20_000;

export interface RawReply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A TCP connection that keeps what it hears. */
export class RawConnection {
  readonly socket: Socket;
  heard = Buffer.alloc(0);
  isClosed = false;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.heard = Buffer.concat([this.heard, chunk]);
      this.#tell();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#tell();
    });
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawConnection(socket)));
      socket.once('error', reject);
    });
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  write(data: string | Buffer): void {
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
  }

  /** Until `read` gives something; rejects when the connection ends or time passes before. */
  async until<T>(read: () => T | undefined): Promise<T> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const found = read();
      if (found !== undefined) return found;
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.heard.toString('latin1').slice(0, 500))}`);
      await this.#wait(deadline);
    }
  }

  async closed(): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!this.isClosed) await this.#wait(deadline);
  }

  async #wait(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), Math.max(0, deadline - performance.now()));
    });
    const isLate = await Promise.race([this.#changed.promise.then(() => false), late]);
    clearTimeout(timer);
    if (isLate) throw new Error(`nothing more after ${JSON.stringify(this.heard.toString('latin1').slice(0, 500))}`);
  }

  /** The next whole answer, taken from what was heard. */
  reply(method = 'GET'): Promise<RawReply> {
    return this.until(() => {
      const end = this.heard.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const [first = '', ...lines] = this.heard.subarray(0, end).toString('latin1').split('\r\n');
      const headers = new Map(
        lines.map((line): [string, string] => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
      );
      const length = method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0);
      if (this.heard.length < end + 4 + length) return undefined;
      const body = this.heard.subarray(end + 4, end + 4 + length).toString('utf8');
      this.heard = this.heard.subarray(end + 4 + length);
      return { status: Number(first.split(' ')[1]), headers, body };
    });
  }

  end(): void {
    this.socket.destroy();
  }
}

/** One exchange on a connection of its own; `isClosed`: the server closed it afterwards. */
export async function speak(port: number, data: string | Buffer): Promise<RawReply> {
  const connection = await RawConnection.open(port);
  try {
    connection.write(data);
    return await connection.reply();
  } finally {
    connection.end();
  }
}

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A client's frame (RFC 6455 section 5.2), masked. `fin` false: more of the message follows. */
export function frame(opcode: number, payload: Buffer | string, fin = true): Buffer {
  const data = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const key = randomBytes(4);
  const length =
    data.length < 126
      ? Buffer.from([0x80 | data.length])
      : data.length < 65_536
        ? Buffer.from([0x80 | 126, data.length >> 8, data.length & 255])
        : (() => {
            const long = Buffer.alloc(9);
            long[0] = 0x80 | 127;
            long.writeBigUInt64BE(BigInt(data.length), 1);
            return long;
          })();
  const masked = Buffer.from(data.map((byte, i) => byte ^ (key[i & 3] as number)));
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), length, key, masked]);
}

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;

export function handshake(host: string, lines: readonly string[] = [], path = '/?v=10&encoding=json'): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    ...lines,
    '',
    '',
  ].join('\r\n');
}

/** A gateway connection whose frames are written by hand. */
export class RawGateway {
  readonly connection: RawConnection;
  readonly reply: RawReply;

  private constructor(connection: RawConnection, reply: RawReply) {
    this.connection = connection;
    this.reply = reply;
  }

  /** Connects and waits for HELLO. */
  static async connect(port: number, lines: readonly string[] = []): Promise<RawGateway> {
    const connection = await RawConnection.open(port);
    connection.write(handshake(`127.0.0.1:${port}`, lines));
    const gateway = new RawGateway(connection, await connection.reply());
    if (gateway.reply.status !== 101) throw new Error(`no upgrade: ${gateway.reply.status} ${gateway.reply.body}`);
    await gateway.next();
    return gateway;
  }

  next(): Promise<Frame> {
    return this.connection.until(() => {
      const { heard } = this.connection;
      if (heard.length < 2) return undefined;
      const short = (heard[1] as number) & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (heard.length < start) return undefined;
      const length = short < 126 ? short : short === 126 ? heard.readUInt16BE(2) : Number(heard.readBigUInt64BE(2));
      if (heard.length < start + length) return undefined;
      const taken = { opcode: (heard[0] as number) & 15, payload: Buffer.from(heard.subarray(start, start + length)) };
      this.connection.heard = heard.subarray(start + length);
      return taken;
    });
  }

  /** The close code; 1006 when the connection was dropped without one. */
  async closeCode(): Promise<number> {
    for (;;) {
      let next: Frame;
      try {
        next = await this.next();
      } catch (error) {
        if (this.connection.isClosed) return 1006;
        throw error;
      }
      if (next.opcode === CLOSE) return next.payload.length >= 2 ? next.payload.readUInt16BE(0) : 1005;
    }
  }

  async payload(): Promise<any> {
    for (;;) {
      const { opcode, payload } = await this.next();
      if (opcode === TEXT) return JSON.parse(payload.toString('utf8'));
      if (opcode === CLOSE) throw new Error(`closed with ${payload.readUInt16BE(0)}`);
    }
  }

  end(): void {
    this.connection.end();
  }
}
