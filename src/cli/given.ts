/** What the user gave by flag, in the environment and in a file: values by name, each with the place that it came from. */

import { parseArgs } from 'node:util';
import { nearest } from '../options/nearest.js';
import { type CommandOption, commandOptions, ENVIRONMENT_PREFIX, namesForPrograms } from './command-options.js';
import { meaningOfJson, meaningOfText, whyNotJsonOf } from './meanings.js';

export interface GivenValue {
  readonly value: unknown;
  /** How errors call the value: by its flag, its variable, or its name and file. */
  readonly label: string;
  /** The text begins as JSON does, and this is why it is none. */
  readonly whyNotJson?: string | undefined;
}

export type Given = ReadonlyMap<string, GivenValue>;

/** What the arguments say: option values, the config file, and switches. */
export interface Arguments {
  readonly given: Given;
  readonly config: string | undefined;
  readonly check: boolean;
  readonly help: boolean;
  readonly version: boolean;
  readonly problems: readonly string[];
}

const byFlag = new Map(commandOptions.map((option) => [option.flag.slice(2), option]));
const byName = new Map(commandOptions.map((option) => [option.name, option]));
const SWITCHES = ['check', 'help', 'version'];
const ORIGIN_CHECKS = ': the checks of origins are --health-check';
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['cookieDomainRewrite', 'cookiePathRewrite']); // '' removes the attribute
/**
 * Variables that Kubernetes sets in every process for a service whose name begins with `pooled-backend`
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
 */
const OF_A_SERVICE = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const ALL_FLAGS = [...byFlag.keys(), 'config', ...SWITCHES].map((name) => `--${name}`);

/** Reads the arguments of the command. */
export function readArguments(words: readonly string[]): Arguments {
  const problems: string[] = [];
  const given = new Map<string, GivenValue>();
  const switches = new Set<string>();
  let config: string | undefined;
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    options: {
      ...Object.fromEntries([...byFlag.keys(), 'config'].map((name) => [name, { type: 'string' as const }])),
      ...Object.fromEntries(SWITCHES.map((name) => [name, { type: 'boolean' as const }])),
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      listen: { type: 'string', short: 'l' },
      origin: { type: 'string', short: 'o' },
      config: { type: 'string', short: 'c' },
    },
  });
  let isUnknown = false; // whether the flag before is unknown: then the next word may be its value
  for (const token of tokens) {
    const mayBeValue = isUnknown;
    isUnknown = false;
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (mayBeValue) continue;
      problems.push(`unexpected argument ${token.value}${hintFor(token.value, switches)}`);
      continue;
    }
    const { name, rawName, value } = token;
    const option = byFlag.get(name);
    if (SWITCHES.includes(name)) {
      if (value === undefined) switches.add(name);
      else problems.push(`${rawName} takes no value${name === 'check' ? ORIGIN_CHECKS : ''}`);
    } else if (option === undefined && name !== 'config') {
      problems.push(unknown(rawName, ALL_FLAGS));
      isUnknown = value === undefined;
    } else if (value === undefined || (value === '' && !MAY_BE_EMPTY.has(option?.name ?? '')))
      problems.push(`${rawName} needs a value`);
    else if (option === undefined) config = value;
    else add(given, option, rawName, value);
  }
  const [check, help, version] = SWITCHES.map((name) => switches.has(name));
  return { given, config, check: check === true, help: help === true, version: version === true, problems };
}

/** Reads the environment variables with our prefix. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): {
  readonly given: Given;
  readonly config: string | undefined;
  readonly problems: readonly string[];
} {
  const byVariable = new Map(commandOptions.map((option) => [option.variable, option]));
  const configVariable = `${ENVIRONMENT_PREFIX}CONFIG`;
  const given = new Map<string, GivenValue>();
  const problems: string[] = [];
  for (const [variable, text] of Object.entries(variables)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || variable === configVariable || !text) continue;
    const option = byVariable.get(variable);
    if (option === undefined && isOfAService(variable, text)) continue;
    if (option === undefined) problems.push(unknown(variable, [...byVariable.keys(), configVariable]));
    else add(given, option, variable, text);
  }
  return { given, config: variables[configVariable] || undefined, problems };
}

function isOfAService(variable: string, text: string): boolean {
  return OF_A_SERVICE.test(variable) || (variable.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(text));
}

/** Reads the text of a config file. */
export function readConfig(
  text: string,
  file: string,
): { readonly given: Given; readonly problems: readonly string[] } {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return { given: new Map(), problems: [`${file} is not JSON: ${error instanceof Error ? error.message : error}`] };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { given: new Map(), problems: [`${file} must be an object of options`] };
  }
  const given = new Map<string, GivenValue>();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(content)) {
    if (name === '$schema') continue;
    if (byName.has(name)) given.set(name, { value: meaningOfJson(name, value), label: `${name} in ${file}` });
    else problems.push(`${unknown(name, [...byName.keys()])} in ${file}`);
  }
  return { given, problems };
}

function hintFor(argument: string, switches: ReadonlySet<string>): string {
  if (/^https?:/.test(argument)) return `: say --origin ${argument}`;
  return switches.has('check') && argument.startsWith('{') ? ORIGIN_CHECKS : '';
}

function unknown(name: string, names: readonly string[]): string {
  if (namesForPrograms.has(name)) return `only a program can give ${name}`;
  const meant = nearest(name, names);
  return `unknown option ${name}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
}

/** A list may be given in several parts, which are joined. */
function add(given: Map<string, GivenValue>, { name }: CommandOption, label: string, text: string): void {
  const before = given.get(name);
  const value = meaningOfText(name, text);
  const whyNotJson = whyNotJsonOf(text);
  if (!Array.isArray(before?.value) || !Array.isArray(value)) given.set(name, { label, value, whyNotJson });
  else given.set(name, { label, value: [...before.value, ...value], whyNotJson: before.whyNotJson ?? whyNotJson });
}
