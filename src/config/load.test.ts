import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, type ConfigSources, loadConfig } from './load.ts';
import { CONFIG_KEYS, SCHEMA, SETTINGS, variableOf } from './schema.ts';

const root = mkdtempSync(join(tmpdir(), 'guildhall-config-'));
let made = 0;
after(() => rmSync(root, { recursive: true, force: true }));

function fileOf(toml: string): string {
  made += 1;
  const path = join(root, `${made}.toml`);
  writeFileSync(path, toml);
  return path;
}

function problemsOf(sources: Partial<ConfigSources>): readonly string[] {
  try {
    loadConfig({ env: {}, ...sources });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.message, error.problems.join('\n'));
    return error.problems;
  }
  return [];
}

describe('names and defaults that others script against', () => {
  test('without any configuration the defaults hold', () => {
    const config = loadConfig({ env: {} });
    assert.deepEqual(config.http, { host: '127.0.0.1', port: 8080 });
    assert.equal(config.data.dir, './data');
    assert.equal(config.public.url, '');
    assert.equal(config.limits.rate, true);
    assert.equal(config.limits.requests_per_second, 50);
    assert.equal(config.limits.attachment_bytes, 10_485_760);
    assert.equal(config.gateway.heartbeat_interval_ms, 41_250);
    assert.equal(config.gateway.max_concurrency, 16);
    assert.equal(config.auth.registration, 'open');
  });

  test('the environment variables of the doorway are read', () => {
    const config = loadConfig({
      env: {
        GUILDHALL_HTTP_HOST: '0.0.0.0',
        GUILDHALL_HTTP_PORT: '0',
        GUILDHALL_DATA_DIR: '/srv/guildhall data',
        GUILDHALL_PUBLIC_URL: 'https://Chat.example.org:8443/sub/',
        GUILDHALL_LIMITS_RATE: 'off',
        PATH: '/bin',
      },
    });
    assert.deepEqual(config.http, { host: '0.0.0.0', port: 0 });
    assert.equal(config.data.dir, '/srv/guildhall data');
    assert.equal(config.public.url, 'https://chat.example.org:8443/sub');
    assert.equal(config.limits.rate, false);
  });

  test('every key has one variable and one dashed flag of its own, and reads its own default', () => {
    const variables = CONFIG_KEYS.map(variableOf);
    assert.equal(new Set(variables).size, CONFIG_KEYS.length);
    assert.equal(new Set(CONFIG_KEYS.map((key) => key.replaceAll(/[._]/g, '-'))).size, CONFIG_KEYS.length);
    for (const section of Object.keys(SCHEMA))
      assert.match(section, /^[a-z]+$/, 'the first underscore ends the section');
    const toml = Object.entries(SCHEMA)
      .map(([section, keys]) => {
        const lines = Object.entries(keys).map(([name, setting]) => `${name} = ${setting.defaultText}`);
        return `[${section}]\n${lines.join('\n')}\n`;
      })
      .join('\n');
    assert.deepEqual(loadConfig({ file: fileOf(toml), env: {} }), loadConfig({ env: {} }));
  });
});

describe('sources', () => {
  test('file < environment < flags, key by key', () => {
    const file = fileOf('[http]\nhost = "1.1.1.1"\nport = 1\n[threads]\nio = 1\n[limits]\nrate = false\n');
    const config = loadConfig({
      file,
      env: { GUILDHALL_HTTP_PORT: '2', GUILDHALL_THREADS_IO: '2' },
      flags: { 'threads.io': '3', 'limits-requests-per-second': '70', 'gateway-max_concurrency': '5' },
    });
    assert.deepEqual(config.http, { host: '1.1.1.1', port: 2 });
    assert.equal(config.threads.io, 3);
    assert.equal(config.limits.rate, false);
    assert.equal(config.limits.requests_per_second, 70);
    assert.equal(config.gateway.max_concurrency, 5);
  });

  test('GUILDHALL_CONFIG names the file, and an argument names it before that', () => {
    const env = { GUILDHALL_CONFIG: fileOf('[http]\nport = 1\n') };
    assert.equal(loadConfig({ env }).http.port, 1);
    assert.equal(loadConfig({ env, file: fileOf('[http]\nport = 2\n') }).http.port, 2);
    assert.match(
      problemsOf({ env: { GUILDHALL_CONFIG: join(root, 'absent.toml') } })[0] ?? '',
      /absent\.toml: there is no such file/,
    );
    assert.match(problemsOf({ file: root })[0] ?? '', /cannot read/);
  });

  test('an empty variable counts as not set, and variables that are not settings pass', () => {
    const env = { GUILDHALL_HTTP_PORT: '', GUILDHALL_CONFIG: '', GUILDHALL_NATIVE: 'off', GUILDHALL_UWS_SHA256: 'x' };
    assert.equal(loadConfig({ env }).http.port, 8080);
  });

  test('what is loaded cannot be changed', () => {
    const config = loadConfig({ env: {} });
    assert.throws(() => {
      (config.http as { port: number }).port = 1;
    }, TypeError);
  });
});

