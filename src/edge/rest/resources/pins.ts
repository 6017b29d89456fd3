// Pins, by the old routes and the new ones: libraries use either.

import { formError } from '../../../protocol/form.ts';
import { parseTimestamp } from '../../../protocol/timestamp.ts';
import { queryInteger } from '../query.ts';
import type { RestCall, Route } from '../route.ts';
import { forward } from './channel-request.ts';

const PAGE_DEFAULT = 50;
const PAGE_MAX = 50;

const pin = (call: RestCall) => forward(call, 'pinMessage');
const unpin = (call: RestCall) => forward(call, 'unpinMessage');

export const pinRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/channels/:channel_id/messages/pins',
    auth: 'required',
    handle: (call) => {
      const before = call.query.get('before');
      if (before !== null && before !== '' && parseTimestamp(spaceToPlus(before)) === null) {
        throw formError(
          ['before'],
          'DATE_TIME_TYPE_PARSE',
          `Could not parse "${before.slice(0, 64)}". Should be ISO8601.`,
        );
      }
      return forward(call, 'listPins', {
        limit: queryInteger(call.query, 'limit', 1, PAGE_MAX, PAGE_DEFAULT),
        ...(before === null || before === '' ? {} : { before: spaceToPlus(before) }),
      });
    },
  },
  {
    method: 'GET',
    path: '/channels/:channel_id/pins',
    auth: 'required',
    handle: (call) => forward(call, 'listAllPins'),
  },
  {
    method: 'PUT',
    path: '/channels/:channel_id/messages/pins/:message_id',
    auth: 'required',
    body: 'none',
    handle: pin,
  },
  { method: 'PUT', path: '/channels/:channel_id/pins/:message_id', auth: 'required', body: 'none', handle: pin },
  { method: 'DELETE', path: '/channels/:channel_id/messages/pins/:message_id', auth: 'required', handle: unpin },
  { method: 'DELETE', path: '/channels/:channel_id/pins/:message_id', auth: 'required', handle: unpin },
];

/** A plus sign that a client did not encode arrives as a space: '…00:00 00:00' is '…00:00+00:00'. */
function spaceToPlus(text: string): string {
  return text.replace(/ (\d{2}:?\d{2})$/, '+$1');
}
