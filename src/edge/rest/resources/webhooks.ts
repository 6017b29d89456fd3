// Webhooks of channels, and the paths below /webhooks/{id}/{token}, which belong to a webhook or, under an interaction's
// token, to an application that has answered it.

import type { Snowflake } from '../../../base/snowflake.ts';
import { encodeDispatch } from '../../../protocol/dispatch.ts';
import { apiError } from '../../../protocol/errors.ts';
import {
  formError,
  imageData,
  maybe,
  nullable,
  object,
  optional,
  snowflake,
  string,
  validate,
} from '../../../protocol/form.ts';
import { eventIntents } from '../../../protocol/intents.ts';
import { isTextBased } from '../../../protocol/channel-types.ts';
import { has, PERMISSIONS } from '../../../protocol/permissions.ts';
import type { ChannelRecord, UserRecord, WebhookRecord } from '../../../protocol/records.ts';
import { AVATARS, saveImage } from '../../../service/account/images.ts';
import { docOf } from '../../../service/channel/present.ts';
import { isInteractionToken } from '../../../service/interaction/book.ts';
import { messageView } from '../../../service/interaction/invocation.ts';
import { type Place, placeOf, standingOf } from '../../../service/interaction/standing.ts';
import {
  authorizedWebhook,
  getWebhook,
  listWebhooks,
  makeWebhookToken,
  putWebhook,
  removeWebhook,
  webhookPayload,
  WEBHOOKS_MAX,
  webhookTokenHash,
} from '../../../service/interaction/webhooks.ts';
import { topicAddress } from '../../../service/shard/table.ts';
import type { RestContext } from '../context.ts';
import { queryBoolean } from '../query.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall, Route } from '../route.ts';
import { askChannel, param } from './channel-request.ts';
import { edit, interactionOf, messageIdOf, read, Refused, remove, send } from './interaction-messages.ts';
import { createMessage, editMessage } from './messages.ts';

/** Names that would be taken for the system's. */
const name = string({ min: 1, max: 80, trim: true });
const avatar = optional(nullable(imageData()));

// ---- managing

/** The channel, where the requester may manage webhooks. */
async function managed(call: RestCall, channelId: Snowflake): Promise<Place> {
  const { context, requester } = call;
  const place = await placeOf(context.store, await context.ownerOf(channelId), channelId);
  if (place.guild === null) throw apiError('WRONG_CHANNEL_TYPE');
  const standing = await standingOf(context.store, place, requester.user_id, context.runtime.clock.nowMs());
  if (standing === null || !has(standing.permissions, PERMISSIONS.VIEW_CHANNEL)) throw apiError('MISSING_ACCESS');
  if (!has(standing.permissions, PERMISSIONS.MANAGE_WEBHOOKS)) throw apiError('MISSING_PERMISSIONS');
  return place;
}

async function present(context: RestContext, webhook: WebhookRecord, token?: string) {
  const maker = await context.store.get<UserRecord>('user', [webhook.user_id]);
  return webhookPayload(webhook, maker, token);
}

function announce(context: RestContext, webhook: WebhookRecord, channelId = webhook.channel_id): void {
  const { guild_id } = webhook;
  if (guild_id === null) return;
  const { runtime } = context;
  const event = { intents: eventIntents('WEBHOOKS_UPDATE', true), channel: channelId };
  const bytes = encodeDispatch('WEBHOOKS_UPDATE', { guild_id, channel_id: channelId });
  runtime.cast(topicAddress(runtime, `guild:${guild_id}`), { k: 'emit', event, bytes });
}

async function create(call: RestCall): Promise<RestAnswer> {
  const form = validate(object({ name, avatar }), call.body);
  const channelId = param(call, 'channel_id');
  const place = await managed(call, channelId);
  if (!isTextBased(place.channel.type)) throw apiError('WRONG_CHANNEL_TYPE');
  const { context, requester } = call;
  if ((await context.store.count('channel_webhook', [channelId])) >= WEBHOOKS_MAX) throw apiError('MAX_WEBHOOKS');
  const id = context.ids.next();
  const token = makeWebhookToken();
  const webhook: WebhookRecord = {
    id,
    type: 1,
    guild_id: place.guild?.id ?? null,
    channel_id: channelId,
    user_id: requester.user_id,
    name: form.name,
    avatar: form.avatar ? await saveImage(context.dataDir, AVATARS, id, form.avatar) : null,
    token_hash: webhookTokenHash(token),
    application_id: requester.application_id,
  };
  await context.commit(putWebhook(webhook));
  announce(context, webhook);
  return { json: await present(context, webhook, token) };
}

async function listOfChannel(call: RestCall): Promise<RestAnswer> {
  const channelId = param(call, 'channel_id');
  await managed(call, channelId);
  const webhooks = await listWebhooks(call.context.store, channelId);
  return { json: await Promise.all(webhooks.map((webhook) => present(call.context, webhook))) };
}

