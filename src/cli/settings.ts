/** Checks everything that the command was given. The result is how to run, or all that is wrong. */

import {
  type HandlerOptions,
  handlerOptionsOf,
  type PooledBackendOptions,
  type ResolvedOptions,
  resolveOptions,
  type UpgradeHandlerOptions,
  upgradeOptionsOf,
} from '../options.js';
import { type Address, addressOf, LONGEST_PATH_BYTES, meet, type Place, placeBeside, placeOf } from './addresses.js';
import { commandOptions, type OptionOwner } from './command-options.js';
import type { Given, GivenValue } from './given.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Settings {
  readonly listen: Address;
  readonly status: Place;
  readonly metrics: Place;
  readonly title: string;
  readonly drainTimeoutMs: number;
  readonly logLevel: LogLevel;
  readonly backend: PooledBackendOptions;
  readonly mount: HandlerOptions;
  /** `false`: upgrades are answered as plain HTTP. */
  readonly upgrade: UpgradeHandlerOptions | false;
}

export type Checked =
  | { readonly kind: 'settings'; readonly settings: Settings }
  /** `missing`: required options that were not given. */
  | { readonly kind: 'problems'; readonly problems: readonly string[]; readonly missing: readonly string[] };

/** Replaces origins that are missing or wrong, so that the other options are checked too. */
const STAND_IN = { origins: ['http://stand-in.invalid'] };

/** `given`: the first one has precedence. */
export function checkSettings(...given: readonly Given[]): Checked {
  const values = new Map(given.toReversed().flatMap((one) => [...one]));
  const problems: string[] = [];
  const missing = missingOf(values);
  const own = readOwn(values, problems);
  const backend = valuesFor('backend', values);
  const resolved = attempt(backend, values, problems, (options) => {
    const standIn = 'dns' in options ? {} : STAND_IN;
    return withoutTotals(resolveOptions({ ...standIn, ...options } as PooledBackendOptions));
  });
  const mount = valuesFor('mount', values);
  const upgrade = values.has('upgrade') ? values.get('upgrade')?.value : {};
  if (resolved !== undefined) {
    attempt(mount, values, problems, (options) => handlerOptionsOf(options)(resolved));
    if (upgrade !== false) {
      attempt({ upgrade }, values, problems, (left) => upgradeOptionsOf(upgradeIn(left))(resolved), 'upgrade');
    }
  }
  const { listen, status, metrics } = own;
  const isWhole = problems.length === 0 && missing.length === 0;
  if (!isWhole || listen === undefined || status === undefined || metrics === undefined)
    return { kind: 'problems', problems, missing };
  return {
    kind: 'settings',
    settings: {
      ...own,
      listen,
      status,
      metrics,
      mount,
      upgrade: upgrade === false ? false : { ...mount, ...upgradeIn({ upgrade }) },
      backend: backend as unknown as PooledBackendOptions, // resolveOptions has accepted it
    },
  };
}

function missingOf(values: ReadonlyMap<string, GivenValue>): readonly string[] {
  const missing: string[] = [];
  if (!values.has('listen')) missing.push('nowhere to listen: say --listen 8080');
  if (!(values.has('origins') || values.has('dns'))) missing.push('no origin is given: say --origin http://host:port');
  return missing;
}

/** Refuses a total without `workers`: the command has no cluster primary that assigns shares. */
function withoutTotals(resolved: ResolvedOptions): ResolvedOptions {
  const isShared =
    typeof resolved.maxConnections !== 'number' || resolved.origins.some(({ total }) => total !== undefined);
  if (isShared) throw new TypeError('maxConnections must be a number, or { total, workers } where processes share it');
  return resolved;
}

function upgradeIn({ upgrade }: Record<string, unknown>): object {
  if (upgrade === undefined) return {};
  if (typeof upgrade === 'object' && upgrade !== null && !Array.isArray(upgrade)) return upgrade;
  throw new TypeError(`upgrade must be an object or false, got ${JSON.stringify(upgrade)}`);
}

