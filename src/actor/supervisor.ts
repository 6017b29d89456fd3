// The supervisor of a thread's named children, one_for_one: each child is restarted on its own, and its failures count for
// itself alone, because thousands of guilds live under it and one broken guild must not take the others down.
//
// More than RESTARTS_MAX restarts within RESTART_WINDOW_MS escalate: the supervisor gives the child up, says so, and keeps its
// name shut for a back-off that doubles each time. After it, a message to a start-on-demand name starts the child again.

import type { Clock } from '../base/clock.ts';
import type { Process } from './process.ts';
import type { ChildSpec, ExitReason } from './types.ts';

/** A child that fails more often than this has a cause that restarting does not cure. */
export const RESTARTS_MAX = 5;
export const RESTART_WINDOW_MS = 10_000;
export const GIVE_UP_MS_MIN = 1_000;
export const GIVE_UP_MS_MAX = 60_000;
/** Names kept shut at once; beyond it the oldest may start early. */
export const SHUT_NAMES_MAX = 10_000;

interface Child {
  readonly spec: ChildSpec;
  process: Process;
  /** Monotonic times of its latest restarts. */
  restarts: number[];
}

interface Shut {
  untilMs: number;
  delayMs: number;
}

export interface SupervisorHost {
  readonly clock: Clock;
  startChild(spec: ChildSpec): Process;
  gaveUp(spec: ChildSpec, reason: ExitReason, shutForMs: number): void;
}

export class Supervisor {
  readonly #host: SupervisorHost;
  readonly #children = new Map<string, Child>();
  readonly #shut = new Map<string, Shut>();
  #closing = false;
  restarts = 0;

  constructor(host: SupervisorHost) {
    this.#host = host;
  }

  /** Starts the child, or answers the one that is there. */
  supervise(spec: ChildSpec): Process {
    const running = this.#children.get(spec.id);
    if (running !== undefined) return running.process;
    const process = this.#host.startChild(spec);
    this.#children.set(spec.id, { spec, process, restarts: [] });
    return process;
  }

  /** Milliseconds for which the name is shut after the child was given up; 0: it may start. */
  shutForMs(name: string): number {
    const shut = this.#shut.get(name);
    if (shut === undefined) return 0;
    return Math.max(0, shut.untilMs - this.#host.clock.monotonicMs());
  }

  /** A child's end has begun: restart it (the successor waits for the end), or forget it. */
  childEnding(process: Process, reason: ExitReason): void {
    const { name } = process;
    const child = name === undefined ? undefined : this.#children.get(name);
    if (child === undefined || child.process !== process) return;
    if (this.#closing || !wantsRestart(child.spec, reason)) {
      this.#children.delete(child.spec.id);
      return;
    }
    const now = this.#host.clock.monotonicMs();
    child.restarts = child.restarts.filter((at) => now - at < RESTART_WINDOW_MS);
    if (child.restarts.length >= RESTARTS_MAX) {
      this.#giveUp(child, reason, now);
      return;
    }
    child.restarts.push(now);
    this.restarts += 1;
    try {
      child.process = this.#host.startChild(child.spec);
    } catch (thrown) {
      // `start` itself threw: there is nothing that could be tried again at once.
      this.#giveUp(child, thrown instanceof Error ? thrown : new Error(String(thrown)), now);
    }
  }

  dismiss(name: string, reason: ExitReason): void {
    const child = this.#children.get(name);
    if (child === undefined) return;
    this.#children.delete(name);
    child.process.exit(reason);
  }

  /** Ends all children, the latest first. */
  close(reason: ExitReason): void {
    this.#closing = true;
    for (const child of [...this.#children.values()].reverse()) child.process.exit(reason);
    this.#children.clear();
  }

  #giveUp(child: Child, reason: ExitReason, now: number): void {
    const { id } = child.spec;
    this.#children.delete(id);
    const before = this.#shut.get(id);
    // A name that behaved for ten windows since starts from the beginning.
    const relapse = before !== undefined && now - before.untilMs < 10 * RESTART_WINDOW_MS;
    const delayMs = relapse ? Math.min(before.delayMs * 2, GIVE_UP_MS_MAX) : GIVE_UP_MS_MIN;
    this.#shut.delete(id);
    if (this.#shut.size >= SHUT_NAMES_MAX) {
      const [oldest] = this.#shut.keys();
      if (oldest !== undefined) this.#shut.delete(oldest);
    }
    this.#shut.set(id, { untilMs: now + delayMs, delayMs });
    this.#host.gaveUp(child.spec, reason, delayMs);
  }
}

function wantsRestart(spec: ChildSpec, reason: ExitReason): boolean {
  if (spec.restart === 'permanent') return true;
  if (spec.restart === 'temporary') return false;
  return reason !== 'normal' && reason !== 'shutdown';
}
