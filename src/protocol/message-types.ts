// Message types.
// Source: discord.com/developers/docs/resources/message#message-object-message-types

export const MessageType = {
  DEFAULT: 0,
  RECIPIENT_ADD: 1,
  RECIPIENT_REMOVE: 2,
  CALL: 3,
  CHANNEL_NAME_CHANGE: 4,
  CHANNEL_ICON_CHANGE: 5,
  CHANNEL_PINNED_MESSAGE: 6,
  USER_JOIN: 7,
  GUILD_BOOST: 8,
  THREAD_CREATED: 18,
  REPLY: 19,
  CHAT_INPUT_COMMAND: 20,
  THREAD_STARTER_MESSAGE: 21,
  CONTEXT_MENU_COMMAND: 23,
  POLL_RESULT: 46,
} as const;

export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Written by somebody, so its author may edit it; the others are notices of the system. */
export function isUserMessage(type: number): boolean {
  return (
    type === MessageType.DEFAULT ||
    type === MessageType.REPLY ||
    type === MessageType.CHAT_INPUT_COMMAND ||
    type === MessageType.CONTEXT_MENU_COMMAND
  );
}

/** How a message points at another one (message_reference.type). */
export const MessageReferenceType = { DEFAULT: 0, FORWARD: 1 } as const;
