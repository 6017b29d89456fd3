// Unmodified discord.py 2.7 against a real server. Its steps are in python/discord_py.py; each is a test here.
//
// Python and discord.py come from a virtual environment that this test makes in the cache of node_modules when CI is set (or
// GUILDHALL_TEST_PYTHON=install); elsewhere it uses that environment, or a python3 that has discord.py, or is skipped.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Provision, Server } from '../support/server.ts';

const FOLDER = fileURLToPath(new URL('./python/', import.meta.url));
const SCRIPT = join(FOLDER, 'discord_py.py');
const REQUIREMENTS = join(FOLDER, 'requirements.txt');
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/guildhall/', import.meta.url));
const INSTALL_TIMEOUT_MS = 240_000;
/** The whole script, on a loaded machine. */
const SCRIPT_TIMEOUT_MS = 180_000;
const FILLED_MEMBERS = 2_000;
/** Beside the filled: the owner, a person and the two bots. */
const OTHER_MEMBERS = 4;

interface Step {
  readonly step: string;
  readonly error: string | null;
}

/** The interpreter that has discord.py, or why there is none. */
function findPython(): { readonly python: string } | { readonly reason: string } {
  const version = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16);
  const home = join(CACHE, `python-${version}`);
  const python = join(home, 'bin/python');
  if (existsSync(python)) return { python };
  if (isSet('CI') || process.env['GUILDHALL_TEST_PYTHON'] === 'install') {
    install(home);
    return { python };
  }
  const own = spawnSync('python3', ['-c', 'import discord; assert discord.version_info[:2] >= (2, 7)'], {
    stdio: 'ignore',
  });
  if (own.status === 0) return { python: 'python3' };
  return { reason: 'no python3 with discord.py 2.7 here; GUILDHALL_TEST_PYTHON=install gets one' };
}

/** Made beside its place and then moved there, so that one that was interrupted is never taken for whole. */
function install(home: string): void {
  const making = `${home}.making`;
  rmSync(making, { recursive: true, force: true });
  // Scripts of an environment name its folder, but the interpreter finds its packages wherever it stands.
  must('python3', ['-m', 'venv', making]);
  must(join(making, 'bin/python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    REQUIREMENTS,
  ]);
  renameSync(making, home);
}

function must(command: string, args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS });
  const what = done.error?.message ?? `${done.stdout}${done.stderr}`;
  assert.equal(done.status, 0, `${command} ${args.join(' ')}: ${what}`);
}

function isSet(name: string): boolean {
  const value = process.env[name];
  return value !== undefined && value !== '' && value !== 'false';
}

/** The steps by their names, in the order in which the script has them. */
function stepNames(): string[] {
  const list = /^STEPS = \[\n([\s\S]*?)^\]/m.exec(readFileSync(SCRIPT, 'utf8'))?.[1] ?? '';
  return Array.from(list.matchAll(/(\w+),/g), ([, name]) => name?.replaceAll('_', ' ') ?? '');
}

const found = findPython();
const skip = 'reason' in found ? found.reason : false;

describe('discord.py', { skip, timeout: SCRIPT_TIMEOUT_MS + 60_000 }, () => {
  let server: Server;
  let guild: Provision;
  const outcomes = new Map<string, string | null>();
  let output = '';

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
    const person = server.cli('user', 'create', '--name', 'person');
    server.cli('guild', 'join', '--guild', guild.guildId, '--user', person['user_id']!);
    const bots = [server.bot(guild, 'ping'), server.bot(guild, 'pong')];
    const role = await server.request('POST', `/guilds/${guild.guildId}/roles`, guild.ownerToken, {
      name: 'admin',
      permissions: '8',
    });
    for (const bot of bots) {
      const path = `/guilds/${guild.guildId}/members/${bot.id}/roles/${role.body.id}`;
      assert.equal((await server.request('PUT', path, guild.ownerToken)).status, 204);
    }
    server.cli('guild', 'fill', '--guild', guild.guildId, '--members', String(FILLED_MEMBERS));
    await runScript('python' in found ? found.python : '', {
      ORIGIN: server.origin,
      GUILD: guild.guildId,
      CHANNEL: guild.channelId,
      VOICE: guild.voiceChannelId,
      OWNER: guild.ownerId,
      OWNER_TOKEN: guild.ownerToken,
      PERSON: person['user_id']!,
      PING_TOKEN: bots[0]!.token,
      PONG_TOKEN: bots[1]!.token,
      MEMBERS: String(FILLED_MEMBERS + OTHER_MEMBERS),
    });
  });

  after(() => server?.dispose());

  async function runScript(python: string, env: Record<string, string>): Promise<void> {
    const child = spawn(python, [SCRIPT], {
      cwd: dirname(SCRIPT),
      env: { ...process.env, ...env, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: SCRIPT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-20_000);
    });
    const ended = new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve()));
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as Partial<Step>;
      if (said.step !== undefined) outcomes.set(said.step, said.error ?? null);
    }
    await ended;
  }

  for (const name of stepNames()) {
    it(name, () => {
      const error = outcomes.get(name);
      assert.notEqual(error, undefined, `the script ended before this step\n${output}`);
      assert.equal(error, null, `${error}\n${output}\n${server.stderr}`);
    });
  }
});
