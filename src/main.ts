// The composition root: configuration -> state -> service -> edge -> control -> signals, in the order data flows.

import type { ThreadInfo } from './actor/types.ts';
import { existsSync } from 'node:fs';
import type { Config } from './config/load.ts';
import type { Log } from './base/log.ts';
import { createLog } from './config/log.ts';
import { firstStart, type Welcome } from './control/first-start.ts';
import { bootNode, type GuildhallNode } from './control/node.ts';
import { listenRpc, OperatorError } from './control/rpc.ts';
import { probePort } from './edge/transport/probe.ts';
import { sweepAttachments } from './service/channel/attachment-files.ts';
import { bindingAbsence, hasBinding } from '../native/binding.ts';

/** After this a stop no longer waits for anything: the process ends and the store recovers, as after kill -9. */
const STOP_DEADLINE_MS = 25_000;

/** Resolves when it serves; from then on it runs until a signal or an error ends the process. */
/** Listened on, but no address to be called at. */
const ANY_ADDRESS = ['0.0.0.0', '[::]'];

export async function serve(config: Config): Promise<GuildhallNode> {
  const log = createLog(config.log.level);
  const startedMs = Date.now();
  const port = await probePort(config.http.host, config.http.port).catch((error: unknown) => {
    throw new OperatorError(
      'port_in_use',
      `cannot listen on ${config.http.host}:${config.http.port}: ${(error as Error).message}`,
      'stop what listens there, or choose another with --http.port or GUILDHALL_HTTP_PORT',
      { cause: error },
    );
  });
  let stopping: Promise<void> | undefined;
  let stop: (code: number) => void = (code) => process.exit(code);
  const node = await bootNode({
    config,
    log,
    edge: true,
    onFatal: (thread, error) => {
      log({ event: 'thread_given_up', level: 'error', thread: thread.index, kind: thread.kind, error });
      stop(1);
    },
  });
  let rpc: { close(): Promise<void> } | undefined;
  stop = (code) => {
    if (stopping !== undefined) return;
    setTimeout(() => process.exit(code || 1), STOP_DEADLINE_MS).unref();
    stopping = shutDown(node, rpc, config, log).then(
      () => process.exit(code),
      (error: unknown) => {
        log({ event: 'stop_failed', level: 'error', error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(0));
  const crash = (error: unknown): void => {
    log({ event: 'main_thread_error', level: 'error', error });
    stop(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);

  try {
    const { welcome, fresh } = await firstStart(node.deps);
    rpc = await listenRpc(config.data.dir, node.admin);
    const runtime = node.node.runtime;
    const listen = ({ index }: ThreadInfo): Promise<unknown> =>
      runtime.call({ thread: index, name: 'io' }, { k: 'listen', host: config.http.host, port });
    for (const thread of runtime.threads('io')) await listen(thread);
    // An I/O thread that died and was replaced serves again; where the port went to somebody else meanwhile, nothing is left to do.
    runtime.onThreadChange((thread, up) => {
      if (!up || thread.kind !== 'io' || stopping !== undefined) return;
      listen(thread).catch((error: unknown) => {
        log({ event: 'listen_failed', level: 'error', thread: thread.index, error });
        stop(1);
      });
    });
    announce(config, port, welcome, fresh);
    // Files whose message a crash kept from being written; nobody waits for it.
    sweepAttachments(config.data.dir, node.store, startedMs).catch((error: unknown) => {
      log({ event: 'attachment_sweep_failed', level: 'warn', error });
    });
  } catch (error) {
    log({ event: 'start_failed', level: 'error', error });
    stop(1);
  }
  return node;
}

/** Tells clients to come back, saves their sessions, closes every App, then stops the actors and the store. */
async function shutDown(
  node: GuildhallNode,
  rpc: { close(): Promise<void> } | undefined,
  config: Config,
  log: Log,
): Promise<void> {
  log({ event: 'draining' });
  const runtime = node.node.runtime;
  const graceMs = config.shutdown.grace_ms;
  const drained = runtime
    .threads('io')
    .map((thread) => runtime.call({ thread: thread.index, name: 'io' }, { k: 'drain', graceMs }, STOP_DEADLINE_MS));
  for (const outcome of await Promise.allSettled(drained)) {
    if (outcome.status === 'rejected') log({ event: 'drain_failed', level: 'warn', error: outcome.reason });
  }
  await rpc?.close();
  await node.stop();
  log({ event: 'stopped' });
}

function announce(config: Config, port: number, welcome: Welcome, fresh: boolean): void {
  const host = config.http.host.includes(':') ? `[${config.http.host}]` : config.http.host;
  const url = config.public.url || `http://${ANY_ADDRESS.includes(host) ? '127.0.0.1' : host}:${port}`;
  const command = existsSync(new URL('../.sealed', import.meta.url)) ? 'guildhall' : 'npx guildhall';
  const lines = [`listening on http://${host}:${port}`];
  if (fresh) {
    lines.push(
      '',
      `  'Town square' is open: guild ${welcome.guild_id}, #general ${welcome.text_channel_id}, invite ${welcome.invite_code}`,
      '  Connect a bot:',
      `    ${command} user create --name you`,
      `    ${command} bot create --name mybot --owner <your user_id>`,
      `    ${command} guild join --guild ${welcome.guild_id} --user <the bot's user_id>`,
      `    discord.js: new Client({ intents, rest: { api: '${url}/api' } }).login('<the bot's token>')`,
      '',
    );
  }
  if (!hasBinding)
    lines.push(`  without the Rust binding (${bindingAbsence ?? 'not built'}): portable fall-backs serve`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
