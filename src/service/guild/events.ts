// Dispatches of a guild, with the intents that admit them.

import type { Snowflake } from '../../base/snowflake.ts';
import { type EventName, eventIntents } from '../../protocol/intents.ts';
import { memberEventPayload } from '../../protocol/payload.ts';
import type { DispatchSpec } from '../request.ts';
import type { EventAddress } from '../topic.ts';
import type { GuildState } from './state.ts';

export function guildEvent(t: EventName, d: unknown, address: Partial<EventAddress> = {}): DispatchSpec {
  return { intents: eventIntents(t, true), ...address, t, d };
}

/** GUILD_MEMBER_UPDATE: to those with the intent, and always to the member itself. */
export function memberUpdateEvent(state: GuildState, userId: Snowflake): DispatchSpec {
  const member = state.members.get(userId);
  const user = state.users.get(userId);
  if (member === undefined || user === undefined) throw new Error(`no member ${userId} in ${state.topic}`);
  return guildEvent('GUILD_MEMBER_UPDATE', memberEventPayload(member, user), { always: [userId] });
}
