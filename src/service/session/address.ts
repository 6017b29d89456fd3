// Where the relay of an I/O thread is.

import type { Address } from '../../actor/types.ts';
import { RELAY } from '../topic.ts';

export function relayAddress(thread: number): Address {
  return { thread, name: RELAY };
}
