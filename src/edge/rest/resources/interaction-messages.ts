// The messages of an interaction: its answer, what follows it, edits. Public ones go to the channel's owner like any message;
// ephemeral ones are told to the invoker alone and kept with the interaction.

import type { Snowflake } from '../../../base/snowflake.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { type ApiError, apiError, ERRORS } from '../../../protocol/errors.ts';
import { formError, validate } from '../../../protocol/form.ts';
import { CREATE_FLAGS, MessageFlags } from '../../../protocol/message-flags.ts';
import { attachmentPayload, deletedUser, messageDeletePayload, messagePayload } from '../../../protocol/payload.ts';
import type { UserRecord } from '../../../protocol/records.ts';
import { isoTimestamp } from '../../../protocol/timestamp.ts';
import type { SpeaksAs } from '../../../service/channel/args.ts';
import { docOf } from '../../../service/channel/present.ts';
import { type EphemeralMessage, type Interaction, Interactions } from '../../../service/interaction/book.ts';
import { messageView } from '../../../service/interaction/invocation.ts';
import { placeOf } from '../../../service/interaction/standing.ts';
import type { TopicReply } from '../../../service/request.ts';
import { topicAddress } from '../../../service/shard/table.ts';
import type { StoreOp } from '../../../state/store/port.ts';
import type { RestContext } from '../context.ts';
import type { RestCall } from '../route.ts';
import { askChannel } from './channel-request.ts';
import { createMessageForm, editMessageForm, embedsOf } from './message-form.ts';
import { createMessage, editMessage } from './messages.ts';
import { describeFiles, withFiles } from './uploads.ts';

export type MessageJson = { readonly id: Snowflake; readonly [key: string]: unknown };

/** The request, made by the application's bot: these routes carry no authority but the interaction's token. */
export function asBot(call: RestCall, interaction: Interaction): RestCall {
  const { application_id } = interaction;
  return { ...call, requester: { user_id: application_id, bot: true, application_id } };
}

function speaksAs(interaction: Interaction, extra: Partial<SpeaksAs>): { readonly [key: string]: unknown } {
  const { application_id } = interaction;
  return { webhook_id: application_id, application_id, interaction_metadata: interaction.metadata, ...extra };
}

