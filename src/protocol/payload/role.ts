// Roles on the wire.

import type { RoleRecord } from '../records.ts';

export function rolePayload(role: RoleRecord) {
  return {
    id: role.id,
    name: role.name,
    color: role.color,
    colors: role.colors,
    hoist: role.hoist,
    icon: role.icon,
    unicode_emoji: role.unicode_emoji,
    position: role.position,
    permissions: role.permissions,
    managed: role.managed,
    mentionable: role.mentionable,
    flags: role.flags,
    ...(role.tags === undefined ? {} : { tags: role.tags }),
  };
}

export type RolePayload = ReturnType<typeof rolePayload>;
