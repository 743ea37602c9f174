/** The command from its arguments to its exit code. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PooledBackendOptions } from '../options.js';
import { type Place, shownAddress } from './addresses.js';
import { Gateway } from './gateway.js';
import { type Arguments, type Given, readArguments, readConfig, readEnvironment } from './given.js';
import { helpText } from './help.js';
import { Journal } from './journal.js';
import { whyNoMetrics } from './metrics-page.js';
import { type Checked, checkSettings, type Settings } from './settings.js';

/** The process as the command needs it. */
export interface Host {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  exit(code: number): void;
  onSignal(listener: (signal: 'SIGTERM' | 'SIGINT') => void): void;
}

const WRONG = 2;
const FAILED = 1;
const EXIT_AFTER = { SIGINT: 130, SIGTERM: 143 } as const;

export async function main(host: Host): Promise<void> {
  const words = readArguments(host.argv);
  if (words.help || words.version) {
    host.out(words.help ? helpText() : `${version()}\n`);
    return host.exit(0);
  }
  const checked = await withPackages(checkAll(host, words));
  if (checked.kind === 'problems') {
    const { problems, missing } = checked;
    host.err([...problems, ...missing].map((problem) => `pooled-backend: ${problem}\n`).join(''));
    host.err('pooled-backend: --help lists the options\n');
    return host.exit(WRONG);
  }
  if (words.check) {
    host.out(summary(checked.settings));
    return host.exit(0);
  }
  return run(host, checked.settings);
}

async function run(host: Host, settings: Settings): Promise<void> {
  const journal = new Journal(settings.logLevel, (line) => host.err(line));
  const gateway = new Gateway(settings, journal);
  let signals = 0;
  host.onSignal((signal) => {
    signals += 1;
    if (signals > 1) {
      gateway.destroy();
      host.exit(EXIT_AFTER[signal]);
      return;
    }
    void gateway.close().then((allEnded) => {
      journal.info({}, 'closed');
      host.exit(allEnded ? 0 : FAILED);
    });
  });
  try {
    await gateway.open();
  } catch (error) {
    gateway.destroy();
    host.err(`pooled-backend: ${error instanceof Error ? error.message : error}\n`);
    host.exit(FAILED);
  }
}

function checkAll(host: Host, words: Arguments): Checked {
  const environment = readEnvironment(host.env);
  const file = words.config ?? environment.config;
  const config = file === undefined ? { given: new Map() as Given, problems: [] } : readFile(file);
  const problems = [...words.problems, ...environment.problems, ...config.problems];
  const checked = checkSettings(words.given, environment.given, config.given);
  if (problems.length === 0) return checked;
  const found = checked.kind === 'problems' ? checked : { problems: [], missing: [] };
  // Options that seem to be missing may be in the file that could not be read.
  const isRead = file === undefined || config.given.size > 0 || config.problems.length === 0;
  return { kind: 'problems', problems: [...problems, ...found.problems], missing: isRead ? found.missing : [] };
}

/** Some options need a package that may not be installed. */
async function withPackages(checked: Checked): Promise<Checked> {
  if (checked.kind === 'problems' || checked.settings.metrics.kind === 'off') return checked;
  const problem = await whyNoMetrics();
  return problem === undefined ? checked : { kind: 'problems', problems: [problem], missing: [] };
}

function readFile(file: string): ReturnType<typeof readConfig> {
  try {
    return readConfig(new TextDecoder().decode(readFileSync(file)), file); // TextDecoder drops the byte order mark that some editors write
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { given: new Map(), problems: [`cannot read ${file}: ${why}`] };
  }
}

function summary({ listen, status, metrics, backend }: Settings): string {
  const rows = [
    ['listen', shownAddress(listen)],
    ['status', shownPlace(status)],
    ['metrics', shownPlace(metrics)],
    ['origins', placesOf(backend).join(', ')],
  ] as const;
  return `the options are right\n${rows.map(([name, text]) => `  ${name.padEnd(8)} ${text}\n`).join('')}`;
}

function shownPlace(place: Place): string {
  if (place.kind === 'off') return 'off';
  return place.kind === 'path' ? place.path : shownAddress(place.address);
}

/** Where requests go: the origins, or the DNS name that is looked up. */
function placesOf({ origins, dns }: PooledBackendOptions): readonly string[] {
  if (!Array.isArray(origins)) return [`those of ${dns?.name} (${dns?.type ?? 'A'})`];
  return origins.map((origin) => (typeof origin === 'object' && 'url' in origin ? String(origin.url) : String(origin)));
}

/** The version of the package that this file belongs to. */
function version(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    const found: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
    if (isOurs(found)) return found.version;
    if (dirname(folder) === folder) return 'unknown';
  }
}

function isOurs(found: unknown): found is { readonly version: string } {
  return (
    typeof found === 'object' &&
    found !== null &&
    'version' in found &&
    'name' in found &&
    found.name === 'pooled-backend'
  );
}
