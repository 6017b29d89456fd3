// Interactions: people invoke commands and touch components (POST /interactions, as Discord's own client does), applications
// answer (the callback). What follows the answer is in webhooks.ts, under the interaction's token.

import type { Snowflake } from '../../../base/snowflake.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError, integer, maybe, object, snowflake, string, unknown, validate } from '../../../protocol/form.ts';
import { MessageType } from '../../../protocol/message-types.ts';
import {
  channelPayload,
  dmChannelPayload,
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
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { callback } from './interaction-callback.ts';

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
