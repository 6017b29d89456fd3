// The Rust binding (crates/bindings/core), loaded once per thread. Everything it gives has a portable fall-back with the same
// interface, so its absence is a fact to report and never an error.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The exports of crates/bindings/core/src. `INTERFACE_VERSION` there and here rise together. */
export interface CoreBinding {
  interfaceVersion(): number;
  openWaker(onWake: () => void, keepAlive: boolean): number;
  wake(id: number): boolean;
  refWaker(id: number, keepAlive: boolean): void;
  closeWaker(id: number): void;
  readonly Deflate: new (level: number) => CoreDeflate;
}

export interface CoreDeflate {
  /** Bytes written into the beginning of `output`. */
  compress(input: Uint8Array, output: Uint8Array): number;
  close(): void;
}

const INTERFACE_VERSION = 1;
const path = fileURLToPath(new URL('./build/guildhall-core.node', import.meta.url));

function load(): { core: CoreBinding } | { reason: string } {
  if (process.env['GUILDHALL_NATIVE'] === 'off') return { reason: 'switched off by GUILDHALL_NATIVE=off' };
  if (!existsSync(path)) {
    return { reason: 'not built: needs cargo (Rust) on the PATH when `npm start` or `npm test` does its set-up' };
  }
  try {
    const core = createRequire(import.meta.url)(path) as CoreBinding;
    const version = core.interfaceVersion();
    if (version === INTERFACE_VERSION) return { core };
    return {
      reason: `${path} has interface ${version}, wanted is ${INTERFACE_VERSION}: delete native/build and start again`,
    };
  } catch (error) {
    return { reason: `${path} does not load: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const loaded = load();

export const core: CoreBinding | undefined = 'core' in loaded ? loaded.core : undefined;
export const hasBinding: boolean = core !== undefined;
/** Why there is no binding; undefined when there is one. */
export const bindingAbsence: string | undefined = 'reason' in loaded ? loaded.reason : undefined;
