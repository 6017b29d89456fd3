// Interactions on the wire: what an application hears when somebody invokes a command or touches a component.

export const InteractionType = {
  PING: 1,
  APPLICATION_COMMAND: 2,
  MESSAGE_COMPONENT: 3,
  APPLICATION_COMMAND_AUTOCOMPLETE: 4,
  MODAL_SUBMIT: 5,
} as const;

export const InteractionCallbackType = {
  PONG: 1,
  CHANNEL_MESSAGE_WITH_SOURCE: 4,
  DEFERRED_CHANNEL_MESSAGE_WITH_SOURCE: 5,
  DEFERRED_UPDATE_MESSAGE: 6,
  UPDATE_MESSAGE: 7,
  AUTOCOMPLETE_RESULT: 8,
  MODAL: 9,
} as const;

/** Bytes of a file that an answer may carry, as announced. */
const ATTACHMENT_SIZE_LIMIT = 10 * 1024 * 1024;

export interface InteractionParts {
  readonly id: string;
  readonly application_id: string;
  readonly type: number;
  readonly token: string;
  readonly data: unknown;
  readonly channel_id: string;
  readonly channel: unknown;
  /** In guilds: the whole member and the user's permissions in the channel; in private channels `user`. */
  readonly guild_id?: string;
  readonly member?: object;
  readonly permissions?: string;
  readonly user?: unknown;
  /** Component interactions: the message the component is on. */
  readonly message?: unknown;
  readonly app_permissions: string;
  readonly invoker_id: string;
  readonly locale?: string;
}

export function interactionPayload(parts: InteractionParts) {
  const locale = parts.locale ?? 'en-US';
  const inGuild = parts.guild_id !== undefined;
  return {
    id: parts.id,
    application_id: parts.application_id,
    type: parts.type,
    token: parts.token,
    version: 1,
    data: parts.data,
    channel_id: parts.channel_id,
    channel: parts.channel,
    ...(inGuild
      ? {
          guild_id: parts.guild_id,
          guild: { id: parts.guild_id, locale, features: [] as string[] },
          guild_locale: locale,
          member: { ...parts.member, permissions: parts.permissions ?? '0' },
        }
      : { user: parts.user }),
    ...(parts.message === undefined ? {} : { message: parts.message }),
    locale,
    app_permissions: parts.app_permissions,
    entitlements: [] as unknown[],
    entitlement_sku_ids: [] as unknown[],
    // Discord says '0' in private channels, which typed clients take for no id.
    authorizing_integration_owners: (inGuild ? { '0': parts.guild_id } : {}) as { [type: string]: string },
    context: inGuild ? 0 : 1,
    attachment_size_limit: ATTACHMENT_SIZE_LIMIT,
  };
}
