// Who is where in one thread: the slot table that pids point into, and the names.

import { assert } from '../base/assert.ts';
import { GENERATIONS, makePid, pidGeneration, pidSlot, SLOT_QUARANTINE, SLOTS_MAX } from './pid.ts';
import type { Process } from './process.ts';
import type { Pid } from './types.ts';

export class SlotTable {
  readonly #node: number;
  readonly #thread: number;
  readonly #firstGeneration: number;
  readonly #onGeneration: (generation: number) => void;
  readonly #processes: (Process | null)[] = [];
  /** Last pid of each slot in the free queue, oldest first from `#freeHead`. */
  #free: Pid[] = [];
  #freeHead = 0;
  #generationMax: number;
  size = 0;

  /** `onGeneration` is told when a higher generation comes into use. */
  constructor(node: number, thread: number, firstGeneration: number, onGeneration: (generation: number) => void) {
    this.#node = node;
    this.#thread = thread;
    this.#firstGeneration = firstGeneration % GENERATIONS;
    this.#generationMax = this.#firstGeneration;
    this.#onGeneration = onGeneration;
    // Slot 0 is the thread itself: the pid from which its runtime calls.
    this.#processes.push(null);
    onGeneration(this.#firstGeneration);
  }

  get threadPid(): Pid {
    return makePid(this.#node, this.#thread, 0, this.#firstGeneration);
  }

  /** Takes a slot. `make` gets the new actor's pid. */
  add(make: (pid: Pid) => Process): Process {
    const freed = this.#free.length - this.#freeHead;
    let pid: Pid;
    if (freed > SLOT_QUARANTINE || this.#processes.length >= SLOTS_MAX) {
      assert(freed > 0, `more than ${SLOTS_MAX} actors in thread ${this.#thread}`);
      pid = this.#reuse();
    } else pid = makePid(this.#node, this.#thread, this.#processes.length, this.#firstGeneration);
    const process = make(pid);
    this.#processes[pidSlot(pid)] = process;
    this.size += 1;
    return process;
  }

  remove(process: Process): void {
    const slot = pidSlot(process.pid);
    if (this.#processes[slot] !== process) return;
    this.#processes[slot] = null;
    this.#free.push(process.pid);
    this.size -= 1;
  }

  get(pid: Pid): Process | null {
    const process = this.#processes[pidSlot(pid)];
    return process !== undefined && process !== null && process.pid === pid ? process : null;
  }

  *[Symbol.iterator](): Generator<Process> {
    for (const process of this.#processes) if (process !== null) yield process;
  }

  #reuse(): Pid {
    const old = this.#free[this.#freeHead] as Pid;
    this.#freeHead += 1;
    if (this.#freeHead > SLOT_QUARANTINE && this.#freeHead * 2 > this.#free.length) {
      this.#free = this.#free.slice(this.#freeHead);
      this.#freeHead = 0;
    }
    const generation = (pidGeneration(old) + 1) % GENERATIONS;
    if (generation > this.#generationMax) {
      this.#generationMax = generation;
      this.#onGeneration(generation);
    }
    return makePid(this.#node, this.#thread, pidSlot(old), generation);
  }
}

export class NameTable {
  readonly #names = new Map<string, Process>();
  /** Actors whose terminate still runs: a successor of the same name waits for them. */
  readonly #leaving = new Map<string, Process>();

  get(name: string): Process | undefined {
    return this.#names.get(name);
  }

  leaving(name: string): Process | undefined {
    return this.#leaving.get(name);
  }

  add(name: string, process: Process): void {
    assert(!this.#names.has(name), `name ${name} is taken`);
    this.#names.set(name, process);
  }

  /** The actor begins to end: its name is free for its successor. */
  leave(name: string, process: Process): void {
    if (this.#names.get(name) === process) this.#names.delete(name);
    this.#leaving.set(name, process);
  }

  gone(name: string, process: Process): void {
    if (this.#leaving.get(name) === process) this.#leaving.delete(name);
  }
}
