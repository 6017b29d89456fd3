// The audit log: who did what to whom, with the reason given. One row an action, written with the action itself.

import { compareSnowflakes, type Snowflake } from '../../../base/snowflake.ts';
import { userPayload } from '../../../protocol/payload.ts';
import { PERMISSIONS } from '../../../protocol/permissions.ts';
import { guildEvent } from '../events.ts';
import { readUsers } from '../load.ts';
import { put } from '../provision.ts';
import { auditReaders, type Ctx, need } from './checks.ts';

/** Action types, as Discord numbers them. */
export const AUDIT = {
  GUILD_UPDATE: 1,
  CHANNEL_CREATE: 10,
  CHANNEL_UPDATE: 11,
  CHANNEL_DELETE: 12,
  CHANNEL_OVERWRITE_CREATE: 13,
  CHANNEL_OVERWRITE_UPDATE: 14,
  CHANNEL_OVERWRITE_DELETE: 15,
  MEMBER_KICK: 20,
  MEMBER_BAN_ADD: 22,
  MEMBER_BAN_REMOVE: 23,
  MEMBER_UPDATE: 24,
  MEMBER_ROLE_UPDATE: 25,
  MEMBER_MOVE: 26,
  MEMBER_DISCONNECT: 27,
  BOT_ADD: 28,
  ROLE_CREATE: 30,
  ROLE_UPDATE: 31,
  ROLE_DELETE: 32,
  INVITE_CREATE: 40,
  INVITE_DELETE: 42,
  EMOJI_CREATE: 60,
  EMOJI_UPDATE: 61,
  EMOJI_DELETE: 62,
} as const;

export interface AuditChange {
  readonly key: string;
  readonly old_value?: unknown;
  readonly new_value?: unknown;
}

interface AuditEntry {
  readonly id: Snowflake;
  readonly user_id: Snowflake;
  readonly target_id: Snowflake | null;
  readonly action_type: number;
  readonly changes?: readonly AuditChange[];
  readonly options?: { readonly [key: string]: string };
  readonly reason?: string;
}

/** Entries read in search of the asked ones before a page is given up as it is. */
const SCAN_MAX = 5_000;
const SCAN_PAGE = 500;

/** Writes an entry and tells those who may read it. */
export function audit(
  ctx: Ctx,
  action_type: number,
  target_id: Snowflake | null,
  more: { readonly changes?: readonly AuditChange[]; readonly options?: { readonly [key: string]: string } } = {},
): void {
  const entry: AuditEntry = {
    id: ctx.ids.next(),
    user_id: ctx.requester.user_id,
    target_id,
    action_type,
    ...(more.changes === undefined || more.changes.length === 0 ? {} : { changes: more.changes }),
    ...(more.options === undefined ? {} : { options: more.options }),
    ...(ctx.reason === null ? {} : { reason: ctx.reason }),
  };
  const { guildId } = ctx.host;
  ctx.write(put('audit_log', [guildId, entry.id], entry));
  const only = auditReaders(ctx);
  if (only.length > 0)
    ctx.dispatch(guildEvent('GUILD_AUDIT_LOG_ENTRY_CREATE', { guild_id: guildId, ...entry }, { only }));
}

/** What differs between two records, of the keys in `after`. */
export function changesOf(before: object, after: object): AuditChange[] {
  const old = before as { [key: string]: unknown };
  const changes: AuditChange[] = [];
  for (const [key, value] of Object.entries(after)) {
    if (old[key] === value || JSON.stringify(old[key]) === JSON.stringify(value)) continue;
    changes.push({
      key,
      ...(old[key] == null ? {} : { old_value: old[key] }),
      ...(value === null || value === undefined ? {} : { new_value: value }),
    });
  }
  return changes;
}

export interface AuditQuery {
  readonly user_id?: Snowflake;
  readonly action_type?: number;
  readonly target_id?: Snowflake;
  readonly before?: Snowflake;
  readonly after?: Snowflake;
  readonly limit: number;
}

export const auditOperations = {
  async 'audit.list'(ctx: Ctx, query: AuditQuery) {
    need(ctx, PERMISSIONS.VIEW_AUDIT_LOG);
    const entries = await scan(ctx, query);
    const ids = new Set<Snowflake>();
    for (const entry of entries) {
      ids.add(entry.user_id);
      if (entry.target_id !== null && isUserAction(entry.action_type)) ids.add(entry.target_id);
    }
    const users = await readUsers(ctx.store, [...ids]);
    return {
      audit_log_entries: entries,
      users: users.map(userPayload),
      application_commands: [],
      auto_moderation_rules: [],
      guild_scheduled_events: [],
      integrations: [],
      threads: [],
      webhooks: [],
    };
  },
};

/** Newest first; with `after` alone the oldest above it first, as Discord answers. */
async function scan(ctx: Ctx, query: AuditQuery): Promise<AuditEntry[]> {
  const upwards = query.after !== undefined && query.before === undefined;
  const found: AuditEntry[] = [];
  let cursor = upwards ? query.after : query.before;
  for (let scanned = 0; scanned < SCAN_MAX && found.length < query.limit; scanned += SCAN_PAGE) {
    const page = await ctx.store.list<AuditEntry>('audit_log', [ctx.host.guildId], {
      limit: SCAN_PAGE,
      reverse: !upwards,
      ...(cursor === undefined ? {} : upwards ? { after: cursor } : { before: cursor }),
    });
    for (const entry of page) {
      if (found.length < query.limit && matches(entry, query)) found.push(entry);
    }
    cursor = page.at(-1)?.id;
    if (page.length < SCAN_PAGE) break;
  }
  return found;
}

function matches(entry: AuditEntry, query: AuditQuery): boolean {
  if (query.user_id !== undefined && entry.user_id !== query.user_id) return false;
  if (query.action_type !== undefined && entry.action_type !== query.action_type) return false;
  if (query.target_id !== undefined && entry.target_id !== query.target_id) return false;
  return query.after === undefined || compareSnowflakes(entry.id, query.after) > 0;
}

function isUserAction(action: number): boolean {
  return action >= AUDIT.MEMBER_KICK && action <= AUDIT.BOT_ADD;
}
