// Every operation of a guild but those on messages (service/channel/operations.ts). The names are what REST asks for.

import { auditOperations } from './audit-log.ts';
import { banOperations } from './bans.ts';
import { guildChannelOperations } from './channels.ts';
import { emojiOperations } from './emojis.ts';
import { guildOperations as ownOperations } from './guild.ts';
import { inviteOperations } from './invites.ts';
import { memberOperations } from './members.ts';
import { membershipOperations } from './membership.ts';
import { roleOperations } from './roles.ts';
import { voiceOperations } from './voice.ts';

export const guildOperations = {
  ...ownOperations,
  ...guildChannelOperations,
  ...roleOperations,
  ...memberOperations,
  ...membershipOperations,
  ...banOperations,
  ...inviteOperations,
  ...emojiOperations,
  ...voiceOperations,
  ...auditOperations,
};
