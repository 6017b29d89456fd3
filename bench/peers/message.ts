// The dispatch every subject sends: a MESSAGE_CREATE around a text of 200 bytes, about 1 KB as Discord's payloads are.

import { encodeDispatch } from '../../src/protocol/dispatch.ts';

const TEXT_BYTES = 200;

const author = {
  id: '1300000000000000001',
  username: 'bench_author',
  discriminator: '0',
  global_name: 'Bench Author',
  avatar: null,
  bot: false,
  public_flags: 0,
  flags: 0,
  banner: null,
  accent_color: null,
};

export const message = {
  id: '1300000000000000002',
  channel_id: '1300000000000000003',
  guild_id: '1300000000000000004',
  author,
  member: {
    roles: [],
    nick: null,
    avatar: null,
    joined_at: '2026-01-01T00:00:00.000000+00:00',
    premium_since: null,
    deaf: false,
    mute: false,
    flags: 0,
    pending: false,
    communication_disabled_until: null,
  },
  content: 'x'.repeat(TEXT_BYTES),
  timestamp: '2026-01-01T00:00:00.000000+00:00',
  edited_timestamp: null,
  tts: false,
  mention_everyone: false,
  mentions: [],
  mention_roles: [],
  attachments: [],
  embeds: [],
  reactions: [],
  pinned: false,
  type: 0,
  flags: 0,
  components: [],
};

export const frame = encodeDispatch('MESSAGE_CREATE', message);
