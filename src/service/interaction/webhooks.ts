// Channel webhooks: their rows and how they are shown. Of a webhook's token only the hash is kept, so it is shown once, when
// the webhook is made; who calls by the token knows it anyway.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Snowflake } from '../../base/snowflake.ts';
import { apiError } from '../../protocol/errors.ts';
import { userPayload } from '../../protocol/payload.ts';
import type { UserRecord, WebhookRecord } from '../../protocol/records.ts';
import type { StoreOp, StoreReader } from '../../state/store/port.ts';

/** Webhooks of one channel, as on Discord. */
export const WEBHOOKS_MAX = 15;
const TOKEN_BYTES = 51;

export function makeWebhookToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

export function webhookTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function putWebhook(webhook: WebhookRecord): StoreOp[] {
  return [
    { op: 'put', table: 'webhook', key: [webhook.id], doc: { ...webhook } },
    { op: 'put', table: 'channel_webhook', key: [webhook.channel_id, webhook.id], doc: { id: webhook.id } },
  ];
}

export function removeWebhook(webhook: Pick<WebhookRecord, 'id' | 'channel_id'>): StoreOp[] {
  return [
    { op: 'delete', table: 'webhook', key: [webhook.id] },
    { op: 'delete', table: 'channel_webhook', key: [webhook.channel_id, webhook.id] },
  ];
}

export async function getWebhook(store: Pick<StoreReader, 'get'>, id: Snowflake): Promise<WebhookRecord> {
  const webhook = await store.get<WebhookRecord>('webhook', [id]);
  if (webhook === null) throw apiError('UNKNOWN_WEBHOOK');
  return webhook;
}

/** The webhook of this id, if the token is its own. */
export async function authorizedWebhook(
  store: Pick<StoreReader, 'get'>,
  id: Snowflake,
  token: string,
): Promise<WebhookRecord> {
  const webhook = await getWebhook(store, id);
  const given = Buffer.from(webhookTokenHash(token));
  const kept = Buffer.from(webhook.token_hash);
  if (given.length !== kept.length || !timingSafeEqual(given, kept)) throw apiError('INVALID_WEBHOOK_TOKEN');
  return webhook;
}

export async function listWebhooks(store: StoreReader, channelId: Snowflake): Promise<WebhookRecord[]> {
  const rows = await store.list<{ id: Snowflake }>('channel_webhook', [channelId]);
  const found = await store.getMany<WebhookRecord>(
    'webhook',
    rows.map(({ id }) => [id]),
  );
  return found.filter((webhook) => webhook !== null);
}

export function webhookPayload(webhook: WebhookRecord, maker: UserRecord | null, token?: string) {
  return {
    id: webhook.id,
    type: webhook.type,
    guild_id: webhook.guild_id,
    channel_id: webhook.channel_id,
    ...(maker === null ? {} : { user: userPayload(maker) }),
    name: webhook.name,
    avatar: webhook.avatar,
    ...(token === undefined ? {} : { token }),
    application_id: webhook.application_id,
  };
}
