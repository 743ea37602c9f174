/** The options of a scripted origin. */

import { allOf, checkNames } from './known-names.js';
import type { MemoryNetwork } from './memory-network.js';
import { checkRules, type Rule, type Script } from './script.js';

/** Where a scripted origin listens, and what it does. */
export interface ScriptedOriginOptions {
  /** Port to listen on. @default one chosen by the system */
  readonly port?: number | undefined;
  /** Listens in this network in memory and uses its clock. Not together with `thread` or `tls`. @default none */
  readonly network?: MemoryNetwork | undefined;
  /** Host in the URL of the origin; only with `network`. @default '127.0.0.1' */
  readonly hostname?: string | undefined;
  /** Path of a Unix socket to listen on instead. @default none */
  readonly socketPath?: string | undefined;
  /** Speaks TLS with this key and certificate, both PEM. Steps of the moment `connection` come before the handshake. @default none */
  readonly tls?:
    | {
        /** The private key. */
        readonly key: string;
        /** The certificate, with its chain. */
        readonly cert: string;
      }
    | undefined;
  /** Length of the kernel's queue of connections that are not accepted yet. @default Node's */
  readonly backlog?: number | undefined;
  /** Chooses the steps for each request. Not together with `thread`. @default none */
  readonly script?: Script | undefined;
  /** Steps for certain requests; the first rule that matches is used. Without a match: `execute(), answer()`. @default [] */
  readonly rules?: readonly Rule[] | undefined;
  /** Runs in a worker thread, so that it can act while the event loop of the test is blocked. @default false */
  readonly thread?: boolean | undefined;
}

const OPTIONS = allOf<keyof ScriptedOriginOptions>({
  ...{ port: 0, network: 0, hostname: 0, socketPath: 0, tls: 0, backlog: 0, script: 0, rules: 0, thread: 0 },
});

/** @throws TypeError that says what is unknown, or cannot be combined */
export function checkOptions(options: ScriptedOriginOptions): void {
  checkNames('ScriptedOrigin.start()', options, OPTIONS);
  const { script, thread = false, network, tls, hostname, rules = [] } = options;
  if (script !== undefined && typeof script !== 'function')
    throw new TypeError(`script must be a function, got ${JSON.stringify(script)}`);
  if (tls !== undefined) checkNames('tls', tls, ['key', 'cert']);
  if (thread && script !== undefined) throw new TypeError('script cannot be combined with thread: use rules');
  if (network !== undefined && thread) throw new TypeError('network cannot be combined with thread');
  if (network !== undefined && tls !== undefined)
    throw new TypeError('network cannot be combined with tls: a network in memory has no TLS');
  if (network === undefined && hostname !== undefined) throw new TypeError('hostname needs a network in memory');
  checkRules(rules);
}
