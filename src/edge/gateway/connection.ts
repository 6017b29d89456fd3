// One WebSocket connection: it counts and decodes frames, hands each to its opcode, and watches the clock. It holds no timer:
// the gateway's sweep looks at all connections once a second, so that 5,000 idle ones cost next to nothing.
//
//   NEW --identify/resume--> WAITING --session bound--> READY
//    ^                          |                         |
//    +------- op 9 -------------+-------- op 9 -----------+        every state -> CLOSED

import { parseJson, type Json } from '../../base/json.ts';
import { CLOSE, clientCloseEndsSession, type CloseRow } from '../../protocol/close-codes.ts';
import type { Outlet, Session, SessionOwner } from '../../service/session/session.ts';
import type { PresenceState } from '../../service/topic.ts';
import type { Socket } from '../transport/types.ts';
import { HEARTBEAT, INVALID_SESSION } from './frames.ts';
import type { Gateway } from './gateway.ts';
import {
  CLOSED,
  EVENT_WINDOW_MS,
  EVENTS_MAX,
  HEARTBEAT_ASK_AFTER_MS,
  HEARTBEAT_GRACE_MS,
  HEARTBEATS_MAX,
  NEW,
  PAYLOAD_BYTES_MAX,
  READY,
} from './limits.ts';
import { HEARTBEAT_OPCODE, OPCODES } from './opcodes/index.ts';
import { ZlibOutlet } from './zlib-outlet.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What only some connections ever need. */
interface Extras {
  presenceTimes: number[];
  presenceWaiting: PresenceState | null;
  memberListTimes: number[];
}

export class Connection implements SessionOwner {
  readonly gateway: Gateway;
  readonly socket: Socket;
  readonly outlet: Outlet;
  /** API version of the connection: 9 or 10. */
  readonly version: number;
  state: 0 | 1 | 2 | 3 = NEW;
  session: Session | null = null;
  /** Place in the gateway's list. */
  index = -1;
  openedMs: number;
  lastBeatMs: number;
  #windowStartMs: number;
  #events = 0;
  #heartbeats = 0;
  #asked = false;
  /** We asked it to reconnect: its close, whatever the code, keeps the session. */
  toldToReconnect = false;
  #extras: Extras | null = null;

  constructor(gateway: Gateway, socket: Socket, version: number, zlib: boolean, nowMs: number) {
    this.gateway = gateway;
    this.socket = socket;
    this.version = version;
    this.outlet = zlib ? new ZlibOutlet(socket, gateway.deflates) : socket;
    this.openedMs = nowMs;
    this.lastBeatMs = nowMs;
    this.#windowStartMs = nowMs;
  }

  hello(): void {
    this.send(this.gateway.hello);
  }

  /** A frame that belongs to no session. */
  send(frame: Uint8Array): void {
    if (this.state !== CLOSED) this.outlet.send(frame, false);
  }

  // ---- frames from the client

  message(bytes: ArrayBuffer): void {
    if (this.state === CLOSED) return;
    if (bytes.byteLength > PAYLOAD_BYTES_MAX) return this.close(CLOSE.DECODE_ERROR);
    let frame: Json;
    try {
      frame = parseJson(decoder.decode(bytes));
    } catch {
      return this.close(CLOSE.DECODE_ERROR);
    }
    if (frame === null || typeof frame !== 'object' || Array.isArray(frame)) return this.close(CLOSE.DECODE_ERROR);
    const { op, d } = frame;
    if (typeof op !== 'number' || !Number.isInteger(op)) return this.close(CLOSE.DECODE_ERROR);
    if (!this.#count(op)) return this.close(CLOSE.RATE_LIMITED);
    const opcode = OPCODES.get(op);
    if (opcode === undefined) return this.close(CLOSE.UNKNOWN_OPCODE);
    if (opcode.needsSession && this.state !== READY) {
      // Sent between IDENTIFY and READY it came too early to mean anything.
      if (this.state === NEW) this.close(CLOSE.NOT_AUTHENTICATED);
      return;
    }
    opcode.handle(this, d);
  }

  #count(op: number): boolean {
    const now = this.gateway.now();
    if (now - this.#windowStartMs >= EVENT_WINDOW_MS) {
      this.#windowStartMs = now;
      this.#events = 0;
      this.#heartbeats = 0;
    }
    if (op === HEARTBEAT_OPCODE) return (this.#heartbeats += 1) <= HEARTBEATS_MAX;
    return (this.#events += 1) <= EVENTS_MAX;
  }

  beat(): void {
    this.lastBeatMs = this.gateway.now();
    this.#asked = false;
  }

  /** Runs a handler's asynchronous part; an error closes this connection and nothing else. */
  run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.gateway.log({ event: 'gateway_error', level: 'error', error });
      this.close(CLOSE.UNKNOWN_ERROR);
    });
  }

  // ---- the session

  sessionBound(session: Session): void {
    this.session = session;
    this.state = READY;
    this.lastBeatMs = this.gateway.now();
    if (this.outlet instanceof ZlibOutlet) {
      this.outlet.onRoom = () => this.drain();
      this.outlet.compress();
    }
  }

  sessionEnded(reason: 'invalid' | 'revoked'): void {
    if (reason === 'revoked') return this.close(CLOSE.AUTHENTICATION_FAILED);
    this.invalid();
  }

  /** op 9: the client may identify anew on this socket or on another. */
  invalid(): void {
    if (this.state === CLOSED) return;
    this.session = null;
    this.state = NEW;
    this.openedMs = this.gateway.now();
    this.send(INVALID_SESSION);
  }

  // ---- presence and member lists, at most so often

  get extras(): Extras {
    return (this.#extras ??= { presenceTimes: [], presenceWaiting: null, memberListTimes: [] });
  }

  // ---- time and end

  drain(): void {
    if (this.session !== null) this.gateway.relay.delivery.drained(this.session, this.outlet);
  }

  sweep(now: number): void {
    if (this.state !== READY) {
      if (now - this.openedMs >= this.gateway.identifyTimeoutMs) this.close(CLOSE.SESSION_TIMED_OUT);
      return;
    }
    const lateMs = now - this.lastBeatMs - this.gateway.heartbeatIntervalMs;
    if (lateMs >= HEARTBEAT_GRACE_MS) return this.close(CLOSE.UNKNOWN_ERROR);
    if (lateMs >= HEARTBEAT_ASK_AFTER_MS && !this.#asked) {
      this.#asked = true;
      this.send(HEARTBEAT);
    }
    if (this.#extras !== null) this.gateway.presences.release(this, now);
  }

  /** Closes from our side; a session waits for RESUME. */
  close(row: CloseRow): void {
    if (this.state === CLOSED) return;
    this.state = CLOSED;
    this.#letGo(false);
    this.outlet.end(row.code, row.text);
  }

  /** The transport says that the socket is gone. */
  closed(code: number): void {
    const byClient = this.state !== CLOSED;
    this.state = CLOSED;
    this.#letGo(byClient && !this.toldToReconnect && clientCloseEndsSession(code));
    if (this.outlet instanceof ZlibOutlet) this.outlet.close();
  }

  #letGo(forGood: boolean): void {
    const { session } = this;
    this.session = null;
    if (session !== null) this.gateway.relay.socketLost(session, this.outlet, forGood);
  }
}
