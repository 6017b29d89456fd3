// Applications and their commands on the wire.

import type { ApplicationRecord, CommandRecord, UserRecord } from '../records.ts';
import { userPayload } from './user.ts';

/** Flags that say which privileged intents the application was given. */
const PRIVILEGED_FLAGS = { presences: 1 << 12, members: 1 << 14, content: 1 << 18 } as const;

export function applicationFlags(application: ApplicationRecord): number {
  let flags = 0;
  for (const name of application.privileged) flags |= PRIVILEGED_FLAGS[name] ?? 0;
  return flags;
}

export interface ApplicationParts {
  readonly owner: UserRecord;
  readonly bot: UserRecord;
  readonly guild_count: number;
}

export function applicationPayload(application: ApplicationRecord, parts: ApplicationParts) {
  return {
    id: application.id,
    name: application.name,
    icon: parts.bot.avatar,
    description: application.description,
    summary: '',
    cover_image: null,
    bot_public: true,
    bot_require_code_grant: false,
    bot: userPayload(parts.bot),
    owner: userPayload(parts.owner),
    team: null,
    verify_key: application.verify_key,
    flags: applicationFlags(application),
    approximate_guild_count: parts.guild_count,
    approximate_user_install_count: 0,
    approximate_user_authorization_count: 0,
    hook: true,
    tags: [] as string[],
    redirect_uris: [] as string[],
    rpc_origins: [] as string[],
    interactions_endpoint_url: null,
    role_connections_verification_url: null,
    event_webhooks_url: null,
    event_webhooks_status: 1,
    event_webhooks_types: [] as string[],
    terms_of_service_url: null,
    privacy_policy_url: null,
    custom_install_url: null,
    integration_types_config: { '0': {} },
  };
}

export function commandPayload(command: CommandRecord) {
  return {
    id: command.id,
    application_id: command.application_id,
    ...(command.guild_id === undefined ? {} : { guild_id: command.guild_id }),
    version: command.version,
    type: command.type,
    name: command.name,
    name_localizations: command.name_localizations,
    description: command.description,
    description_localizations: command.description_localizations,
    options: command.options,
    default_member_permissions: command.default_member_permissions,
    dm_permission: command.dm_permission,
    default_permission: true,
    nsfw: command.nsfw,
    integration_types: command.integration_types,
    contexts: command.contexts,
  };
}
