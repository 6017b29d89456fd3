// The actors of accounts on the main thread, in one call for the node's boot.

import type { Runtime } from '../../actor/types.ts';
import { startInteractions } from '../interaction/book.ts';
import { startLogins } from './logins.ts';

export function startMainActors(runtime: Runtime): void {
  startLogins(runtime);
  startInteractions(runtime);
}
