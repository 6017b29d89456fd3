// Opcode 43: nothing that it asks for (status and start of voice channels) exists yet, so there is nothing to say.

import type { Opcode } from './index.ts';

export const requestChannelInfo: Opcode = { needsSession: true, handle() {} };
