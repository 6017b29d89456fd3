// Typing.

import type { Route } from '../route.ts';
import { forward } from './channel-request.ts';

export const typingRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/channels/:channel_id/typing',
    auth: 'required',
    body: 'none',
    handle: (call) => forward(call, 'typing'),
  },
];
