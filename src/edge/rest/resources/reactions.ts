// Reactions: add, remove (own, another's, an emoji's, all), list who reacted.

import { queryCursor, queryInteger } from '../query.ts';
import type { RestCall, Route } from '../route.ts';
import { forward, param } from './channel-request.ts';
import { emojiOf } from './emoji-path.ts';

const REACTIONS = '/channels/:channel_id/messages/:message_id/reactions';
const EMOJI = `${REACTIONS}/:emoji`;
const PAGE_DEFAULT = 25;
const PAGE_MAX = 100;

function emoji(call: RestCall) {
  return { emoji: emojiOf(param(call, 'emoji')) };
}

export const reactionRoutes: readonly Route[] = [
  {
    method: 'PUT',
    path: `${EMOJI}/@me`,
    auth: 'required',
    body: 'none',
    handle: (call) => forward(call, 'addReaction', emoji(call)),
  },
  {
    method: 'DELETE',
    path: `${EMOJI}/@me`,
    auth: 'required',
    handle: (call) => forward(call, 'removeReaction', emoji(call)),
  },
  {
    method: 'DELETE',
    path: `${EMOJI}/:user_id`,
    auth: 'required',
    handle: (call) => forward(call, 'removeReaction', { ...emoji(call), user_id: param(call, 'user_id') }),
  },
  {
    method: 'GET',
    path: EMOJI,
    auth: 'required',
    handle: (call) => {
      const after = queryCursor(call.query, 'after');
      return forward(call, 'listReactions', {
        ...emoji(call),
        limit: queryInteger(call.query, 'limit', 1, PAGE_MAX, PAGE_DEFAULT),
        type: queryInteger(call.query, 'type', 0, 1, 0),
        ...(after === null ? {} : { after }),
      });
    },
  },
  {
    method: 'DELETE',
    path: EMOJI,
    auth: 'required',
    handle: (call) => forward(call, 'removeEmojiReactions', emoji(call)),
  },
  {
    method: 'DELETE',
    path: REACTIONS,
    auth: 'required',
    handle: (call) => forward(call, 'removeAllReactions'),
  },
];
