// Cold start: from the start of the process to its line 'listening on', on an empty data directory and on one that is there.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Row, Suite } from '../row.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const run: Suite = async ({ full }) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'));
  try {
    const rounds = full ? 10 : 2;
    const first = await startOnce(dataDir);
    const later: number[] = [];
    for (let i = 0; i < rounds; i += 1) later.push(await startOnce(dataDir));
    later.sort((a, b) => a - b);
    const row = (what: string, value: number, n: number): Row => ({
      suite: 'start',
      case: what,
      subject: 'guildhall',
      unit: 'ms',
      value,
      n,
    });
    return [
      row('first start to listening', first, 1),
      row('start to listening, median', later[Math.floor(rounds / 2)] ?? 0, rounds),
    ];
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};

function startOnce(dataDir: string): Promise<number> {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(ROOT, 'src/cli/main.ts'), 'serve'],
    {
      env: {
        ...process.env,
        GUILDHALL_DATA_DIR: dataDir,
        GUILDHALL_HTTP_PORT: '0',
        GUILDHALL_LOG_LEVEL: 'warn',
        NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/guildhall/compile'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  return new Promise((resolve, reject) => {
    let took = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      if (took > 0 || !chunk.toString().includes('listening on')) return;
      took = performance.now() - started;
      child.kill('SIGTERM');
    });
    child.once('exit', (code) => (took > 0 ? resolve(took) : reject(new Error(`ended with ${code}`))));
  });
}