describe('errors', () => {
  test('an unknown key is named with the nearest known one, wherever it stands', () => {
    const path = fileOf('port = 1\n[htpp]\nport = 1\n[http]\nprot = 2\n[gatway]\n[threads.io]\nx = 1\n');
    assert.deepEqual(
      problemsOf({
        file: path,
        env: { GUILDHALL_DATADIR: 'x', GUILDHALL_CONIFG: 'x' },
        flags: { 'limit.rate': 'on', 'http-prot': '1' },
      }),
      [
        `${path}: unknown key port: the nearest is http.port`,
        `${path}: unknown key htpp.port: the nearest is http.port`,
        `${path}: unknown key http.prot: the nearest is http.port`,
        `${path}: unknown section [gatway]: the nearest is [gateway]`,
        `threads.io in ${path} is {"x":1}, but must be an integer from 0 to 64 (threads)`,
        'unknown environment variable GUILDHALL_DATADIR: the nearest is GUILDHALL_DATA_DIR',
        'unknown environment variable GUILDHALL_CONIFG: the nearest is GUILDHALL_CONFIG',
        'unknown flag --limit.rate: the nearest is --limits.rate',
        'unknown flag --http-prot: the nearest is --http.port',
      ],
    );
  });

  test('a wrong type or range names the key, where it stands, and what is allowed', () => {
    const path = fileOf(
      '[http]\nport = "80"\nhost = 1\n[threads]\nio = 1.5\n[limits]\nrate = "sometimes"\n[log]\nlevel = "loud"\n[public]\nurl = "ftp://x"\n[shutdown]\ngrace_ms = 99999999999\n[auth]\nregistration = 1979-05-27\n',
    );
    const problems = problemsOf({ file: path });
    assert.equal(problems.length, 8);
    for (const [key, allowed] of [
      ['http.port', 'an integer from 0 to 65535'],
      ['http.host', 'an address or host name'],
      ['threads.io', 'an integer from 0 to 64'],
      ['limits.rate', 'on or off'],
      ['log.level', 'one of debug, info, warn, error'],
      ['public.url', 'http(s) URL'],
      ['shutdown.grace_ms', 'an integer from 0 to 20000'],
      ['auth.registration', 'one of open, closed'],
    ] as const) {
      const problem = problems.find((one) => one.startsWith(`${key} in ${path} is `));
      assert.ok(problem?.includes(allowed), `${key}: ${problem}`);
    }
    assert.deepEqual(problemsOf({ env: { GUILDHALL_HTTP_PORT: '65536' }, flags: { 'data.dir': '' } }), [
      'http.port from GUILDHALL_HTTP_PORT is "65536", but must be an integer from 0 to 65535',
      'data.dir from --data.dir is "", but must be a path',
    ]);
    for (const port of [' 80', '8e1', '0x50', '-1', '80.0', '１'])
      assert.equal(problemsOf({ flags: { 'http.port': port } }).length, 1);
  });

  test('a value that a later source replaces must still be allowed', () => {
    assert.equal(problemsOf({ file: fileOf('[http]\nport = "x"\n'), flags: { 'http.port': '1' } }).length, 1);
  });

  test('broken TOML names the file, line and column', () => {
    const path = fileOf('[http]\nport = = 1\n');
    const [problem = ''] = problemsOf({ file: path });
    assert.ok(problem.includes(path) && /line 2, column \d/.test(problem), problem);
  });

  test('settings that contradict each other are refused', () => {
    const problems = problemsOf({ flags: { 'limits.attachment_bytes': '300000', 'limits.request_bytes': '200000' } });
    assert.match(problems[0] ?? '', /limits\.attachment_bytes \(300000\).*limits\.request_bytes \(200000\)/);
  });

  test('keys of objects are no settings', () => {
    const path = fileOf('[__proto__]\nport = 1\n[http]\n__proto__ = 1\nconstructor = 2\n["constructor"]\nname = 1\n');
    assert.equal(problemsOf({ file: path }).length, 4);
    assert.equal(problemsOf({ env: { GUILDHALL___PROTO__: '1' }, flags: { constructor: '1' } }).length, 2);
  });

  const seed = Math.trunc(Math.random() * 2 ** 31);
  test(`any text of a variable gives a value that is allowed, or one error that names it (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.constantFrom(...CONFIG_KEYS), fc.oneof(fc.string(), fc.integer().map(String)), (key, text) => {
        const problems = problemsOf({ env: { [variableOf(key)]: text } });
        const own = problems.filter((problem) => problem.includes(key));
        if (problems.length > 0) return problems.length === 1 && own.length === 1;
        const [section = '', name = ''] = key.split('.');
        const config = loadConfig({ env: { [variableOf(key)]: text } }) as unknown as Record<
          string,
          Record<string, unknown>
        >;
        SETTINGS.get(key)?.read(config[section]?.[name]);
        return true;
      }),
      { seed, numRuns: 500 },
    );
  });
});
