// The transport of production: one uWebSockets.js App per I/O thread, all on the same port (SO_REUSEPORT; see probe.ts). It owns
// the listen socket and every connection, judges each request's head before anything of it is acted on (head.ts), and hands
// requests to the HTTP handler and WebSocket connections to the gateway. It keeps true: `close` ends everything at once and may
// be called at any time (a thread that dies with an open App takes the process with it); no exception of a handler reaches
// uWebSockets.js; no answer names a library.

import type {
  HttpRequest as UwsRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from 'uWebSockets.js';
import { loadUws } from '../../../native/uws.ts';
import { BodyBudget } from './body.ts';
import { connectionsMaxFor } from './descriptors.ts';
import { Exchange, type ExchangeOptions, FAILED, writeHead } from './exchange.ts';
import {
  asksForWebSocket,
  checkHandshake,
  type Head,
  type HeaderLine,
  isRefusal,
  readHead,
  type Refusal,
} from './head.ts';
import type { HttpHandler, Socket, SocketData, SocketHandler, Transport } from './types.ts';

/** The gateway refuses messages over 4,096 bytes itself, with a close code; beyond this the connection is dropped. */
export const MESSAGE_BYTES_MAX = 16 * 1024;
/** A socket's queue in user space; the gateway ends a consumer that reaches it. */
export const SOCKET_QUEUE_BYTES_MAX = 1024 * 1024;
/** A body that any route may take (multipart with attachments). */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;
/** Bodies in memory at once, per I/O thread: four of the largest. */
export const BODIES_BYTES_MAX = 4 * BODY_BYTES_MAX;
/** uWebSockets.js gives a head 10 to 14 s; with this a request is whole, or cut, within 60 s. */
export const REQUEST_MS = 40_000;
/** Long enough for a client on a slow line to finish a small body, short enough to hold nobody. */
export const LINGER_MS = 5_000;
/** Seconds without a byte either way. The gateway's own heartbeat check is stricter; this is for sockets it forgot. */
const SOCKET_IDLE_SECONDS = 120;
/** Refused connections remembered until uWebSockets.js has closed them; the oldest is forgotten first. */
const REFUSED_MAX = 4096;

export interface UwsTransportOptions {
  readonly http: HttpHandler;
  readonly sockets: SocketHandler;
  /** Connections (HTTP and WebSocket) of this thread; one more is closed as it opens. 0: no limit. Default: as a sole thread's. */
  readonly connectionsMax?: number;
  /** WebSockets of one address on this thread; one more is answered 429. 0 or absent: no limit (a reverse proxy is one address). */
  readonly socketsPerAddressMax?: number;
  readonly bodyBytesMax?: number;
  readonly bodiesBytesMax?: number;
  readonly socketQueueBytesMax?: number;
  readonly requestMs?: number;
  readonly lingerMs?: number;
  /** An exception that a handler let through; the connection concerned is closed. */
  readonly onError?: (error: unknown) => void;
}

/** What this version has beyond its published types. */
type Response = HttpResponse & { getRemotePort?: () => number };
type Uws = typeof import('uWebSockets.js') & { _cfg?(key: string): void };

export function createUwsTransport(options: UwsTransportOptions): Transport {
  return new UwsTransport(options);
}

class UwsTransport implements Transport {
  readonly #uws: Uws;
  readonly #app: TemplatedApp;
  readonly #options: UwsTransportOptions;
  readonly #exchange: ExchangeOptions;
  /** address:port of connections that were refused: what they still send in the same breath is refused as well. */
  readonly #refused = new Set<string>();
  readonly #socketsByAddress = new Map<string, number>();
  #listenSocket: us_listen_socket | null = null;
  readonly #connectionsMax: number;
  #connections = 0;
  #closed = false;

  constructor(options: UwsTransportOptions) {
    this.#uws = loadUws() as unknown as Uws;
    this.#options = options;
    this.#connectionsMax = options.connectionsMax ?? connectionsMaxFor(1);
    const bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX;
    this.#exchange = {
      budget: new BodyBudget(options.bodiesBytesMax ?? Math.max(BODIES_BYTES_MAX, 4 * bodyBytesMax)),
      bodyBytesMax,
      requestMs: options.requestMs ?? REQUEST_MS,
      lingerMs: options.lingerMs ?? LINGER_MS,
      onError: (error) => this.#report(error),
    };
    // Per thread: leaves out the header that names the library.
    this.#uws._cfg?.('silent');
    this.#app = this.#uws.App();
    this.#app.filter((res, change) => this.#safely(res, () => this.#connection(res, Number(change))));
    for (const path of ['/', '//', '/gateway', '/gateway/']) this.#routeSockets(path);
    this.#app.any('/*', (res, req) => this.#safely(res, () => this.#request(res, req)));
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error('the transport is closed'));
        return;
      }
      this.#app.listen(host, port, (listenSocket) => {
        if (listenSocket === false) {
          reject(
            new Error(`can't listen on ${host}:${port}: the port is taken or not allowed, or the host is not ours`),
          );
          return;
        }
        this.#listenSocket = listenSocket;
        // The listen socket is a socket for the function's purpose; the types keep them apart.
        resolve(this.#uws.us_socket_local_port(listenSocket as never));
      });
    });
  }

  stopAccepting(): void {
    if (this.#listenSocket === null || this.#closed) return;
    this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = null;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listenSocket = null;
    this.#app.close();
  }

  #report(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // Nothing is left to tell it to.
    }
  }

  /** uWebSockets.js ends the process when a request's handler returns without having taken it up: a failure closes the connection. */
  #safely(res: Response, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#report(error);
      try {
        res.close();
      } catch {
        // It was answered or closed before.
      }
    }
  }

  #connection(res: Response, change: number): void {
    this.#connections += change;
    if (change < 0) return;
    const max = this.#connectionsMax;
    if (this.#closed || (max > 0 && this.#connections > max)) {
      res.close();
      return;
    }
    // The port may have been that of a refused connection, long closed.
    if (this.#refused.size > 0) this.#refused.delete(peerOf(res, addressOf(res)));
  }

  #request(res: Response, req: UwsRequest): void {
    const address = addressOf(res);
    const head = this.#judge(res, req, address);
    if (head === null) return;
    if (asksForWebSocket(head) && isGatewayPath(head.path)) {
      // uWebSockets.js calls the upgrade handler only for a GET with a key of 24 characters: this one lacks it.
      this.#refuse(res, address, checkHandshake(head) ?? { status: 400, reason: 'not a handshake' });
      return;
    }
    const exchange = new Exchange(res, head, address, this.#exchange);
    // What comes after it may be its trailers, which uWebSockets.js reads as a request. Its answer closes the connection.
    if (head.framing === 'chunked') this.#refuseMore(peerOf(res, address));
    // Called in a promise's own function, so that a handler that throws is one that rejects.
    Promise.resolve()
      .then(() => this.#options.http(exchange))
      .then((reply) => exchange.answer(reply))
      .catch((error: unknown) => this.#failed(exchange, error));
  }

  #failed(exchange: Exchange, error: unknown): void {
    this.#report(error);
    exchange.answer(FAILED);
  }

  /** Reads the head; answers and gives null when it is refused. */
  #judge(res: Response, req: UwsRequest, address: string): Head | null {
    if (this.#refused.size > 0 && this.#refused.has(peerOf(res, address))) {
      this.#refuse(res, address, { status: 400, reason: 'the connection was refused' });
      return null;
    }
    const lines: HeaderLine[] = [];
    req.forEach((name, value) => {
      lines.push([name, value]);
    });
    const head = readHead(req.getCaseSensitiveMethod(), req.getUrl(), req.getQuery(), lines);
    if (!isRefusal(head)) return head;
    this.#refuse(res, address, head);
    return null;
  }

  /**
   * Answers and closes. uWebSockets.js goes on parsing what came in the same packet before it closes the connection, and would
   * hand it out as further requests: they are refused as well, by the peer's port, and none is acted on.
   */
  #refuse(res: Response, address: string, refusal: Refusal, headers: Readonly<Record<string, string>> = {}): void {
    this.#refuseMore(peerOf(res, address));
    writeHead(res, {
      status: refusal.status,
      headers: {
        'Content-Type': 'application/json',
        ...(refusal.status === 426 ? { 'Sec-WebSocket-Version': '13', Upgrade: 'websocket' } : {}),
        ...headers,
      },
    });
    res.end(JSON.stringify({ message: `${refusal.status}: ${refusal.reason}`, code: 0 }), true);
  }

  #refuseMore(peer: string): void {
    if (this.#refused.size >= REFUSED_MAX) {
      for (const oldest of this.#refused) {
        this.#refused.delete(oldest);
        break;
      }
    }
    this.#refused.add(peer);
  }

  #routeSockets(path: string): void {
    const sockets = this.#options.sockets;
    const guard = (socket: Socket, run: () => void): void => {
      try {
        run();
      } catch (error) {
        this.#report(error);
        // It may have been the handler itself that closed it.
        try {
          socket.close();
        } catch {}
      }
    };
    this.#app.ws<SocketData>(path, {
      compression: this.#uws.DISABLED,
      maxPayloadLength: MESSAGE_BYTES_MAX,
      maxBackpressure: this.#options.socketQueueBytesMax ?? SOCKET_QUEUE_BYTES_MAX,
      idleTimeout: SOCKET_IDLE_SECONDS,
      maxLifetime: 0,
      sendPingsAutomatically: false,
      upgrade: (res, req, context) => this.#safely(res, () => this.#upgrade(res, req, context)),
      open: (ws: WebSocket<SocketData>) => guard(ws, () => sockets.open(ws)),
      message: (ws: WebSocket<SocketData>, bytes: ArrayBuffer, isBinary: boolean) => {
        // Not by `guard`: no closure for each message.
        try {
          sockets.message(ws, bytes, isBinary);
        } catch (error) {
          guard(ws, () => {
            throw error;
          });
        }
      },
      drain: (ws: WebSocket<SocketData>) => guard(ws, () => sockets.drain(ws)),
      close: (ws: WebSocket<SocketData>, code: number) => {
        this.#connections -= 1;
        this.#countSocket(ws.getUserData().address, -1);
        try {
          sockets.close(ws, code);
        } catch (error) {
          this.#report(error);
        }
      },
    });
  }

  #upgrade(res: Response, req: UwsRequest, context: us_socket_context_t): void {
    const address = addressOf(res);
    const head = this.#judge(res, req, address);
    if (head === null) return;
    const refusal = checkHandshake(head);
    if (refusal !== null) {
      this.#refuse(res, address, refusal);
      return;
    }
    const max = this.#options.socketsPerAddressMax ?? 0;
    if (max > 0 && (this.#socketsByAddress.get(address) ?? 0) >= max) {
      this.#refuse(
        res,
        address,
        { status: 429, reason: 'too many connections' },
        { 'Retry-After': '60', Via: '1.1 guildhall' },
      );
      return;
    }
    this.#countSocket(address, 1);
    const data: SocketData = { address, query: head.query, host: head.host, connection: null };
    // No protocol and no extension is accepted: permessage-deflate costs more than the gateway's own compression.
    res.upgrade(data, head.headers.get('sec-websocket-key') as string, '', '', context);
  }

  #countSocket(address: string, change: number): void {
    const count = (this.#socketsByAddress.get(address) ?? 0) + change;
    if (count > 0) this.#socketsByAddress.set(address, count);
    else this.#socketsByAddress.delete(address);
  }
}

function isGatewayPath(path: string): boolean {
  return path === '/' || path === '//' || path === '/gateway' || path === '/gateway/';
}

function addressOf(res: Response): string {
  return readableAddress(Buffer.from(res.getRemoteAddressAsText()).toString('latin1'));
}

function peerOf(res: Response, address: string): string {
  return `${address}|${res.getRemotePort?.() ?? 0}`;
}

/** IPv4 in IPv6's clothes (a dual-stack listener) becomes IPv4 again, so that an address has one name. */
export function readableAddress(text: string): string {
  const match = /^0000:0000:0000:0000:0000:ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/.exec(text);
  if (match === null) return text;
  return match
    .slice(1)
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}
