// How a sleeping thread is woken, behind one interface: uv_async from the Rust binding where it is there, otherwise one
// MessagePort per pair of threads. Either way a wake is only sent by the one who won the sleeper's state word (control.ts).

import type { MessagePort } from 'node:worker_threads';
import { WAKER } from './control.ts';
import type { Control } from './control.ts';

export type WakerKind = 'native' | 'port';

export interface ThreadWaker {
  readonly kind: WakerKind;
  wake(thread: number): void;
  /** The path to a thread (again); `port` for wakers that need one. */
  connect(thread: number, port: MessagePort | undefined): void;
  disconnect(thread: number): void;
  close(): void;
}

interface NativeWaker {
  readonly id: number;
  close(): void;
}

interface NativeWake {
  createWaker(onWake: () => void): NativeWaker | undefined;
  wake(id: number): boolean;
}

/** The binding's module; undefined where it is absent or switched off. Loaded lazily: tests of one thread do without. */
async function loadNative(): Promise<NativeWake | undefined> {
  if (process.env['GUILDHALL_NATIVE'] === 'off') return undefined;
  const [native, { hasBinding }] = await Promise.all([
    import('../../native/wake.ts'),
    import('../../native/binding.ts'),
  ]);
  return hasBinding ? native : undefined;
}

/** What all threads of the node will use: decided once, by main. */
export async function chooseWaker(): Promise<WakerKind> {
  return (await loadNative()) === undefined ? 'port' : 'native';
}

export async function createThreadWaker(
  kind: WakerKind,
  thread: number,
  control: Control,
  onWake: () => void,
): Promise<ThreadWaker> {
  if (kind === 'port') return new PortWaker(onWake);
  const native = await loadNative();
  const waker = native?.createWaker(onWake);
  if (native === undefined || waker === undefined) throw new Error('the native binding is gone since the node started');
  control.set(thread, WAKER, waker.id);
  return {
    kind: 'native',
    wake: (other) => void native.wake(control.get(other, WAKER)),
    connect: () => undefined,
    disconnect: () => undefined,
    close: () => {
      control.set(thread, WAKER, 0);
      waker.close();
    },
  };
}

class PortWaker implements ThreadWaker {
  readonly kind = 'port';
  readonly #ports = new Map<number, MessagePort>();
  readonly #onWake: () => void;

  constructor(onWake: () => void) {
    this.#onWake = onWake;
  }

  wake(thread: number): void {
    this.#ports.get(thread)?.postMessage(null);
  }

  connect(thread: number, port: MessagePort | undefined): void {
    this.disconnect(thread);
    if (port === undefined) return;
    port.on('message', this.#onWake);
    // The thread lives as long as its own work wants, not as long as others might call.
    port.unref();
    this.#ports.set(thread, port);
  }

  disconnect(thread: number): void {
    this.#ports.get(thread)?.close();
    this.#ports.delete(thread);
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }
}
