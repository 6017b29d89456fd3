// A pid is one safe integer, so that it compares with ===, sorts, and travels in a record as a float64:
//
//   52      45 44     38 37            17 16           0
//   +---------+---------+----------------+--------------+
//   | node  8 | thread 7|     slot 21    | generation 17|
//   +---------+---------+----------------+--------------+
//
// The slot is the actor's place in its thread's table; the generation rises each time the slot is used again, and goes on
// rising when the thread itself is replaced (its high-water mark is in shared memory, control.ts). A freed slot waits behind
// SLOT_QUARANTINE others, so a pid comes back only after SLOT_QUARANTINE * 2^17 (half a thousand million) spawns.

import { assert } from '../base/assert.ts';
import type { Pid } from './types.ts';

export const NODES_MAX = 1 << 8;
/** Threads of one node, main included. */
export const THREADS_MAX = 1 << 7;
/** Actors of one thread. Two million idle actors are about 0.6 GB: one thread's heap ends before its slots do. */
export const SLOTS_MAX = 1 << 21;
export const GENERATIONS = 1 << 17;
/** Freed slots that must lie between a slot and its next use. */
export const SLOT_QUARANTINE = 4_096;

const SLOT_SHIFT = GENERATIONS;
const PLACE_SHIFT = GENERATIONS * SLOTS_MAX;

export function makePid(node: number, thread: number, slot: number, generation: number): Pid {
  assert(node >= 0 && node < NODES_MAX && thread >= 0 && thread < THREADS_MAX, 'pid: place out of range');
  assert(slot >= 0 && slot < SLOTS_MAX && generation >= 0 && generation < GENERATIONS, 'pid: slot out of range');
  return ((node * THREADS_MAX + thread) * PLACE_SHIFT + slot * SLOT_SHIFT + generation) as Pid;
}

/** node and thread in one number: what decides whether a pid is local. */
export function pidPlace(pid: Pid): number {
  return Math.floor(pid / PLACE_SHIFT);
}

export function placeOf(node: number, thread: number): number {
  return node * THREADS_MAX + thread;
}

export function pidNode(pid: Pid): number {
  return Math.floor(pid / (PLACE_SHIFT * THREADS_MAX));
}

export function pidThread(pid: Pid): number {
  return Math.floor(pid / PLACE_SHIFT) & (THREADS_MAX - 1);
}

export function pidSlot(pid: Pid): number {
  return Math.floor(pid / SLOT_SHIFT) & (SLOTS_MAX - 1);
}

export function pidGeneration(pid: Pid): number {
  return pid & (GENERATIONS - 1);
}

/** `<node.thread.slot.generation>`, for logs. */
export function pidText(pid: Pid): string {
  return `<${pidNode(pid)}.${pidThread(pid)}.${pidSlot(pid)}.${pidGeneration(pid)}>`;
}
