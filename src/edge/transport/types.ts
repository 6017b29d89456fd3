// What the edge needs of a transport: uWebSockets.js in production, an in-memory one for simulation. The socket's methods are
// uWebSockets.js' own, so that the hot path calls it directly.

/** One WebSocket connection. */
export interface Socket {
  /** 1 sent, 0 queued (backpressure), 2 dropped. The bytes are copied. */
  send(message: Uint8Array | string, isBinary?: boolean, compress?: boolean): number;
  cork(callback: () => void): unknown;
  /** Bytes waiting in user space. */
  getBufferedAmount(): number;
  /** Closes with a code; what was sent before is delivered first. */
  end(code?: number, reason?: string): void;
  /** Cuts the connection at once. */
  close(): void;
  getUserData(): SocketData;
}

export interface SocketData {
  /** Remote address as text. */
  readonly address: string;
  /** Raw query string of the upgrade, without '?'. */
  readonly query: string;
  /** host[:port] the client used. */
  readonly host: string;
  /** The gateway's own state for the connection. */
  connection: unknown;
}

/** Implemented by the gateway. Messages of more than `MESSAGE_BYTES_MAX` whole are dropped by the transport itself. */
export interface SocketHandler {
  open(socket: Socket): void;
  message(socket: Socket, bytes: ArrayBuffer, isBinary: boolean): void;
  drain(socket: Socket): void;
  /** The socket must not be touched afterwards. */
  close(socket: Socket, code: number): void;
}

export interface HttpRequest {
  readonly method: string;
  /** Percent-encoded path as it came, without query. */
  readonly path: string;
  readonly query: string;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly address: string;
  /** Whole body, at most the transport's limit; rejects with ApiError TOO_LARGE, or when the client goes away. */
  body(maxBytes: number): Promise<Uint8Array>;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A file is streamed from `file`. */
  readonly body?: Uint8Array | string;
  readonly file?: { readonly path: string; readonly size: number };
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpReply>;

export interface Transport {
  /** Resolves with the bound port (0 asks for any). Rejects when the port is taken. */
  listen(host: string, port: number): Promise<number>;
  stopAccepting(): void;
  /** Ends every connection and the App. Idempotent; must run before the thread ends, whatever the cause. */
  close(): void;
}