async function listOfGuild(call: RestCall): Promise<RestAnswer> {
  const { context, requester } = call;
  const { store } = context;
  const channels = await store.list<ChannelRecord>('channel', [param(call, 'guild_id')]);
  const first = channels[0];
  if (first === undefined) throw apiError('UNKNOWN_GUILD');
  // The permission in the guild itself: that in a channel without overwrites.
  const place = await placeOf(store, await context.ownerOf(first.id), first.id);
  const bare = { ...place, channel: { ...first, type: 0, permission_overwrites: [] } };
  const standing = await standingOf(store, bare, requester.user_id, context.runtime.clock.nowMs());
  if (standing === null) throw apiError('UNKNOWN_GUILD');
  if (!has(standing.permissions, PERMISSIONS.MANAGE_WEBHOOKS)) throw apiError('MISSING_PERMISSIONS');
  const out: unknown[] = [];
  for (const { id } of channels) {
    for (const webhook of await listWebhooks(store, id)) out.push(await present(context, webhook));
  }
  return { json: out };
}

async function get(call: RestCall): Promise<RestAnswer> {
  const webhook = await getWebhook(call.context.store, param(call, 'webhook_id'));
  await managed(call, webhook.channel_id);
  return { json: await present(call.context, webhook) };
}

const changeForm = object({ name: maybe(name), avatar, channel_id: maybe(snowflake()) });

async function patch(call: RestCall): Promise<RestAnswer> {
  const form = validate(changeForm, call.body);
  const webhook = await getWebhook(call.context.store, param(call, 'webhook_id'));
  const place = await managed(call, webhook.channel_id);
  if (form.channel_id !== undefined && form.channel_id !== webhook.channel_id) {
    const target = await managed(call, form.channel_id);
    if (target.guild?.id !== place.guild?.id) throw apiError('UNKNOWN_CHANNEL');
  }
  return { json: await present(call.context, await change(call, webhook, form)) };
}

async function change(
  call: RestCall,
  webhook: WebhookRecord,
  form: {
    readonly name?: string;
    readonly avatar?: Parameters<typeof saveImage>[3] | null;
    readonly channel_id?: Snowflake;
  },
): Promise<WebhookRecord> {
  const { context } = call;
  const next: WebhookRecord = { ...webhook };
  if (form.name !== undefined) next.name = form.name;
  if (form.channel_id !== undefined) next.channel_id = form.channel_id;
  if (form.avatar !== undefined) {
    next.avatar = form.avatar === null ? null : await saveImage(context.dataDir, AVATARS, webhook.id, form.avatar);
  }
  await context.commit([...removeWebhook(webhook), ...putWebhook(next)]);
  if (next.channel_id !== webhook.channel_id) announce(context, webhook);
  announce(context, next);
  return next;
}

async function removeByManager(call: RestCall): Promise<RestAnswer> {
  const webhook = await getWebhook(call.context.store, param(call, 'webhook_id'));
  await managed(call, webhook.channel_id);
  return drop(call, webhook);
}

async function drop(call: RestCall, webhook: WebhookRecord): Promise<RestAnswer> {
  await call.context.commit(removeWebhook(webhook));
  announce(call.context, webhook);
  return undefined;
}

// ---- by token

function byToken(call: RestCall): Promise<WebhookRecord> {
  return authorizedWebhook(call.context.store, param(call, 'webhook_id'), param(call, 'token'));
}

/** The request, made by the webhook: it is nobody's account. */
function asWebhook(call: RestCall, webhook: WebhookRecord): RestCall {
  return { ...call, requester: { user_id: webhook.id, bot: true, application_id: null } };
}

async function getByToken(call: RestCall): Promise<RestAnswer> {
  const webhook = await byToken(call);
  return { json: webhookPayload(webhook, null, param(call, 'token')) };
}

async function patchByToken(call: RestCall): Promise<RestAnswer> {
  const form = validate(object({ name: maybe(name), avatar }), call.body);
  const webhook = await change(call, await byToken(call), form);
  return { json: webhookPayload(webhook, null, param(call, 'token')) };
}

async function removeByToken(call: RestCall): Promise<RestAnswer> {
  return drop(call, await byToken(call));
}

const executeForm = object({ username: maybe(name) });

async function execute(call: RestCall): Promise<RestAnswer> {
  if (isInteractionToken(param(call, 'token'))) return followUp(call);
  const webhook = await byToken(call);
  const { username } = validate(executeForm, call.body);
  const as = {
    webhook_id: webhook.id,
    author: { username: username ?? webhook.name, avatar: webhook.avatar },
    mentions_all: true,
    ...(webhook.application_id === null ? {} : { application_id: webhook.application_id }),
  };
  const reply = await createMessage(asWebhook(call, webhook), webhook.channel_id, call.body ?? {}, as);
  if (reply.status < 400 && !queryBoolean(call.query, 'wait')) return undefined;
  return answer(reply);
}

