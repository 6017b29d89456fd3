// `doctor` and `check-config`: what an operator can check without reading a line of the source. Each check says what it saw
// and, when it fails, what to do next.

import { accessSync, constants, existsSync, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import type { Config } from '../config/load.ts';
import { CONFIG_KEYS } from '../config/schema.ts';
import { bindingAbsence, hasBinding } from '../../native/binding.ts';
import { loadUws } from '../../native/uws.ts';
import { probePort } from '../edge/transport/probe.ts';
import { openReader } from '../state/store/reader.ts';
import { callRpc } from './rpc.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint: string;
}

export interface Report {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** Below this a busy server may stop for want of space before anyone looks. */
const DISK_FREE_BYTES_MIN = 512 * 1024 * 1024;
/** A gateway of a few thousand clients needs a descriptor for each. */
const DESCRIPTORS_MIN = 4_096;
const HEALTH_TIMEOUT_MS = 5_000;

type Load = () => Config;

/** Judges the configuration alone. */
export function describeConfig(load: Load): Report {
  const { check, config } = checkConfig(load);
  const checks = [check];
  if (config !== undefined) checks.push(publicUrl(config));
  return report(checks);
}

export async function examine(load: Load): Promise<Report> {
  const { check, config } = checkConfig(load);
  const checks: Check[] = [node(), native(), transport(), descriptors(), check];
  if (config === undefined) return report(checks);
  checks.push(dataDir(config), diskSpace(config), publicUrl(config));
  const running = await serverRunning(config);
  checks.push(...(running === null ? [await portFree(config)] : [running, await health(config)]));
  checks.push(await store(config));
  return report(checks);
}

/** Only whether a server runs on this data directory and answers: what a container's health check asks. */
export async function examineServing(load: Load): Promise<Report> {
  const { check, config } = checkConfig(load);
  if (config === undefined) return report([check]);
  const running = await serverRunning(config);
  if (running === null)
    return report([fail('server', 'none runs on this data directory', '`guildhall serve` starts one')]);
  return report([running, await health(config)]);
}

function report(checks: Check[]): Report {
  return { ok: checks.every((check) => check.ok), checks };
}

function pass(name: string, detail: string): Check {
  return { name, ok: true, detail, hint: '' };
}

function fail(name: string, detail: string, hint: string): Check {
  return { name, ok: false, detail, hint };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkConfig(load: Load): { check: Check; config?: Config } {
  try {
    const config = load();
    return { check: pass('config', `${CONFIG_KEYS.length} settings, all valid`), config };
  } catch (error) {
    const hint = 'docs/operating/configuration.md lists every setting';
    return { check: fail('config', message(error), hint) };
  }
}

function node(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return pass('node', process.version);
  return fail(
    'node',
    `${process.version} runs this, 24 is needed`,
    'start by npm, npx or bin/guildhall, which use the pinned Node',
  );
}

function native(): Check {
  return pass(
    'native binding',
    hasBinding ? 'Rust binding loaded' : `portable fall-backs serve: ${bindingAbsence ?? 'not built'}`,
  );
}

function transport(): Check {
  try {
    loadUws();
    return pass('uWebSockets.js', 'loads on this machine');
  } catch (error) {
    return fail('uWebSockets.js', message(error), 'see docs/operating/installing.md');
  }
}

function descriptors(): Check {
  try {
    const row = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    const limit = row?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(row?.[1]);
    if (!(limit < DESCRIPTORS_MIN)) return pass('file descriptors', String(limit));
    return fail('file descriptors', `only ${limit} may be open`, `raise it: ulimit -n ${DESCRIPTORS_MIN * 4}`);
  } catch {
    return pass('file descriptors', 'not known on this system');
  }
}

function dataDir(config: Config): Check {
  try {
    mkdirSync(config.data.dir, { recursive: true, mode: 0o700 });
    accessSync(config.data.dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return pass('data directory', config.data.dir);
  } catch (error) {
    return fail(
      'data directory',
      message(error),
      `make ${config.data.dir} writable for this user, or set GUILDHALL_DATA_DIR`,
    );
  }
}

function diskSpace(config: Config): Check {
  try {
    const disk = statfsSync(config.data.dir);
    const free = disk.bavail * disk.bsize;
    const detail = `${Math.round(free / 1024 / 1024)} MiB free`;
    if (free >= DISK_FREE_BYTES_MIN) return pass('disk space', detail);
    return fail('disk space', detail, 'free some, or move the data directory');
  } catch (error) {
    return fail('disk space', message(error), 'is the data directory on a mounted disk?');
  }
}

function publicUrl(config: Config): Check {
  if (config.public.url !== '') return pass('public URL', config.public.url);
  return pass(
    'public URL',
    'not set: URLs follow the Host header of each request. Eris sends no port there, so set GUILDHALL_PUBLIC_URL for Eris bots on a port other than 80 or 443',
  );
}

/** null: no server on this data directory. */
async function serverRunning(config: Config): Promise<Check | null> {
  try {
    const answer = await callRpc(config.data.dir, 'ping', {}, HEALTH_TIMEOUT_MS);
    return answer === null ? null : pass('server', 'running on this data directory');
  } catch (error) {
    return fail('server', message(error), 'it holds the data directory but does not answer: see its log, or end it');
  }
}

async function portFree(config: Config): Promise<Check> {
  const name = 'port';
  try {
    await probePort(config.http.host, config.http.port);
    return pass(name, `${config.http.host}:${config.http.port} is free; no server runs on this data directory`);
  } catch (error) {
    return fail(name, message(error), 'stop what listens there, or set GUILDHALL_HTTP_PORT');
  }
}

async function health(config: Config): Promise<Check> {
  const host = config.http.host === '0.0.0.0' ? '127.0.0.1' : config.http.host === '::' ? '[::1]' : config.http.host;
  const url = `http://${host}:${config.http.port}/api/v10/gateway`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    if (answer.ok) return pass('answers', `${url}: ${answer.status}`);
    return fail('answers', `${url}: ${answer.status}`, 'see the log of the server');
  } catch (error) {
    return fail(
      'answers',
      `${url}: ${message(error)}`,
      'the server may run with other settings (http.host, http.port) than this command',
    );
  }
}

async function store(config: Config): Promise<Check> {
  if (!existsSync(`${config.data.dir}/meta.db`)) return pass('store', 'empty: the first start makes it');
  try {
    const reader = openReader(config.data.dir);
    try {
      const welcome = await reader.get('setting', ['welcome']);
      return pass('store', welcome === null ? 'readable' : 'readable, first start done');
    } finally {
      await reader.close();
    }
  } catch (error) {
    return fail('store', message(error), 'is it from a newer version? else restore it from a backup');
  }
}
