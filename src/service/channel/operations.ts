// Every message operation by its name, for the table of a topic's operations. One noun a file; the arguments are in args.ts.

import type { Operation } from '../request.ts';
import { createMessage } from './create-message.ts';
import { crosspost } from './crosspost.ts';
import { bulkDelete, deleteMessage } from './delete-message.ts';
import { editMessage } from './edit-message.ts';
import type { ChannelHost } from './host.ts';
import { listAllPins, listPins, pinMessage, unpinMessage } from './pins.ts';
import { addReaction, listReactions, removeAllReactions, removeEmojiReactions, removeReaction } from './reactions.ts';
import { getMessage, listMessages } from './read-messages.ts';
import { typing } from './typing.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- each operation has arguments of its own, validated at the edge
export const channelOperations: Record<string, Operation<ChannelHost, any>> = {
  createMessage,
  editMessage,
  deleteMessage,
  bulkDelete,
  crosspost,
  getMessage,
  listMessages,
  addReaction,
  removeReaction,
  removeAllReactions,
  removeEmojiReactions,
  listReactions,
  pinMessage,
  unpinMessage,
  listAllPins,
  listPins,
  typing,
};
