// What main and the workers say to each other outside the rings: the plan of the node, and the few steps of a thread's life.

import type { MessagePort } from 'node:worker_threads';
import type { LogEvent } from './runtime.ts';
import type { ThreadInfo } from './types.ts';
import type { WakerKind } from './waker.ts';

/** The path between this thread and another, from this thread's side. */
export interface Path {
  readonly thread: number;
  readonly out: SharedArrayBuffer;
  readonly in: SharedArrayBuffer;
  readonly port: MessagePort | undefined;
}

/** A worker's `workerData`. */
export interface WorkerPlan {
  readonly thread: number;
  readonly kind: string;
  readonly module: string;
  readonly options: unknown;
  readonly topology: readonly ThreadInfo[];
  readonly control: SharedArrayBuffer;
  readonly waker: WakerKind;
  readonly firstGeneration: number;
  readonly paths: readonly Path[];
}

export type ToWorker =
  | { readonly t: 'start' }
  | { readonly t: 'attach'; readonly path: Path }
  | { readonly t: 'detach'; readonly thread: number }
  | { readonly t: 'up'; readonly thread: number }
  | { readonly t: 'stop'; readonly reason: string };

export type FromWorker =
  | { readonly t: 'loaded'; readonly hasStop: boolean }
  | { readonly t: 'ready' }
  | { readonly t: 'log'; readonly event: LogEvent }
  /** It ends itself after this, with exit code 1. */
  | { readonly t: 'crashed'; readonly error: Error };

/** What the module of a thread exports. */
export interface ThreadModule {
  start(runtime: unknown, options: unknown): Promise<void> | void;
  /**
   * Orderly: awaited. In an emergency (crash of the thread, exit of the process) only its synchronous part runs: so what must
   * not be left open is closed before the first await.
   */
  stop?(reason: string): Promise<void> | void;
}
