// What a connection may be in and what its client may do: states and limits, each with its reason.

export const NEW = 0;
export const WAITING = 1;
export const READY = 2;
export const CLOSED = 3;

/** Discord's limit for what a client sends. */
export const PAYLOAD_BYTES_MAX = 4_096;
/** Events a client may send in a window, heartbeats apart. */
export const EVENTS_MAX = 120;
/** Heartbeats have a count of their own: late timers must not cost a client its events. */
export const HEARTBEATS_MAX = 120;
export const EVENT_WINDOW_MS = 60_000;
/** So long after a heartbeat was due the server asks for one, and later closes. */
export const HEARTBEAT_ASK_AFTER_MS = 5_000;
export const HEARTBEAT_GRACE_MS = 20_000;
/** Presence updates that pass on in a window; of the rest the last one follows when the window opens. */
export const PRESENCES_MAX = 5;
export const PRESENCE_WINDOW_MS = 20_000;
/** Whole member lists asked for in a window; beyond it the client is told to wait. */
export const MEMBER_LISTS_MAX = 10;
export const MEMBER_LIST_WINDOW_MS = 10_000;
/** Guilds of one shard; a bot with more must use more shards. */
export const GUILDS_PER_SHARD_MAX = 2_500;
