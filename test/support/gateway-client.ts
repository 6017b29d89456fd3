// A bare gateway client over the `ws` package, for what no library lets a test do: send odd frames, keep a session by hand,
// resume it elsewhere.

import { createInflate, constants, type Inflate } from 'node:zlib';
import WebSocket from 'ws';

const DEADLINE_MS = 20_000;

export interface Payload {
  readonly op: number;
  readonly d: any;
  readonly s: number | null;
  readonly t: string | null;
}

export interface IdentifyOptions {
  readonly token: string;
  readonly intents?: number;
  readonly [key: string]: unknown;
}

/** Bits 0 to 16: everything but auto-moderation and polls; a test that needs others says so. */
export const TEST_INTENTS = 0x1ffff;

export class GatewayClient {
  readonly received: Payload[] = [];
  readonly socket: WebSocket;
  sequence: number | null = null;
  sessionId = '';
  closeCode: number | undefined;
  #waiters: { accept: (payload: Payload) => boolean; resolve: (payload: Payload) => void }[] = [];
  #inflate: Inflate | undefined;
  #closed: Promise<number>;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    if (url.includes('compress=zlib-stream')) this.#inflate = createInflate({ flush: constants.Z_SYNC_FLUSH });
    let text = '';
    this.#inflate?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      try {
        const payload = JSON.parse(text) as Payload;
        text = '';
        this.#accept(payload);
      } catch {
        // The rest of the payload is still to come.
      }
    });
    this.socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary && this.#inflate !== undefined) this.#inflate.write(data);
      else this.#accept(JSON.parse(data.toString('utf8')) as Payload);
    });
    this.socket.on('error', () => {});
    this.#closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        clearInterval(this.#heartbeat);
        this.closeCode = code;
        resolve(code);
      });
    });
  }

  /** Connects and waits for HELLO. */
  static async connect(origin: string, query = 'v=10&encoding=json'): Promise<GatewayClient> {
    const client = new GatewayClient(`${origin.replace('http', 'ws')}/?${query}`);
    await client.next((payload) => payload.op === 10);
    return client;
  }

  static async identify(origin: string, options: IdentifyOptions, query?: string): Promise<GatewayClient> {
    const client = await GatewayClient.connect(origin, query);
    client.send(2, { intents: TEST_INTENTS, properties: {}, ...options });
    const ready = await client.dispatch('READY');
    client.sessionId = ready.d.session_id;
    return client;
  }

  static async resume(
    origin: string,
    session: { token: string; session_id: string; seq: number },
  ): Promise<GatewayClient> {
    const client = await GatewayClient.connect(origin);
    client.sessionId = session.session_id;
    client.send(6, session);
    return client;
  }

  #accept(payload: Payload): void {
    if (payload.s !== null && payload.s !== undefined && payload.op === 0) this.sequence = payload.s;
    this.received.push(payload);
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.accept(payload)) waiter.resolve(payload);
      else this.#waiters.push(waiter);
    }
  }

  send(op: number, d: unknown): void {
    this.socket.send(JSON.stringify({ op, d }));
  }

  sendRaw(data: string | Buffer): void {
    this.socket.send(data);
  }

  /** The first payload, received already or still to come, that `accept` agrees to. */
  next(accept: (payload: Payload) => boolean, fromIndex = 0): Promise<Payload> {
    const known = this.received.slice(fromIndex).find(accept);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing such within ${DEADLINE_MS} ms; got ${this.summary()}`)),
        DEADLINE_MS,
      );
      const done = (payload: Payload): void => {
        clearTimeout(timer);
        resolve(payload);
      };
      this.#waiters.push({ accept, resolve: done });
      void this.#closed.then((code) => {
        clearTimeout(timer);
        reject(new Error(`closed with ${code}; got ${this.summary()}`));
      });
    });
  }

  dispatch(type: string, accept: (d: any) => boolean = () => true, fromIndex = 0): Promise<Payload> {
    return this.next((payload) => payload.op === 0 && payload.t === type && accept(payload.d), fromIndex);
  }

  /** Waits until the number of received payloads that match reaches `count`. */
  async count(accept: (payload: Payload) => boolean, count: number): Promise<Payload[]> {
    for (;;) {
      const found = this.received.filter(accept);
      if (found.length >= count) return found;
      await this.next(accept, this.received.length);
    }
  }

  summary(): string {
    return this.received
      .map((payload) => payload.t ?? `op${payload.op}`)
      .slice(-20)
      .join(' ');
  }

  closed(): Promise<number> {
    return this.#closed;
  }

  /** Cuts the TCP connection without a close frame. */
  cut(): void {
    this.socket.terminate();
  }

  close(code = 1000): void {
    this.socket.close(code);
  }
}