interface Own extends Omit<Settings, 'listen' | 'status' | 'metrics' | 'backend' | 'mount' | 'upgrade'> {
  readonly listen: Address | undefined;
  readonly status: Place | undefined;
  readonly metrics: Place | undefined;
}

function readOwn(values: ReadonlyMap<string, GivenValue>, problems: string[]): Own {
  const wrong = (name: string, accepts: string) => {
    const given = values.get(name);
    problems.push(`${given?.label ?? name} must be ${accepts}, got ${JSON.stringify(given?.value)}`);
  };
  const read = (name: string, fallback?: unknown) => (values.has(name) ? values.get(name)?.value : fallback);
  const listen = addressOf(read('listen'));
  if (values.has('listen') && listen === undefined)
    wrong('listen', `a port, host:port or the path of a unix socket (at most ${LONGEST_PATH_BYTES} bytes)`);
  const status = values.has('status') ? placeOf(read('status')) : placeBeside(listen);
  if (status === undefined) wrong('status', 'a path, a port, host:port or off');
  const metrics = placeOf(read('metrics', 'off'));
  if (metrics === undefined) wrong('metrics', 'a path, a port, host:port or off');
  const clients: Place =
    listen === undefined ? { kind: 'off' } : { kind: 'address', address: listen, isDefault: false };
  if (status && meet(status, clients)) wrong('status', 'elsewhere than the clients');
  if (metrics && status && (meet(metrics, clients) || meet(metrics, status)))
    wrong('metrics', 'elsewhere than the clients and the status page');
  const drainTimeoutMs = read('drainTimeout', 30_000);
  if (typeof drainTimeoutMs !== 'number' || !(drainTimeoutMs >= 1)) {
    wrong('drainTimeout', 'a number of milliseconds from 1, or Infinity');
  }
  const logLevel = read('logLevel', 'info');
  if (!LOG_LEVELS.some((level) => level === logLevel)) wrong('logLevel', `one of ${LOG_LEVELS.join(', ')}`);
  const title = read('title', 'pooled-backend');
  if (typeof title !== 'string') wrong('title', 'a string');
  return {
    listen,
    status,
    metrics,
    title: String(title),
    drainTimeoutMs: Number(drainTimeoutMs),
    logLevel: LOG_LEVELS.find((level) => level === logLevel) ?? 'info',
  };
}

function valuesFor(owner: OptionOwner, values: ReadonlyMap<string, GivenValue>): Record<string, unknown> {
  const names = commandOptions.filter((option) => option.owner === owner && values.has(option.name));
  return Object.fromEntries(names.map(({ name }) => [name, values.get(name)?.value]));
}

/**
 * Resolves options. If that fails, leaves out the option that is wrong and tries again, so that all problems are found.
 * The result is `undefined` only if the problem names no option that could be left out.
 *
 * @param alone the option that must be at fault, if there is only one
 */
function attempt<T>(
  given: Record<string, unknown>,
  values: ReadonlyMap<string, GivenValue>,
  problems: string[],
  resolve: (options: Record<string, unknown>) => T,
  alone?: string,
): T | undefined {
  const left = { ...given };
  // Some options would take the text itself.
  for (const [name, { label, whyNotJson }] of values) {
    if (whyNotJson === undefined || !(name in left)) continue;
    problems.push(`${label} is not JSON: ${whyNotJson}`);
    delete left[name];
  }
  for (;;) {
    try {
      return resolve(left);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const [, name = ''] = /^(?:unknown option )?([A-Za-z]+)/.exec(message) ?? [];
      const culprit = alone ?? name;
      problems.push(labelled(message, culprit, values.get(culprit)));
      if (!(culprit in left)) return undefined;
      delete left[culprit];
    }
  }
}

/** The message, with the name of the flag, variable or file entry that the value came from. */
function labelled(message: string, name: string, given: GivenValue | undefined): string {
  if (given === undefined) return message;
  if (!message.startsWith(name)) return `${given.label}: ${message}`;
  // In a file, the label begins with the name of the option already.
  return given.label.startsWith(name) ? `${message} (${given.label})` : given.label + message.slice(name.length);
}
