// Mentions: who a message's text names, and what allowed_mentions lets through. They are read anywhere in the text, also
// inside code: markdown is the client's business.
// Source: discord.com/developers/docs/resources/message#allowed-mentions-object

import { isSnowflake, type Snowflake } from '../base/snowflake.ts';

export interface TextMentions {
  readonly users: readonly Snowflake[];
  readonly roles: readonly Snowflake[];
  readonly channels: readonly Snowflake[];
  readonly everyone: boolean;
  readonly here: boolean;
}

const MENTION = /<(@[!&]?|#)(\d{1,20})>|@(everyone|here)(?![\w])/g;

/** Distinct mentions of each kind, in the order of the text. */
export function parseMentions(content: string): TextMentions {
  const users = new Set<Snowflake>();
  const roles = new Set<Snowflake>();
  const channels = new Set<Snowflake>();
  let everyone = false;
  let here = false;
  if (content.includes('<') || content.includes('@')) {
    for (const match of content.matchAll(MENTION)) {
      const id = match[2];
      if (id === undefined) {
        if (match[3] === 'everyone') everyone = true;
        else here = true;
      } else if (isSnowflake(id)) {
        if (match[1] === '@&') roles.add(id);
        else if (match[1] === '#') channels.add(id);
        else users.add(id);
      }
    }
  }
  return { users: [...users], roles: [...roles], channels: [...channels], everyone, here };
}

/** allowed_mentions as the client sent it, already validated. */
export interface AllowedMentions {
  readonly parse?: readonly string[];
  readonly users?: readonly Snowflake[];
  readonly roles?: readonly Snowflake[];
  readonly replied_user?: boolean;
}

export interface EffectiveMentions {
  readonly users: readonly Snowflake[];
  readonly roles: readonly Snowflake[];
  /** @everyone or @here may take effect (the author's permission is checked elsewhere). */
  readonly everyone: boolean;
  readonly here: boolean;
  /** The author of the message replied to is mentioned as well. */
  readonly repliedUser: boolean;
}

/**
 * What remains of the text's mentions. Without allowed_mentions everything does, and a reply mentions whom it answers;
 * with it only what it lists, and the replied user only when it says so.
 */
export function filterMentions(found: TextMentions, allowed: AllowedMentions | null | undefined): EffectiveMentions {
  if (allowed === null || allowed === undefined) {
    return { users: found.users, roles: found.roles, everyone: found.everyone, here: found.here, repliedUser: true };
  }
  const parse = new Set(allowed.parse ?? []);
  const pick = (all: readonly Snowflake[], kind: string, listed: readonly Snowflake[] | undefined) => {
    if (parse.has(kind)) return all;
    if (listed === undefined || listed.length === 0) return [];
    const set = new Set(listed);
    return all.filter((id) => set.has(id));
  };
  return {
    users: pick(found.users, 'users', allowed.users),
    roles: pick(found.roles, 'roles', allowed.roles),
    everyone: found.everyone && parse.has('everyone'),
    here: found.here && parse.has('everyone'),
    repliedUser: allowed.replied_user ?? false,
  };
}
