/** Every option of the command: its own, and those of a backend and of a mount that can be written as text. */

import { handlerOptionTable, type OptionRow, optionTable } from '../options.js';

/** Which part of the gateway the value is for. */
export type OptionOwner = 'command' | 'backend' | 'mount';

export interface CommandOption extends OptionRow {
  readonly owner: OptionOwner;
  /** `--max-connections` */
  readonly flag: string;
  /** `POOLED_BACKEND_MAX_CONNECTIONS` */
  readonly variable: string;
}

export const ENVIRONMENT_PREFIX = 'POOLED_BACKEND_';

const OWN: readonly OptionRow[] = [
  {
    name: 'listen',
    default: 'required',
    meaning: 'port, `host:port`, or path of a unix socket, to serve clients on',
  },
  {
    name: 'status',
    default: '127.0.0.1 and the next port',
    meaning:
      'where the status page is: a path of the same server (`/status`), a port of 127.0.0.1, `host:port`, or `off`',
  },
  {
    name: 'metrics',
    default: 'off',
    meaning:
      'where Prometheus finds metrics, with prom-client installed: a path of the same server (`/metrics`), a port of 127.0.0.1, `host:port`, or `off`',
  },
  { name: 'title', default: 'pooled-backend', meaning: 'heading of the status page' },
  {
    name: 'drainTimeout',
    default: '30000',
    meaning: 'ms that requests have to finish after SIGTERM or SIGINT; then they are cut off',
  },
  {
    name: 'logLevel',
    default: 'info',
    meaning: '`debug`, `info`, `warn`, `error` or `silent`: what is written to stderr',
  },
  {
    name: 'upgrade',
    default: '{}',
    meaning:
      'WebSocket and other upgrades: `{ protocols, idleTimeout, maxDuration }`, or `false` to answer them as plain HTTP',
  },
];

/** Options that take functions, or serve them: only a program can give them. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  'idempotent',
  'logger',
  'originsInterval',
  'rewritePath',
  'onRequestFields',
  'onResponseFields',
  'onInformation',
]);

/** Meanings of options that accept more in a program. */
const MEANINGS: Readonly<Record<string, string>> = {
  origins:
    'URLs (`http:` or `https:`; no path, query or userinfo), or objects `{ url, host, weight, backup, socketPath, maxConnections }`',
  maxConnections:
    'most sockets per origin, of every kind; 1 to 65535; or `{ total, workers }` for that many processes together',
  rewriteLocation:
    '`true` rewrites URLs of the origins in Location, Content-Location and Refresh to the address at which the client reached the gateway',
  balance:
    "how an origin is chosen: `'least-busy'`, `'round-robin'`, `'two-choices'`, `'first'`, or `{ type: 'hash', key }`",
};

/** Flags whose names differ from those of their options. */
const FLAGS: Readonly<Record<string, string>> = {
  origins: 'origin', // one flag for each
  check: 'health-check', // the command has a --check of its own
};

function optionOf(row: OptionRow, owner: OptionOwner): CommandOption {
  const name = FLAGS[row.name] ?? row.name;
  const words = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const variable = row.name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  const meaning = MEANINGS[row.name] ?? row.meaning;
  return { ...row, meaning, owner, flag: `--${words}`, variable: ENVIRONMENT_PREFIX + variable };
}

const backendNames = new Set(optionTable.map(({ name }) => name));

export const commandOptions: readonly CommandOption[] = [
  ...OWN.map((row) => optionOf(row, 'command')),
  ...optionTable.filter(({ name }) => !FUNCTIONS.has(name)).map((row) => optionOf(row, 'backend')),
  ...handlerOptionTable
    .filter(({ name }) => !FUNCTIONS.has(name) && !backendNames.has(name))
    .map((row) => optionOf(row, 'mount')),
];

const forPrograms = [...optionTable, ...handlerOptionTable]
  .filter(({ name }) => FUNCTIONS.has(name))
  .map((row) => optionOf(row, 'command'));

/** All spellings of the options that only a program can give. */
export const namesForPrograms: ReadonlySet<string> = new Set(
  forPrograms.flatMap(({ name, flag, variable }) => [name, flag, variable]),
);
