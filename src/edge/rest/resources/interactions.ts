// Interactions: people invoke commands and touch components (POST /interactions, as Discord's own client does), applications
// answer (the callback). What follows the answer is in webhooks.ts, under the interaction's token.

import type { Snowflake } from '../../../base/snowflake.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { apiError } from '../../../protocol/errors.ts';
import {
  array,
  formError,
  integer,
  maybe,
  object,
  snowflake,
  string,
  unknown,
  validate,
} from '../../../protocol/form.ts';
import { MessageFlags } from '../../../protocol/message-flags.ts';
import { MessageType } from '../../../protocol/message-types.ts';
import {
  channelPayload,
  dmChannelPayload,
  InteractionCallbackType as Callback,
  interactionPayload,
  InteractionType,
  memberPayload,
  userPayload,
} from '../../../protocol/payload.ts';
import { ALL, has, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { ApplicationRecord, CommandRecord, UserRecord } from '../../../protocol/records.ts';
import { CommandType, getCommand } from '../../../service/account/commands.ts';
import { docOf } from '../../../service/channel/present.ts';
import { type Interaction, Interactions } from '../../../service/interaction/book.ts';
import {
  commandData,
  commandDataForm,
  componentDataForm,
  messageView,
  modalDataForm,
} from '../../../service/interaction/invocation.ts';
import { type Place, placeOf, type Standing, standingOf } from '../../../service/interaction/standing.ts';
import { topicAddress } from '../../../service/shard/table.ts';
import type { RestContext } from '../context.ts';
import { queryBoolean } from '../query.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { edit, type MessageJson, Refused, send, tell } from './interaction-messages.ts';

const COMPONENTS_MAX = 40;
const CHOICES_MAX = 25;

const invokeForm = object({
  type: integer({ choices: [2, 3, 4, 5] }),
  application_id: snowflake(),
  channel_id: snowflake(),
  guild_id: maybe(snowflake()),
  message_id: maybe(snowflake()),
  nonce: maybe(string({ max: 25 })),
  data: unknown(),
});

interface Invoked {
  readonly application: ApplicationRecord;
  readonly place: Place;
  readonly user: UserRecord;
  readonly standing: Standing;
  readonly appStanding: Standing;
}

/** Who asks whom where: checked before anything is looked up for them. */
async function situate(call: RestCall, applicationId: Snowflake, channelId: Snowflake): Promise<Invoked> {
  const { context, requester } = call;
  const { store } = context;
  const nowMs = context.runtime.clock.nowMs();
  const place = await placeOf(store, await context.ownerOf(channelId), channelId);
  const standing = await standingOf(store, place, requester.user_id, nowMs);
  if (standing === null || !has(standing.permissions, PERMISSIONS.VIEW_CHANNEL)) throw apiError('MISSING_ACCESS');
  const application = await store.get<ApplicationRecord>('application', [applicationId]);
  if (application === null) throw apiError('UNKNOWN_APPLICATION');
  const appStanding = await standingOf(store, place, application.bot_id, nowMs);
  if (appStanding === null) throw apiError('UNKNOWN_APPLICATION');
  const user = await store.get<UserRecord>('user', [requester.user_id]);
  if (user === null) throw apiError('UNAUTHORIZED');
  return { application, place, user, standing, appStanding };
}

async function invoke(call: RestCall): Promise<RestAnswer> {
  if (call.requester.bot) throw apiError('USERS_ONLY');
  const form = validate(invokeForm, call.body);
  const at = await situate(call, form.application_id, form.channel_id);
  const { context } = call;
  const id = context.ids.next();
  const isCommand =
    form.type === InteractionType.APPLICATION_COMMAND || form.type === InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE;
  const what = isCommand
    ? await invokeCommand(call, at, form.data, form.type)
    : await touchComponent(call, at, form.data, form.type, form.message_id);
  const guildId = at.place.guild?.id ?? null;
  const interaction = await new Interactions(context.runtime).open({
    id,
    application_id: at.application.id,
    type: form.type,
    channel_id: form.channel_id,
    guild_id: guildId,
    invoker_id: at.user.id,
    nonce: form.nonce ?? null,
    answer_type: what.answerType,
    metadata: {
      id,
      type: form.type,
      user: userPayload(at.user),
      authorizing_integration_owners: guildId === null ? {} : { '0': guildId },
      ...what.metadata,
    },
    message_id: what.messageId,
    message_token: what.messageToken,
  });
  dispatch(context, interaction, at, what);
  return undefined;
}

/** What an interaction is about. */
interface Subject {
  readonly data: unknown;
  readonly answerType: number;
  readonly metadata: { readonly [key: string]: unknown };
  readonly messageId: Snowflake | null;
  readonly messageToken: string | null;
  readonly message?: unknown;
}

async function invokeCommand(call: RestCall, at: Invoked, data: unknown, type: number): Promise<Subject> {
  const { store, runtime } = call.context;
  const given = validate(object({ data: commandDataForm }), { data }).data;
  const { permissions } = at.standing;
  if (!has(permissions, PERMISSIONS.USE_APPLICATION_COMMANDS)) throw apiError('MISSING_PERMISSIONS');
  const command = await findCommand(call, at, given.id);
  if (!mayUse(command, permissions, at.place.guild === null)) throw apiError('MISSING_PERMISSIONS');
  const typing = type === InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE;
  const nowMs = runtime.clock.nowMs();
  const isSlash = command.type === CommandType.CHAT_INPUT;
  return {
    data: await commandData(store, at.place, command, given, typing, nowMs, call.origin),
    answerType: isSlash ? MessageType.CHAT_INPUT_COMMAND : MessageType.CONTEXT_MENU_COMMAND,
    metadata: { name: command.name, command_type: command.type },
    messageId: null,
    messageToken: null,
  };
}

/** The guild's own command of this id, or a global one. */
async function findCommand(call: RestCall, at: Invoked, id: Snowflake): Promise<CommandRecord> {
  const { store } = call.context;
  const guildId = at.place.guild?.id;
  if (guildId !== undefined) {
    const own = await store.get<CommandRecord>('command', [at.application.id, guildId, id]);
    if (own !== null) return own;
  }
  return getCommand(store, at.application.id, null, id);
}

function mayUse(command: CommandRecord, permissions: bigint, inDm: boolean): boolean {
  if (inDm) return command.dm_permission && command.contexts?.includes(1) !== false;
  if (command.contexts?.includes(0) === false) return false;
  if (command.default_member_permissions === null) return true;
  const needed = BigInt(command.default_member_permissions);
  // '0' is for administrators alone.
  return needed === 0n ? permissions === ALL : has(permissions, needed);
}

async function touchComponent(
  call: RestCall,
  at: Invoked,
  data: unknown,
  type: number,
  messageId: Snowflake | undefined,
): Promise<Subject> {
  const isModal = type === InteractionType.MODAL_SUBMIT;
  const given = isModal
    ? validate(object({ data: modalDataForm }), { data }).data
    : validate(object({ data: componentDataForm }), { data }).data;
  const none = { answerType: MessageType.DEFAULT, metadata: {}, messageToken: null };
  if (messageId === undefined) {
    if (!isModal) throw formError(['message_id'], 'BASE_TYPE_REQUIRED', 'This field is required');
    return { ...none, data: given, messageId: null };
  }
  const { store, runtime } = call.context;
  const kept = await new Interactions(runtime).findEphemeral(call.requester.user_id, messageId);
  const metadata = { interacted_message_id: messageId };
  if (kept !== null && kept.application_id === at.application.id) {
    if (!isModal) checkComponent(kept.message['components'], given.custom_id);
    return { ...none, metadata, data: given, messageId, messageToken: kept.token, message: kept.message };
  }
  const record = await store.message(at.place.channel.id, messageId);
  if (record === null || record.author_id !== at.application.id) throw apiError('UNKNOWN_MESSAGE');
  if (!isModal) checkComponent(docOf(record).components, given.custom_id);
  const message = await messageView(store, at.place, messageId, call.origin);
  return { ...none, metadata, data: given, messageId, message };
}

/** Only what the message shows can be touched. */
function checkComponent(components: unknown, customId: string): void {
  if (!holds(components, customId)) {
    throw formError(['data', 'custom_id'], 'COMPONENT_VALIDATION_FAILED', 'Component validation failed');
  }
}

function holds(components: unknown, customId: string): boolean {
  if (typeof components !== 'object' || components === null) return false;
  if (Array.isArray(components)) return components.some((one) => holds(one, customId));
  const one = components as { [key: string]: unknown };
  if (one['custom_id'] === customId && one['disabled'] !== true) return true;
  return holds(one['components'], customId) || holds(one['accessory'], customId);
}

/** To the application's sessions: in guilds through the guild, so that only the shard that has it hears. */
function dispatch(context: RestContext, interaction: Interaction, at: Invoked, what: Subject): void {
  const { place, user, standing, appStanding, application } = at;
  const { guild, channel } = place;
  const payload = interactionPayload({
    id: interaction.id,
    application_id: interaction.application_id,
    type: interaction.type,
    token: interaction.token,
    data: what.data,
    channel_id: channel.id,
    channel: guild === null ? dmChannelPayload(channel, [user]) : channelWithPermissions(at),
    ...(guild === null || standing.member === undefined
      ? { user: userPayload(user) }
      : { guild_id: guild.id, member: memberPayload(standing.member, user) }),
    permissions: String(standing.permissions),
    ...(what.message === undefined ? {} : { message: what.message }),
    app_permissions: String(appStanding.permissions),
    invoker_id: user.id,
  });
  const { runtime } = context;
  const bytes = encodeDispatch('INTERACTION_CREATE', payload);
  const topic = guild === null ? `user:${application.bot_id}` : `guild:${guild.id}`;
  const event = guild === null ? { intents: 0 } : { intents: 0, only: [application.bot_id] };
  runtime.cast(topicAddress(runtime, topic), { k: 'emit', event, bytes });
}

function channelWithPermissions({ place, standing }: Invoked) {
  return { ...channelPayload(place.channel), permissions: String(standing.permissions) };
}

// ---- the answer

const callbackForm = object({ type: integer({ choices: [1, 4, 5, 6, 7, 8, 9] }), data: maybe(unknown()) });

const autocompleteForm = object({
  choices: array(object({ name: string({ min: 1, max: 100 }), value: unknown() }), { max: CHOICES_MAX }),
});

const modalForm = object({
  custom_id: string({ min: 1, max: 100 }),
  title: string({ min: 1, max: 45 }),
  components: array(unknown(), { min: 1, max: COMPONENTS_MAX }),
});

/** Which answers a kind of interaction can get. */
const ANSWERS: Readonly<Record<number, readonly number[]>> = {
  [InteractionType.APPLICATION_COMMAND]: [4, 5, 9],
  [InteractionType.MESSAGE_COMPONENT]: [4, 5, 6, 7, 9],
  [InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE]: [8],
  [InteractionType.MODAL_SUBMIT]: [4, 5, 6, 7],
};

interface Answered {
  readonly message?: MessageJson;
  readonly original: Snowflake | null;
}

async function callback(call: RestCall): Promise<RestAnswer> {
  const { interaction_id = '', token = '' } = call.params;
  const { type, data } = validate(callbackForm, call.body);
  const book = new Interactions(call.context.runtime);
  const interaction = await book.find(token);
  if (interaction === null || interaction.id !== interaction_id) throw apiError('UNKNOWN_INTERACTION');
  const possible = ANSWERS[interaction.type] ?? [];
  const updates = type === Callback.DEFERRED_UPDATE_MESSAGE || type === Callback.UPDATE_MESSAGE;
  if (!possible.includes(type) || (updates && interaction.message_id === null)) {
    throw formError(['type'], 'BASE_TYPE_CHOICES', `Value must be one of {${possible.join(', ')}}.`);
  }
  const verdict = await book.acknowledge(interaction_id, token);
  if (verdict === 'unknown') throw apiError('UNKNOWN_INTERACTION');
  if (verdict === 'acknowledged') throw apiError('ALREADY_ACKNOWLEDGED');
  let answered: Answered;
  try {
    answered = await perform(call, interaction, type, data);
  } catch (error) {
    // Refused: the application may still answer otherwise.
    await book.retract(token);
    if (error instanceof Refused) return answer(error.reply);
    throw error;
  }
  if (answered.original !== null) await book.setOriginal(token, answered.original);
  if (type !== Callback.AUTOCOMPLETE_RESULT && type !== Callback.MODAL) {
    tell(call.context, interaction, 'INTERACTION_SUCCESS', { id: interaction.id, nonce: interaction.nonce });
  }
  if (!queryBoolean(call.query, 'with_response')) return undefined;
  return { json: responseOf(interaction, type, answered) };
}

async function perform(call: RestCall, interaction: Interaction, type: number, data: unknown): Promise<Answered> {
  switch (type) {
    case Callback.CHANNEL_MESSAGE_WITH_SOURCE: {
      const message = await send(call, interaction, data, { first: true });
      return { message, original: message.id };
    }
    case Callback.DEFERRED_CHANNEL_MESSAGE_WITH_SOURCE: {
      const message = await send(call, interaction, data, { first: true, loading: true });
      return { message, original: message.id };
    }
    case Callback.DEFERRED_UPDATE_MESSAGE:
      return { original: interaction.message_id };
    case Callback.UPDATE_MESSAGE: {
      const message = await edit(call, interaction, interaction.message_id ?? '', data);
      return { message, original: message.id };
    }
    case Callback.AUTOCOMPLETE_RESULT: {
      const { choices } = validate(object({ data: autocompleteForm }), { data }).data;
      tell(call.context, interaction, 'APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE', {
        choices,
        nonce: interaction.nonce,
      });
      return { original: null };
    }
    default: {
      const modal = validate(object({ data: modalForm }), { data }).data;
      tell(call.context, interaction, 'INTERACTION_MODAL_CREATE', {
        id: interaction.id,
        nonce: interaction.nonce,
        channel_id: interaction.channel_id,
        application: { id: interaction.application_id },
        ...modal,
      });
      return { original: null };
    }
  }
}

function responseOf(interaction: Interaction, type: number, { message }: Answered) {
  const flags = (message?.['flags'] as number | undefined) ?? 0;
  return {
    interaction: {
      id: interaction.id,
      type: interaction.type,
      ...(message === undefined
        ? {}
        : {
            response_message_id: message.id,
            response_message_loading: (flags & MessageFlags.LOADING) !== 0,
            response_message_ephemeral: (flags & MessageFlags.EPHEMERAL) !== 0,
          }),
    },
    resource: { type, ...(message === undefined ? {} : { message }) },
  };
}

export const interactionRoutes: readonly Route[] = [
  { method: 'POST', path: '/interactions', auth: 'required', body: 'multipart', handle: invoke },
  {
    method: 'POST',
    path: '/interactions/:interaction_id/:token/callback',
    auth: 'none',
    globalExempt: true,
    body: 'multipart',
    handle: callback,
  },
];
