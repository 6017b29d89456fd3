// What a request's head must look like before anything of it is acted on. uWebSockets.js parses requests but lets through heads
// on whose length two parsers can disagree (request smuggling) and WebSocket handshakes that RFC 6455 forbids; both are judged
// here, as pure functions of the header lines in the order they came. Sources: RFC 9112 sections 3.2 and 6, RFC 6455 section 4.2.1.

/** How the body is delimited, as far as the transport must know. */
export type Framing = 'none' | 'length' | 'chunked';

export interface Head {
  readonly method: string;
  /** Percent-encoded path as it came, without query. */
  readonly path: string;
  readonly query: string;
  /** Lower-case names; lines of one name joined by ', '. */
  readonly headers: ReadonlyMap<string, string>;
  readonly host: string;
  readonly framing: Framing;
  /** Declared body bytes; 0 without a Content-Length. */
  readonly contentLength: number;
}

/** Why a request is answered and its connection closed at once. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export type HeaderLine = readonly [name: string, value: string];

/**
 * Bytes of a request's head; beyond it uWebSockets.js answers 431. Enough for an audit reason of 512 characters, percent-encoded
 * (6 KiB). Half of a head is held until the rest comes, so this times the connections is what slow heads can take.
 */
export const HEAD_BYTES_MAX = 8 * 1024;

/** Headers of which a second line is an attack or an error: which one counts would depend on who reads. */
const SINGLE = new Set(['host', 'authorization', 'content-type', 'sec-websocket-key', 'sec-websocket-version']);
/** Letters, digits and what a host, an IPv6 literal and a port may hold: the value goes into URLs that we hand out. */
const HOST = /^[A-Za-z0-9._~\-:[\]]{1,255}$/;
const DECIMAL = /^[0-9]{1,15}$/;
const KEY = /^[A-Za-z0-9+/]{22}==$/;

export function isRefusal(head: Head | Refusal): head is Refusal {
  return 'status' in head;
}

/** Reads and judges a head. A Refusal is answered with its status, and the connection is closed. */
export function readHead(method: string, path: string, query: string, lines: readonly HeaderLine[]): Head | Refusal {
  const headers = new Map<string, string>();
  let length: string | undefined;
  let coding: string | undefined;
  for (const [name, value] of lines) {
    const before = headers.get(name);
    if (before === undefined) headers.set(name, value);
    else if (SINGLE.has(name)) return bad(`more than one ${name}`);
    else headers.set(name, `${before}, ${value}`);
    if (name === 'content-length') {
      if (!DECIMAL.test(value)) return bad('content-length is not a decimal number');
      if (length !== undefined && Number(length) !== Number(value)) return bad('differing content-length');
      length = value;
    } else if (name === 'transfer-encoding') {
      coding = coding === undefined ? value : `${coding}, ${value}`;
    }
  }
  const host = headers.get('host');
  if (host === undefined || !HOST.test(host)) return bad('no valid host');
  if (coding !== undefined) {
    if (length !== undefined) return bad('content-length beside transfer-encoding');
    const codings = coding.split(',').map((one) => one.trim().toLowerCase());
    if (codings.at(-1) !== 'chunked' || codings.indexOf('chunked') !== codings.length - 1) {
      return bad('transfer-encoding does not end in one chunked');
    }
    if (codings.length > 1) return { status: 501, reason: 'transfer-encoding is not supported' };
  }
  return {
    method,
    path,
    query,
    headers,
    host,
    framing: coding !== undefined ? 'chunked' : length !== undefined && Number(length) > 0 ? 'length' : 'none',
    contentLength: length === undefined ? 0 : Number(length),
  };
}

/** Does the client ask for the WebSocket protocol at all? */
export function asksForWebSocket(head: Head): boolean {
  return (head.headers.get('upgrade') ?? '').toLowerCase().includes('websocket');
}

/** Judges an opening handshake; null when it may be upgraded. */
export function checkHandshake(head: Head): Refusal | null {
  if (head.method !== 'GET') return { status: 405, reason: 'a handshake is a GET' };
  if (head.framing !== 'none') return bad('a handshake has no body');
  if (!tokens(head.headers.get('upgrade')).includes('websocket')) return bad('Upgrade is not websocket');
  if (!tokens(head.headers.get('connection')).includes('upgrade')) return bad('Connection is not upgrade');
  if (head.headers.get('sec-websocket-version') !== '13') return { status: 426, reason: 'version 13 is spoken here' };
  if (!KEY.test(head.headers.get('sec-websocket-key') ?? '')) return bad('Sec-WebSocket-Key is not 16 bytes in base64');
  return null;
}

function tokens(value: string | undefined): string[] {
  return (value ?? '').split(',').map((token) => token.trim().toLowerCase());
}

function bad(reason: string): Refusal {
  return { status: 400, reason };
}
