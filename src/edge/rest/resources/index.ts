// Every resource's routes, in one list.

import type { Route } from '../route.ts';
import { applicationRoutes } from './applications.ts';
import { attachmentRoutes } from './attachments.ts';
import { authRoutes } from './auth.ts';
import { banRoutes } from './bans.ts';
import { channelRoutes } from './channels.ts';
import { commandRoutes } from './commands.ts';
import { dmRoutes } from './dms.ts';
import { emojiRoutes } from './emojis.ts';
import { gatewayRoutes } from './gateway.ts';
import { guildRoutes } from './guilds.ts';
import { imageRoutes } from './images.ts';
import { interactionRoutes } from './interactions.ts';
import { inviteRoutes } from './invites.ts';
import { memberRoutes } from './members.ts';
import { messageRoutes } from './messages.ts';
import { pinRoutes } from './pins.ts';
import { reactionRoutes } from './reactions.ts';
import { roleRoutes } from './roles.ts';
import { typingRoutes } from './typing.ts';
import { userRoutes } from './users.ts';
import { voiceRoutes } from './voice.ts';
import { webhookRoutes } from './webhooks.ts';

export const ROUTES: readonly Route[] = [
  ...applicationRoutes,
  ...attachmentRoutes,
  ...authRoutes,
  ...banRoutes,
  ...channelRoutes,
  ...commandRoutes,
  ...dmRoutes,
  ...emojiRoutes,
  ...gatewayRoutes,
  ...guildRoutes,
  ...imageRoutes,
  ...interactionRoutes,
  ...inviteRoutes,
  ...memberRoutes,
  ...messageRoutes,
  ...pinRoutes,
  ...reactionRoutes,
  ...roleRoutes,
  ...typingRoutes,
  ...userRoutes,
  ...voiceRoutes,
  ...webhookRoutes,
];
