// Every resource's routes, in one list.

import type { Route } from '../route.ts';
import { attachmentRoutes } from './attachments.ts';
import { dmRoutes } from './dms.ts';
import { messageRoutes } from './messages.ts';
import { pinRoutes } from './pins.ts';
import { reactionRoutes } from './reactions.ts';
import { typingRoutes } from './typing.ts';

export const ROUTES: readonly Route[] = [
  ...attachmentRoutes,
  ...dmRoutes,
  ...messageRoutes,
  ...pinRoutes,
  ...reactionRoutes,
  ...typingRoutes,
];
