// PATCH a message: its author changes what it says; whoever manages messages may hide its embeds.

import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { formError } from '../../protocol/form.ts';
import { EDIT_FLAGS, MessageFlags } from '../../protocol/message-flags.ts';
import { isUserMessage } from '../../protocol/message-types.ts';
import { ALL, PERMISSIONS } from '../../protocol/permissions.ts';
import { isoTimestamp } from '../../protocol/timestamp.ts';
import type { MessageRecord } from '../../state/store/port.ts';
import type { AttachmentRecord, MessageDoc } from '../../state/store/records.ts';
import { type ChannelContext, demand, type Reach, reach } from './access.ts';
import type { EditMessageArgs } from './args.ts';
import { resolveMentions, usersNamed } from './mention-resolver.ts';
import { docOf, gather, messageEvent, present } from './present.ts';
import { reactedBy } from './reactions.ts';

/** Files of one message. */
const ATTACHMENTS_MAX = 10;

export function editMessage(context: ChannelContext, args: EditMessageArgs): Promise<unknown> {
  return context.host.book.exclusive(args.message_id, () => edit(context, args));
}

async function edit(context: ChannelContext, args: EditMessageArgs): Promise<unknown> {
  const { host, store, requester, nowMs } = context;
  const { book } = host;
  access(context, args);
  const before = await book.read(store, args.channel_id, args.message_id);
  if (before === null) throw apiError('UNKNOWN_MESSAGE');
  const around = await gather(host, store, [before], usersNamed(args.content ?? ''));
  const mine = await reactedBy(book, store, [before], requester.user_id);

  // From here on nothing is awaited.
  const { channel, permissions } = access(context, args);
  checkMayEdit(context, args, before, permissions);
  const doc = changed(context, args, before, permissions, around.users, nowMs);
  const record: MessageRecord = { ...before, doc: doc as unknown as MessageRecord['doc'] };
  book.put(context, record);
  writeFiles(context, args, docOf(before).attachments, doc.attachments);
  const reader = { origin: args.origin, mine };
  context.dispatch(messageEvent('MESSAGE_UPDATE', host, channel, record, around, { origin: args.origin }));
  return present(record, around, reader);
}

function access(context: ChannelContext, args: EditMessageArgs): Reach {
  if (args.as === undefined) return reach(context, args.channel_id);
  const channel = context.host.channel(args.channel_id);
  if (channel === undefined) throw apiError('UNKNOWN_CHANNEL');
  return { channel, permissions: ALL };
}

function checkMayEdit(
  context: ChannelContext,
  args: EditMessageArgs,
  before: MessageRecord,
  permissions: bigint,
): void {
  const doc = docOf(before);
  if (args.as !== undefined) {
    // A webhook's token reaches the webhook's own messages only.
    if (doc.webhook_id !== args.as.webhook_id) throw apiError('UNKNOWN_MESSAGE');
    return;
  }
  const own = before.author_id === context.requester.user_id;
  const says = args.content !== undefined || args.embeds !== undefined || args.components !== undefined;
  const files = args.attachments !== undefined || (args.added?.length ?? 0) > 0;
  if (!own) {
    if (says || files || args.flags === undefined) throw apiError('OTHERS_MESSAGE');
    demand(permissions, PERMISSIONS.MANAGE_MESSAGES);
  }
  if (!isUserMessage(doc.type)) throw apiError('SYSTEM_MESSAGE');
  if ((args.added?.length ?? 0) > 0) demand(permissions, PERMISSIONS.ATTACH_FILES);
}

function changed(
  context: ChannelContext,
  args: EditMessageArgs,
  before: MessageRecord,
  permissions: bigint,
  users: Parameters<typeof resolveMentions>[4],
  nowMs: number,
): MessageDoc {
  const old = docOf(before);
  const attachments = keptAttachments(args, old.attachments);
  const content = args.content ?? old.content;
  const embeds = args.embeds === undefined ? old.embeds : [...args.embeds];
  const components = args.components === undefined ? old.components : [...args.components];
  if (content.trim() === '' && embeds.length + components.length + attachments.length === 0) {
    throw apiError('EMPTY_MESSAGE');
  }
  const rewritten =
    args.content !== undefined ||
    args.embeds !== undefined ||
    args.components !== undefined ||
    args.attachments !== undefined ||
    (args.added?.length ?? 0) > 0;
  return {
    ...old,
    content,
    embeds,
    components,
    attachments,
    ...(args.content === undefined ? {} : mentionsAfter(context, args, before, permissions, content, users)),
    flags: flagsAfter(old.flags, args),
    edited_timestamp: rewritten ? isoTimestamp(nowMs) : old.edited_timestamp,
  };
}

/** An edit by the one who announced it is the answer itself: it is LOADING no more. */
function flagsAfter(old: number, args: EditMessageArgs): number {
  const flags = args.flags === undefined ? old : (old & ~EDIT_FLAGS) | (args.flags & EDIT_FLAGS);
  return args.as === undefined ? flags : flags & ~MessageFlags.LOADING;
}

/** The text's own mentions anew; that of a message answered to stays unless allowed_mentions says otherwise. */
function mentionsAfter(
  context: ChannelContext,
  args: EditMessageArgs,
  before: MessageRecord,
  permissions: bigint,
  content: string,
  users: Parameters<typeof resolveMentions>[4],
): Pick<MessageDoc, 'mention_ids' | 'mention_roles' | 'mention_everyone'> {
  const old = docOf(before);
  const named = new Set<Snowflake>(usersNamed(old.content));
  const repliedTo = old.mention_ids.find((id) => !named.has(id));
  const mayMention = args.as?.mentions_all === true ? ALL : permissions;
  return resolveMentions(context.host, mayMention, content, args.allowed_mentions, users, repliedTo);
}

function keptAttachments(args: EditMessageArgs, old: readonly AttachmentRecord[]): AttachmentRecord[] {
  const kept: AttachmentRecord[] = [];
  if (args.attachments === undefined) kept.push(...old);
  else {
    for (const { id, description } of args.attachments) {
      const found = old.find((attachment) => attachment.id === id);
      if (found === undefined || kept.some((attachment) => attachment.id === id)) continue;
      kept.push(description === undefined ? found : { ...found, description });
    }
  }
  kept.push(...(args.added ?? []));
  if (kept.length > ATTACHMENTS_MAX) {
    throw formError(['attachments'], 'BASE_TYPE_MAX_LENGTH', `Must be ${ATTACHMENTS_MAX} or fewer in length.`);
  }
  return kept;
}

function writeFiles(
  context: ChannelContext,
  args: EditMessageArgs,
  old: readonly AttachmentRecord[],
  now: readonly AttachmentRecord[],
): void {
  const { channel_id, message_id } = args;
  for (const { id, filename, size } of args.added ?? []) {
    context.write({ op: 'put', table: 'attachment', key: [channel_id, id], doc: { message_id, filename, size } });
  }
  const gone = old.filter(({ id }) => !now.some((attachment) => attachment.id === id)).map(({ id }) => id);
  context.host.book.dropFiles(context, channel_id, gone);
}
