// The operator's door: one HTTP request a command over a Unix socket in the data directory. Only who may open the folder may
// speak here, so it needs no token of its own.

import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';

/** Bytes of a request: a command is a few names and ids. */
const REQUEST_BYTES_MAX = 64 * 1024;
/** Longest path that fits sun_path (108 bytes with its NUL); longer ones go through a descriptor of the folder. */
const SOCKET_PATH_MAX = 107;
/** A bulk fill of 100,000 members is the slowest command. */
const RESPONSE_TIMEOUT_MS = 600_000;

export interface RpcErrorBody {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** An error meant for the operator: what went wrong and what to do next. */
export class OperatorError extends Error {
  override name = 'OperatorError';
  readonly code: string;
  readonly hint: string;
  constructor(code: string, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

export type RpcHandler = (method: string, params: Record<string, unknown>) => Promise<unknown>;

/** Calls `use` with a path to the control socket that is short enough for the kernel. */
async function withSocketPath<T>(dataDir: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(dataDir, 'control.sock');
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return use(path);
  const folder = openSync(dataDir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await use(`/proc/self/fd/${folder}/control.sock`);
  } finally {
    closeSync(folder);
  }
}

/** Listens in the data directory. The caller holds its lock, so a socket file that is there is a dead server's. */
export async function listenRpc(dataDir: string, handler: RpcHandler): Promise<{ close(): Promise<void> }> {
  const file = join(dataDir, 'control.sock');
  rmSync(file, { force: true });
  const server: Server = createServer((incoming, reply) => {
    answer(incoming, handler).then(
      ({ status, body }) => {
        reply.writeHead(status, { 'content-type': 'application/json' });
        reply.end(JSON.stringify(body));
      },
      () => reply.destroy(),
    );
  });
  await withSocketPath(dataDir, (path) => {
    return new Promise<void>((resolve, reject) => {
      const before = process.umask(0o177);
      server.once('error', reject);
      server.listen(path, () => resolve());
      process.umask(before);
    });
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          rmSync(file, { force: true });
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(incoming: IncomingMessage, handler: RpcHandler): Promise<{ status: number; body: unknown }> {
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > REQUEST_BYTES_MAX) throw new OperatorError('too_large', 'request too large', 'pass a file instead');
      chunks.push(chunk);
    }
    const { method, params } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      method: string;
      params: Record<string, unknown>;
    };
    return { status: 200, body: { result: await handler(method, params) } };
  } catch (error) {
    return { status: 400, body: { error: errorBody(error) } };
  }
}

export function errorBody(error: unknown): RpcErrorBody {
  const message = error instanceof Error ? error.message : String(error);
  // OperatorError, and the errors of other rooms that are made for operators (ConfigError).
  const { code, hint } = (error ?? {}) as { code?: unknown; hint?: unknown };
  if (typeof code === 'string' && typeof hint === 'string') return { code, message, hint };
  return {
    code: 'internal',
    message,
    hint: 'see the log on standard error; `guildhall doctor` checks the usual causes',
  };
}

/** Asks the running server; null when none is listening on this data directory. */
export async function callRpc(
  dataDir: string,
  method: string,
  params: Record<string, unknown>,
  timeoutMs = RESPONSE_TIMEOUT_MS,
): Promise<{ result: unknown } | null> {
  let text: string;
  try {
    text = await withSocketPath(dataDir, (path) => post(path, JSON.stringify({ method, params }), timeoutMs));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return null;
    throw error;
  }
  const body = JSON.parse(text) as { result?: unknown; error?: RpcErrorBody };
  if (body.error !== undefined) throw new OperatorError(body.error.code, body.error.message, body.error.hint);
  return { result: body.result };
}

function post(socketPath: string, body: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, method: 'POST', path: '/rpc', headers: { 'content-type': 'application/json' } },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
        reply.on('error', reject);
      },
    );
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error('the server does not answer')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
