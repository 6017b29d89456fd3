// A program under measurement, in a process of its own: Guildhall with its guild, or a peer.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(ROOT, 'src/cli/main.ts');
const START_DEADLINE_MS = 60_000;
const FLAGS = ['--disable-warning=ExperimentalWarning'];

export interface Subject {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

function launch(name: string, args: string[], env: NodeJS.ProcessEnv, cleanup: () => void): Promise<Subject> {
  const child: ChildProcess = spawn(process.execPath, [...FLAGS, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} did not start`));
    }, START_DEADLINE_MS);
    let text = '';
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with ${code}`));
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = /listening on http:\/\/\S*:(\d+)\n/.exec(text)?.[1];
      if (port === undefined || child.pid === undefined) return;
      clearTimeout(timer);
      resolve({
        name,
        pid: child.pid,
        port: Number(port),
        stop: () =>
          new Promise((ended) => {
            child.removeAllListeners('exit');
            child.once('exit', () => {
              cleanup();
              ended();
            });
            child.kill('SIGTERM');
          }),
      });
    });
  });
}

export function startPeer(name: 'uws' | 'ws' | 'socket-io'): Promise<Subject> {
  return launch(name, [join(ROOT, `bench/peers/${name}.ts`)], process.env, () => {});
}

export interface GuildhallSubject extends Subject {
  readonly guildId: string;
  readonly channelId: string;
  readonly ownerToken: string;
  /** One user token for each member of the fill. */
  readonly tokens: string[];
}

/** Guildhall with one guild of `members` accounts, rate limits off. */
export async function startGuildhall(members: number, extra: Record<string, string> = {}): Promise<GuildhallSubject> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'));
  const env = {
    ...process.env,
    GUILDHALL_DATA_DIR: dataDir,
    GUILDHALL_HTTP_PORT: '0',
    GUILDHALL_LIMITS_RATE: 'off',
    GUILDHALL_LOG_LEVEL: 'warn',
    // The load generator sends one heartbeat; a session without them is closed after a while.
    GUILDHALL_GATEWAY_HEARTBEAT_INTERVAL_MS: '600000',
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/guildhall/compile'),
    ...extra,
  };
  const subject = await launch('guildhall', [CLI, 'serve'], env, () =>
    rmSync(dataDir, { recursive: true, force: true }),
  );
  const cli = (...args: string[]): Record<string, string> => {
    const run = spawnSync(process.execPath, [...FLAGS, CLI, ...args, '--json'], { env, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`guildhall ${args.join(' ')}: ${run.stdout} ${run.stderr}`);
    return JSON.parse(run.stdout) as Record<string, string>;
  };
  const owner = cli('user', 'create', '--name', 'bench_owner');
  const guild = cli('guild', 'create', '--name', 'Bench', '--owner', owner['user_id'] ?? '');
  let tokens: string[] = [];
  if (members > 0) {
    const file = join(dataDir, 'tokens.jsonl');
    cli('guild', 'fill', '--guild', guild['guild_id'] ?? '', '--members', String(members), '--tokens', file);
    tokens = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { token: string }).token);
  }
  return {
    ...subject,
    guildId: guild['guild_id'] ?? '',
    channelId: guild['text_channel_id'] ?? '',
    ownerToken: owner['token'] ?? '',
    tokens,
  };
}