async function followUp(call: RestCall): Promise<RestAnswer> {
  const interaction = await interactionOf(call, param(call, 'webhook_id'), param(call, 'token'));
  if (!interaction.acknowledged) throw apiError('INVALID_WEBHOOK_TOKEN');
  return refusable(async () => ({ json: await send(call, interaction, call.body, { first: false }) }));
}

/** A topic's refusal goes out as it came. */
async function refusable(work: () => Promise<RestAnswer>): Promise<RestAnswer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) return answer(error.reply);
    throw error;
  }
}

async function getMessage(call: RestCall): Promise<RestAnswer> {
  const named = param(call, 'message');
  if (isInteractionToken(param(call, 'token'))) {
    const interaction = await interactionOf(call, param(call, 'webhook_id'), param(call, 'token'));
    return { json: await read(call, interaction, messageIdOf(interaction, named)) };
  }
  const webhook = await byToken(call);
  const { store } = call.context;
  const id = webhookMessageId(named);
  const record = await store.message(webhook.channel_id, id);
  if (record === null || docOf(record).webhook_id !== webhook.id) throw apiError('UNKNOWN_MESSAGE');
  const place = await placeOf(store, await call.context.ownerOf(webhook.channel_id), webhook.channel_id);
  return { json: await messageView(store, place, id, call.origin) };
}

async function patchMessage(call: RestCall): Promise<RestAnswer> {
  const named = param(call, 'message');
  if (isInteractionToken(param(call, 'token'))) {
    const interaction = await interactionOf(call, param(call, 'webhook_id'), param(call, 'token'));
    return refusable(async () => {
      return { json: await edit(call, interaction, messageIdOf(interaction, named), call.body) };
    });
  }
  const webhook = await byToken(call);
  const as = { webhook_id: webhook.id, mentions_all: true };
  const id = webhookMessageId(named);
  return answer(await editMessage(asWebhook(call, webhook), webhook.channel_id, id, call.body ?? {}, as));
}

async function removeMessage(call: RestCall): Promise<RestAnswer> {
  const named = param(call, 'message');
  if (isInteractionToken(param(call, 'token'))) {
    const interaction = await interactionOf(call, param(call, 'webhook_id'), param(call, 'token'));
    return refusable(async () => {
      await remove(call, interaction, messageIdOf(interaction, named));
      return undefined;
    });
  }
  const webhook = await byToken(call);
  const args = { message_id: webhookMessageId(named), as: { webhook_id: webhook.id } };
  return answer(await askChannel(asWebhook(call, webhook), webhook.channel_id, 'deleteMessage', args));
}

function webhookMessageId(named: string): Snowflake {
  if (/^[1-9]\d{0,19}$/.test(named)) return named;
  throw formError(['message_id'], 'NUMBER_TYPE_COERCE', `Value "${named.slice(0, 64)}" is not snowflake.`);
}

/** Counted by address and webhook: whoever has the token may speak, but not flood. */
const EXECUTE_LIMIT = { name: 'webhook-execute', requests: 30, windowMs: 5000 };
const WITH_TOKEN = '/webhooks/:webhook_id/:token';
const MESSAGE = `${WITH_TOKEN}/messages/:message`;

export const webhookRoutes: readonly Route[] = [
  { method: 'POST', path: '/channels/:channel_id/webhooks', auth: 'required', handle: create },
  { method: 'GET', path: '/channels/:channel_id/webhooks', auth: 'required', handle: listOfChannel },
  { method: 'GET', path: '/guilds/:guild_id/webhooks', auth: 'required', handle: listOfGuild },
  { method: 'GET', path: '/webhooks/:webhook_id', auth: 'required', handle: get },
  { method: 'PATCH', path: '/webhooks/:webhook_id', auth: 'required', handle: patch },
  { method: 'DELETE', path: '/webhooks/:webhook_id', auth: 'required', handle: removeByManager },
  { method: 'GET', path: WITH_TOKEN, auth: 'none', handle: getByToken },
  { method: 'PATCH', path: WITH_TOKEN, auth: 'none', handle: patchByToken },
  { method: 'DELETE', path: WITH_TOKEN, auth: 'none', handle: removeByToken },
  { method: 'POST', path: WITH_TOKEN, auth: 'none', limit: EXECUTE_LIMIT, body: 'multipart', handle: execute },
  { method: 'GET', path: MESSAGE, auth: 'none', handle: getMessage },
  { method: 'PATCH', path: MESSAGE, auth: 'none', limit: EXECUTE_LIMIT, body: 'multipart', handle: patchMessage },
  { method: 'DELETE', path: MESSAGE, auth: 'none', limit: EXECUTE_LIMIT, handle: removeMessage },
];
