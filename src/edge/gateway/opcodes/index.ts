// The opcodes a client may send, one file each, in one table.

import type { Json } from '../../../base/json.ts';
import { GatewayOpcode } from '../../../protocol/opcodes.ts';
import type { Connection } from '../connection.ts';
import { heartbeat } from './heartbeat.ts';
import { identify } from './identify.ts';
import { presenceUpdate } from './presence-update.ts';
import { requestChannelInfo } from './request-channel-info.ts';
import { requestGuildMembers } from './request-guild-members.ts';
import { requestSoundboardSounds } from './request-soundboard-sounds.ts';
import { resume } from './resume.ts';
import { voiceStateUpdate } from './voice-state-update.ts';

export interface Opcode {
  /** Before READY it closes with NOT_AUTHENTICATED. */
  readonly needsSession: boolean;
  readonly handle: (connection: Connection, d: Json | undefined) => void;
}

export const HEARTBEAT_OPCODE = GatewayOpcode.HEARTBEAT;

export const OPCODES: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  [GatewayOpcode.HEARTBEAT, heartbeat],
  [GatewayOpcode.IDENTIFY, identify],
  [GatewayOpcode.PRESENCE_UPDATE, presenceUpdate],
  [GatewayOpcode.VOICE_STATE_UPDATE, voiceStateUpdate],
  [GatewayOpcode.RESUME, resume],
  [GatewayOpcode.REQUEST_GUILD_MEMBERS, requestGuildMembers],
  [GatewayOpcode.REQUEST_SOUNDBOARD_SOUNDS, requestSoundboardSounds],
  [GatewayOpcode.REQUEST_CHANNEL_INFO, requestChannelInfo],
]);
