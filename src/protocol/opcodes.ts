// The opcodes of the gateway, v9 and v10 alike.
// Source: discord.com/developers/docs/topics/opcodes-and-status-codes#gateway

export const GatewayOpcode = {
  DISPATCH: 0,
  HEARTBEAT: 1,
  IDENTIFY: 2,
  PRESENCE_UPDATE: 3,
  VOICE_STATE_UPDATE: 4,
  RESUME: 6,
  RECONNECT: 7,
  REQUEST_GUILD_MEMBERS: 8,
  INVALID_SESSION: 9,
  HELLO: 10,
  HEARTBEAT_ACK: 11,
  REQUEST_SOUNDBOARD_SOUNDS: 31,
  REQUEST_CHANNEL_INFO: 43,
} as const;

export type GatewayOpcodeName = keyof typeof GatewayOpcode;
export type GatewayOpcode = (typeof GatewayOpcode)[GatewayOpcodeName];

/** Opcodes a client may send; any other closes with UNKNOWN_OPCODE. */
export const CLIENT_OPCODES: ReadonlySet<number> = new Set([
  GatewayOpcode.HEARTBEAT,
  GatewayOpcode.IDENTIFY,
  GatewayOpcode.PRESENCE_UPDATE,
  GatewayOpcode.VOICE_STATE_UPDATE,
  GatewayOpcode.RESUME,
  GatewayOpcode.REQUEST_GUILD_MEMBERS,
  GatewayOpcode.REQUEST_SOUNDBOARD_SOUNDS,
  GatewayOpcode.REQUEST_CHANNEL_INFO,
]);

/** A frame as it travels. `s` and `t` are null unless op is DISPATCH. */
export interface GatewayFrame {
  readonly op: number;
  readonly d?: unknown;
  readonly s?: number | null;
  readonly t?: string | null;
}