/** A topic's refusal, to be answered as it is. */
export class Refused extends Error {
  override name = 'Refused';
  readonly reply: TopicReply;
  constructor(reply: TopicReply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

export function messageOf(reply: TopicReply): MessageJson {
  if (reply.status >= 400 || reply.bytes === undefined) throw new Refused(reply);
  return JSON.parse(new TextDecoder().decode(reply.bytes)) as MessageJson;
}

/** `first`: the answer itself, which shows the command it answers; otherwise a message that follows it. */
export async function send(
  call: RestCall,
  interaction: Interaction,
  body: unknown,
  options: { readonly first: boolean; readonly loading?: boolean },
): Promise<MessageJson> {
  const { flags = 0 } = validate(createMessageForm, body ?? {});
  if ((flags & MessageFlags.EPHEMERAL) !== 0) return sendEphemeral(call, interaction, body, options.loading === true);
  const as = speaksAs(interaction, {
    ...(options.first ? { type: interaction.answer_type } : {}),
    ...(options.loading === true ? { loading: true } : {}),
  });
  return messageOf(await createMessage(asBot(call, interaction), interaction.channel_id, body ?? {}, as));
}

async function sendEphemeral(
  call: RestCall,
  interaction: Interaction,
  body: unknown,
  loading: boolean,
): Promise<MessageJson> {
  const { context } = call;
  const input = validate(createMessageForm, body ?? {});
  const embeds = embedsOf(input) ?? [];
  const id = context.ids.next();
  const { files, records } = filesOf(call, input.attachments ?? []);
  const content = input.content ?? '';
  if (!loading && content.trim() === '' && embeds.length + files.length + (input.components?.length ?? 0) === 0) {
    throw apiError('EMPTY_MESSAGE');
  }
  await keepFiles(call, interaction.channel_id, id, files);
  const bot = await context.store.get<UserRecord>('user', [interaction.application_id]);
  const message = messagePayload({
    id,
    channel_id: interaction.channel_id,
    author: bot ?? deletedUser(interaction.application_id),
    doc: {
      type: interaction.answer_type,
      content,
      flags: ((input.flags ?? 0) & CREATE_FLAGS) | MessageFlags.EPHEMERAL | (loading ? MessageFlags.LOADING : 0),
      tts: input.tts ?? false,
      pinned: false,
      edited_timestamp: null,
      mention_everyone: false,
      mention_ids: [],
      mention_roles: [],
      attachments: [],
      embeds,
      components: input.components ?? [],
      webhook_id: interaction.application_id,
      application_id: interaction.application_id,
      interaction_metadata: interaction.metadata,
    },
    mentions: [],
    attachments: records.map((record) => attachmentPayload(record, interaction.channel_id, call.origin)),
  });
  await new Interactions(context.runtime).putEphemeral(interaction.token, message);
  tell(context, interaction, 'MESSAGE_CREATE', { ...message, ...guildOf(interaction) });
  return message;
}

function filesOf(call: RestCall, inputs: Parameters<typeof describeFiles>[2]) {
  const files = describeFiles(call, call.files, inputs);
  return { files, records: files.map(({ record }) => record) };
}

async function keepFiles(
  call: RestCall,
  channelId: Snowflake,
  messageId: Snowflake,
  files: ReturnType<typeof describeFiles>,
): Promise<void> {
  if (files.length === 0) return;
  const ops = files.map(({ record: { id, filename, size } }): StoreOp => {
    return { op: 'put', table: 'attachment', key: [channelId, id], doc: { message_id: messageId, filename, size } };
  });
  await withFiles(call, channelId, files, async () => {
    await call.context.commit(ops);
    return { status: 200 };
  });
}

function guildOf(interaction: Interaction): { guild_id?: Snowflake } {
  return interaction.guild_id === null ? {} : { guild_id: interaction.guild_id };
}

/** An event for the invoker's own sessions. */
export function tell(context: RestContext, interaction: Interaction, event: string, d: unknown): void {
  const { runtime } = context;
  const address = topicAddress(runtime, `user:${interaction.invoker_id}`);
  runtime.cast(address, { k: 'emit', event: { intents: 0 }, bytes: encodeDispatch(event, d) });
}

/** '@original' or an id. Throws UNKNOWN_MESSAGE while there is no answer. */
export function messageIdOf(interaction: Interaction, named: string): Snowflake {
  if (named !== '@original') {
    if (!/^[1-9]\d{0,19}$/.test(named)) {
      throw formError(['message_id'], 'NUMBER_TYPE_COERCE', `Value "${named.slice(0, 64)}" is not snowflake.`);
    }
    return named;
  }
  if (interaction.original_id === null) throw apiError('UNKNOWN_MESSAGE');
  return interaction.original_id;
}

/** Where an ephemeral message is kept: with this interaction, or with the one whose message its component is on. */
async function ephemeralOf(
  context: RestContext,
  interaction: Interaction,
  messageId: Snowflake,
): Promise<{ readonly token: string; readonly message: EphemeralMessage } | null> {
  const own = interaction.ephemerals.find(({ id }) => id === messageId);
  if (own !== undefined) return { token: interaction.token, message: own };
  if (interaction.message_token === null || interaction.message_id !== messageId) return null;
  const holder = await new Interactions(context.runtime).find(interaction.message_token);
  const message = holder?.ephemerals.find(({ id }) => id === messageId);
  return message === undefined ? null : { token: interaction.message_token, message };
}

/** How the application reaches a message of the channel: as the interaction's webhook, or as the bot that wrote it itself. */
async function authorOf(
  context: RestContext,
  interaction: Interaction,
  messageId: Snowflake,
): Promise<{ readonly [key: string]: unknown } | undefined> {
  const record = await context.store.message(interaction.channel_id, messageId);
  if (record !== null && docOf(record).webhook_id === interaction.application_id) return speaksAs(interaction, {});
  if (record === null || record.author_id !== interaction.application_id) throw apiError('UNKNOWN_MESSAGE');
  return undefined;
}

export async function edit(
  call: RestCall,
  interaction: Interaction,
  messageId: Snowflake,
  body: unknown,
): Promise<MessageJson> {
  const kept = await ephemeralOf(call.context, interaction, messageId);
  if (kept !== null) return editEphemeral(call, interaction, kept.token, kept.message, body);
  const as = await authorOf(call.context, interaction, messageId);
  return messageOf(await editMessage(asBot(call, interaction), interaction.channel_id, messageId, body ?? {}, as));
}

async function editEphemeral(
  call: RestCall,
  interaction: Interaction,
  token: string,
  before: EphemeralMessage,
  body: unknown,
): Promise<MessageJson> {
  const { context } = call;
  const input = validate(editMessageForm, body ?? {});
  const embeds = embedsOf(input);
  const { files, records } = filesOf(call, input.attachments ?? []);
  await keepFiles(call, interaction.channel_id, before.id, files);
  const old = before['attachments'] as { readonly id: string }[];
  const stays =
    input.attachments === undefined ? old : old.filter(({ id }) => input.attachments?.some((a) => a.id === id));
  const message: EphemeralMessage = {
    ...before,
    ...(input.content === undefined ? {} : { content: input.content }),
    ...(embeds === undefined ? {} : { embeds }),
    ...(input.components === undefined ? {} : { components: input.components }),
    attachments: [...stays, ...records.map((record) => attachmentPayload(record, interaction.channel_id, call.origin))],
    flags: (before['flags'] as number) & ~MessageFlags.LOADING,
    edited_timestamp: isoTimestamp(context.runtime.clock.nowMs()),
  };
  await new Interactions(context.runtime).putEphemeral(token, message);
  tell(context, interaction, 'MESSAGE_UPDATE', { ...message, ...guildOf(interaction) });
  return message;
}

export async function read(call: RestCall, interaction: Interaction, messageId: Snowflake): Promise<unknown> {
  const { context } = call;
  const kept = await ephemeralOf(context, interaction, messageId);
  if (kept !== null) return kept.message;
  await authorOf(context, interaction, messageId);
  const { channel_id } = interaction;
  const place = await placeOf(context.store, await context.ownerOf(channel_id), channel_id);
  return messageView(context.store, place, messageId, call.origin);
}

export async function remove(call: RestCall, interaction: Interaction, messageId: Snowflake): Promise<void> {
  const { context } = call;
  const kept = await ephemeralOf(context, interaction, messageId);
  if (kept !== null) {
    await new Interactions(context.runtime).removeEphemeral(kept.token, messageId);
    tell(
      context,
      interaction,
      'MESSAGE_DELETE',
      messageDeletePayload(messageId, interaction.channel_id, interaction.guild_id),
    );
  } else {
    const as = await authorOf(context, interaction, messageId);
    const args = { message_id: messageId, ...(as === undefined ? {} : { as }) };
    const reply = await askChannel(asBot(call, interaction), interaction.channel_id, 'deleteMessage', args);
    if (reply.status >= 400) throw new Refused(reply);
  }
  if (interaction.original_id === messageId) {
    await new Interactions(context.runtime).setOriginal(interaction.token, null);
  }
}

/** The interaction of a token. Its path must name its application. Throws what Discord answers for a token that has ended. */
export async function interactionOf(call: RestCall, applicationId: string, token: string): Promise<Interaction> {
  const found = await new Interactions(call.context.runtime).find(token);
  if (found === null || found.application_id !== applicationId) throw invalidToken();
  return found;
}

function invalidToken(): ApiError {
  return apiError('INVALID_WEBHOOK_TOKEN', { text: ERRORS.INVALID_WEBHOOK_TOKEN.text });
}
