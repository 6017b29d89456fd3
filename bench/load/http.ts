/** Idle keep-alive connections are dropped by the client after this, before the server does it under a request of ours (5 s in Node). */
export const IDLE_SOCKET_MS = 4_000;
