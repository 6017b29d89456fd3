// A real server in a process of its own, on a port and a data directory of its own, driven by the same commands an operator has.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(ROOT, 'src/cli/main.ts');
/** A start on a loaded machine; not a measure of speed. */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 40_000;

export interface Provision {
  readonly guildId: string;
  readonly channelId: string;
  readonly voiceChannelId: string;
  readonly ownerId: string;
  readonly ownerToken: string;
}

/** Another program than the command line's `serve`, with an IPC channel. */
export interface Fixture {
  readonly program: string;
  readonly nodeArgs: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Server {
  readonly dataDir: string;
  readonly env: Record<string, string>;
  readonly #fixture: Fixture | undefined;
  #child: ChildProcess | undefined;
  #port = 0;
  #stderr = '';
  #stdout = '';

  private constructor(dataDir: string, env: Record<string, string>, fixture: Fixture | undefined) {
    this.dataDir = dataDir;
    this.env = env;
    this.#fixture = fixture;
  }

  /** Starts on a new data directory; the port is chosen by the kernel and kept over restarts. */
  static async start(env: Record<string, string> = {}, fixture?: Fixture): Promise<Server> {
    const server = new Server(mkdtempSync(join(tmpdir(), 'guildhall-test-')), env, fixture);
    await server.start();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get api(): string {
    return `${this.origin}/api/v10`;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): string {
    return this.#stdout;
  }

  async start(): Promise<void> {
    const fixture = this.#fixture;
    const args = fixture === undefined ? [CLI, 'serve'] : [...fixture.nodeArgs, fixture.program];
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      env: this.#environment(),
      stdio: fixture === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#stdout = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-100_000);
    });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error('no line within the deadline')), START_DEADLINE_MS);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        child.kill('SIGKILL');
        reject(new Error(`server did not start: ${error.message}\n${this.#stdout}\n${this.#stderr}`));
      };
      child.once('error', fail);
      child.once('exit', (code, signal) => fail(new Error(`ended with ${code ?? signal}`)));
      child.stdout?.on('data', (chunk: Buffer) => {
        this.#stdout += chunk.toString();
        const port = /listening on http:\/\/\S*:(\d+)\n/.exec(this.#stdout)?.[1];
        if (port === undefined) return;
        clearTimeout(timer);
        child.removeAllListeners('exit');
        this.#port = Number(port);
        resolve();
      });
    });
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      GUILDHALL_HTTP_PORT: String(this.#port),
      GUILDHALL_DATA_DIR: this.dataDir,
      GUILDHALL_LOG_LEVEL: 'warn',
      // Several, whatever the machine has, so that clients land on different ones and sessions move between them.
      GUILDHALL_THREADS_IO: '2',
      NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/guildhall/compile'),
      ...this.env,
    };
  }

  /** Runs a command with --json and answers its object; throws with the error object's text when it fails. */
  cli<T = Record<string, string>>(...args: string[]): T {
    const run = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args, '--json'], {
      env: this.#environment(),
      encoding: 'utf8',
      maxBuffer: 16 * 1024 * 1024,
    });
    if (run.status !== 0) throw new Error(`guildhall ${args.join(' ')}: ${run.status} ${run.stdout} ${run.stderr}`);
    return JSON.parse(run.stdout) as T;
  }

  /** An owner and a guild with a text and a voice channel. */
  provision(name = 'Test guild'): Provision {
    const owner = this.cli('user', 'create', '--name', `owner_${Math.random().toString(36).slice(2, 10)}`);
    const guild = this.cli('guild', 'create', '--name', name, '--owner', owner['user_id'] as string);
    return {
      guildId: guild['guild_id'] as string,
      channelId: guild['text_channel_id'] as string,
      voiceChannelId: guild['voice_channel_id'] as string,
      ownerId: owner['user_id'] as string,
      ownerToken: owner['token'] as string,
    };
  }

  /** A bot, a member of the guild. */
  bot(guild: Provision, name: string, privileged = 'all'): { id: string; token: string } {
    const made = this.cli('bot', 'create', '--name', name, '--owner', guild.ownerId, '--privileged', privileged);
    const id = made['user_id'] as string;
    this.cli('guild', 'join', '--guild', guild.guildId, '--user', id);
    return { id, token: made['token'] as string };
  }

  async request(
    method: string,
    path: string,
    token: string | null,
    body?: unknown,
  ): Promise<{ status: number; body: any; headers: Headers }> {
    const reply = await fetch(`${this.api}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text), headers: reply.headers };
  }

  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<number | null> {
    return this.#end('SIGKILL');
  }

  /** To a fixture's IPC channel. */
  tell(message: object): void {
    this.#child?.send(message);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Resolves when the process ends, however it does; it may be started anew afterwards. */
  ended(): Promise<Ended> {
    const child = this.#child;
    if (child === undefined) return Promise.reject(new Error('not running'));
    if (child.exitCode !== null || child.signalCode !== null) {
      return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`server did not end within ${STOP_DEADLINE_MS} ms\n${this.#stderr}`)),
        STOP_DEADLINE_MS,
      );
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal });
      });
    });
  }

  #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return Promise.resolve(child?.exitCode ?? null);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`server did not end within ${STOP_DEADLINE_MS} ms of ${signal}\n${this.#stderr}`));
      }, STOP_DEADLINE_MS);
      child.once('exit', (code) => {
        clearTimeout(timer);
        resolve(code);
      });
      child.kill(signal);
    });
  }

  /** Ends the server if it still runs and removes its data. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
