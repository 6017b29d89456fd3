// Messages: create, read, edit, delete.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { array, object, snowflake, validate } from '../../../protocol/form.ts';
import type { TopicReply } from '../../../service/request.ts';
import { queryCursor, queryInteger } from '../query.ts';
import { answer } from '../reply.ts';
import type { RestCall, Route } from '../route.ts';
import { askChannel, forward, param } from './channel-request.ts';
import { createMessageForm, editMessageForm, embedsOf } from './message-form.ts';
import { checkNamed, describeFiles, withFiles } from './uploads.ts';

const PAGE_DEFAULT = 50;
const PAGE_MAX = 100;

/** Reads the body, keeps the files, and asks the channel's owner. `as`: who speaks, for webhooks and interactions. */
export async function createMessage(
  call: RestCall,
  channelId: Snowflake,
  body: unknown,
  as?: { readonly [key: string]: unknown },
): Promise<TopicReply> {
  const input = validate(createMessageForm, body);
  const { embed: _embed, sticker_ids: _stickers, poll: _poll, attachments = [], ...rest } = input;
  const embeds = embedsOf(input);
  checkNamed(call.files, attachments);
  const files = describeFiles(call, call.files, attachments);
  return withFiles(call, channelId, files, () =>
    askChannel(call, channelId, 'createMessage', {
      ...rest,
      ...(embeds === undefined ? {} : { embeds }),
      ...(files.length === 0 ? {} : { attachments: files.map(({ record }) => record) }),
      ...(as === undefined ? {} : { as }),
    }),
  );
}

export async function editMessage(
  call: RestCall,
  channelId: Snowflake,
  messageId: Snowflake,
  body: unknown,
  as?: { readonly [key: string]: unknown },
): Promise<TopicReply> {
  const input = validate(editMessageForm, body);
  const { embed: _embed, attachments, ...rest } = input;
  const embeds = embedsOf(input);
  const files = describeFiles(call, call.files, attachments ?? []);
  const uploaded = new Set(call.files.map(({ index }) => String(index)));
  const kept = attachments?.flatMap(({ id, description }) =>
    id === undefined || uploaded.has(id) ? [] : [{ id, ...(description === undefined ? {} : { description }) }],
  );
  return withFiles(call, channelId, files, () =>
    askChannel(call, channelId, 'editMessage', {
      ...rest,
      message_id: messageId,
      ...(embeds === undefined ? {} : { embeds }),
      ...(kept === undefined ? {} : { attachments: kept }),
      ...(files.length === 0 ? {} : { added: files.map(({ record }) => record) }),
      ...(as === undefined ? {} : { as }),
    }),
  );
}

const bulkForm = object({ messages: array(snowflake()) });

export const messageRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/channels/:channel_id/messages',
    auth: 'required',
    body: 'multipart',
    handle: async (call) => answer(await createMessage(call, param(call, 'channel_id'), call.body)),
  },
  {
    method: 'GET',
    path: '/channels/:channel_id/messages',
    auth: 'required',
    handle: (call) => forward(call, 'listMessages', pageOf(call.query)),
  },
  {
    method: 'GET',
    path: '/channels/:channel_id/messages/:message_id',
    auth: 'required',
    handle: (call) => forward(call, 'getMessage'),
  },
  {
    method: 'PATCH',
    path: '/channels/:channel_id/messages/:message_id',
    auth: 'required',
    body: 'multipart',
    handle: async (call) =>
      answer(await editMessage(call, param(call, 'channel_id'), param(call, 'message_id'), call.body)),
  },
  {
    method: 'DELETE',
    path: '/channels/:channel_id/messages/:message_id',
    auth: 'required',
    handle: (call) => forward(call, 'deleteMessage'),
  },
  {
    method: 'POST',
    path: '/channels/:channel_id/messages/:message_id/crosspost',
    auth: 'required',
    body: 'none',
    handle: (call) => forward(call, 'crosspost'),
  },
  {
    method: 'POST',
    path: '/channels/:channel_id/messages/bulk-delete',
    auth: 'required',
    handle: (call) => {
      // A wrong count is an error of its own, before a long list is read.
      const list = (call.body as { messages?: unknown } | undefined)?.messages;
      if (Array.isArray(list) && (list.length < 2 || list.length > 100)) throw apiError('BULK_COUNT');
      return forward(call, 'bulkDelete', validate(bulkForm, call.body));
    },
  },
];

/** One cursor at most: `around` wins, then `before`, then `after`, as on Discord. */
function pageOf(query: URLSearchParams): { [key: string]: unknown } {
  const limit = queryInteger(query, 'limit', 1, PAGE_MAX, PAGE_DEFAULT);
  for (const cursor of ['around', 'before', 'after']) {
    const id = queryCursor(query, cursor);
    if (id !== null) return { limit, [cursor]: id };
  }
  return { limit };
}
