// The arguments of the message operations, as the edge hands them over: validated in form and limits, ids as text. Kept apart,
// so that webhooks and interactions build the same.

import type { Snowflake } from '../../base/snowflake.ts';
import type { AllowedMentions } from '../../protocol/mentions.ts';
import type { AttachmentRecord } from '../../state/store/records.ts';

export type Embed = { [key: string]: unknown };
export type Component = { [key: string]: unknown };

export interface ChannelArgs {
  readonly channel_id: Snowflake;
  /** http://host[:port] of the request. */
  readonly origin: string;
}

export interface MessageArgs extends ChannelArgs {
  readonly message_id: Snowflake;
}

/** Who speaks when it is not the requester itself. Never taken from a body: webhooks and interactions set it at the edge. */
export interface SpeaksAs {
  /** The webhook's id; the application's for interactions. */
  readonly webhook_id: Snowflake;
  /** Name and picture of a webhook; absent: the requester is the author. */
  readonly author?: { readonly username: string; readonly avatar: string | null };
  readonly application_id?: Snowflake;
  /** 20 and 23 for answers to commands. */
  readonly type?: number;
  readonly interaction_metadata?: { readonly [key: string]: unknown };
  /** An answer announced and not there yet: empty, flagged LOADING until it is edited. */
  readonly loading?: boolean;
  /** May mention everyone and any role. */
  readonly mentions_all?: boolean;
}

export interface CreateMessageArgs extends ChannelArgs {
  readonly content?: string;
  readonly nonce?: string | number | null;
  readonly enforce_nonce?: boolean;
  readonly tts?: boolean;
  readonly embeds?: readonly Embed[];
  readonly allowed_mentions?: AllowedMentions | null;
  readonly message_reference?: {
    readonly message_id: Snowflake;
    readonly channel_id?: Snowflake;
    readonly fail_if_not_exists?: boolean;
  };
  readonly components?: readonly Component[];
  readonly attachments?: readonly AttachmentRecord[];
  readonly flags?: number;
  readonly as?: SpeaksAs;
}

/** Keys that are absent stay as they are; `attachments` lists those to keep, `added` the new ones. */
export interface EditMessageArgs extends MessageArgs {
  readonly content?: string;
  readonly embeds?: readonly Embed[];
  readonly allowed_mentions?: AllowedMentions | null;
  readonly components?: readonly Component[];
  readonly flags?: number;
  readonly attachments?: readonly { readonly id: Snowflake; readonly description?: string }[];
  readonly added?: readonly AttachmentRecord[];
  readonly as?: SpeaksAs;
}

/** Read or delete one message; a webhook reaches its own only. */
export interface OneMessageArgs extends MessageArgs {
  readonly as?: SpeaksAs;
}

export interface BulkDeleteArgs extends ChannelArgs {
  readonly messages: readonly Snowflake[];
}

export interface ListMessagesArgs extends ChannelArgs {
  readonly before?: Snowflake;
  readonly after?: Snowflake;
  readonly around?: Snowflake;
  readonly limit: number;
}

export interface EmojiArg {
  /** null: Unicode. */
  readonly id: Snowflake | null;
  readonly name: string;
}

export interface ReactionArgs extends MessageArgs {
  readonly emoji: EmojiArg;
}

export interface RemoveReactionArgs extends ReactionArgs {
  /** Absent: the requester's own. */
  readonly user_id?: Snowflake;
}

export interface ListReactionsArgs extends ReactionArgs {
  readonly after?: Snowflake;
  readonly limit: number;
  /** 0 normal, 1 burst (there are none). */
  readonly type: number;
}

export interface ListPinsArgs extends ChannelArgs {
  /** ISO 8601; only pins older than this. */
  readonly before?: string;
  readonly limit: number;
}

/** People may give 25 characters, numbers any safe integer. */
export function nonceText(nonce: string | number | null | undefined): string | null {
  return nonce === null || nonce === undefined || nonce === '' ? null : String(nonce);
}
