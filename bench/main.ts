// `npm run bench [-- SUITE] [--full] [--json FILE]`: every suite small, or one suite; peers run in the same run.

import { writeFileSync } from 'node:fs';
import { cpus, release, type as osType } from 'node:os';
import { parseArgs } from 'node:util';
import type { Row, Suite } from './row.ts';

const SUITES: Readonly<Record<string, () => Promise<{ run: Suite }>>> = {
  actor: () => import('./suites/actor.ts'),
  relay: () => import('./suites/relay.ts'),
  store: () => import('./suites/store.ts'),
  fanout: () => import('./scenarios/fanout.ts'),
  sessions: () => import('./scenarios/sessions.ts'),
  creates: () => import('./scenarios/creates.ts'),
  start: () => import('./scenarios/start.ts'),
};

const HELP = `npm run bench -- [SUITE…] [--full] [--json FILE]
  suites: ${Object.keys(SUITES).join(', ')} (all without one)
  --full  the sizes that bench/README.md states; without it small ones
  --json  write {machine, rows} to FILE ('-': standard output)
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const names = positionals.length > 0 ? positionals : Object.keys(SUITES);
  const unknown = names.find((name) => !Object.hasOwn(SUITES, name));
  if (unknown !== undefined) {
    process.stderr.write(`bench: no suite '${unknown}'\n${HELP}`);
    return 2;
  }
  const rows: Row[] = [];
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    const suite = await SUITES[name]?.();
    rows.push(...((await suite?.run({ full: values.full })) ?? []));
  }
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    os: `${osType()} ${release()}`,
  };
  if (values.json === '-') process.stdout.write(`${JSON.stringify({ machine, rows }, null, 2)}\n`);
  else {
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
    process.stdout.write(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${machine.os}\n${table(rows)}`);
  }
  return 0;
}

/** One line a case, each subject beside its ratio to guildhall. */
function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const own = rows.find(
      (other) => other.suite === row.suite && other.case === row.case && other.subject === 'guildhall',
    );
    const ratio = own === undefined || own === row || own.value === 0 ? '' : `${(row.value / own.value).toFixed(2)}x`;
    return [row.suite, row.case, row.subject, `${format(row.value)} ${row.unit}`, `n=${row.n}`, ratio];
  });
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

process.exitCode = await main();
