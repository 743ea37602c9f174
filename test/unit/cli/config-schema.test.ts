import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commandOptions } from '../../../src/cli/command-options.js';
import { readConfig } from '../../../src/cli/given.js';
import { checkSettings } from '../../../src/cli/settings.js';
import { authority } from '../../wire/certificate.js';

/** The part of JSON Schema that the file uses. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false | Schema;
  readonly description?: string;
}

const schema: Schema = JSON.parse(readFileSync(new URL('../../../config.schema.json', import.meta.url), 'utf8'));
const properties = schema.properties ?? {};

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function fits(value: unknown, by: Schema): boolean {
  if (by.anyOf !== undefined) return by.anyOf.some((one) => fits(value, one));
  if (by.const !== undefined) return value === by.const;
  if (by.enum !== undefined) return by.enum.includes(value);
  if (by.type === 'integer' ? !Number.isInteger(value) : typeOf(value) !== by.type) return false;
  if (typeof value === 'number') return value >= (by.minimum ?? value) && value <= (by.maximum ?? value);
  if (typeof value === 'string') return value.length >= (by.minLength ?? 0) && new RegExp(by.pattern ?? '').test(value);
  if (Array.isArray(value)) {
    const { items } = by;
    return value.length >= (by.minItems ?? 0) && value.every((one) => items === undefined || fits(one, items));
  }
  return typeof value !== 'object' || value === null || membersFit(value, by);
}

function membersFit(value: object, { properties = {}, additionalProperties, required = [] }: Schema): boolean {
  if (!required.every((name) => name in value)) return false;
  return Object.entries(value).every(([name, one]) => {
    const by = properties[name] ?? additionalProperties;
    return by === undefined || (by !== false && fits(one, by));
  });
}

const BASE = { listen: 8080, origins: ['http://127.0.0.1:9001'], maxConnections: 65_535 };

function isTaken(name: string, value: unknown): boolean {
  const { origins, ...others } = BASE;
  const base = name === 'dns' ? others : { origins, ...others };
  const { given, problems } = readConfig(JSON.stringify({ ...base, [name]: value }), 'file');
  return problems.length === 0 && checkSettings(given).kind === 'settings';
}

/** Values at and beyond every bound that the schema names, and some of each kind. */
function probesOf(by: Schema): unknown[] {
  const bounds = [by.minimum, by.maximum].flatMap((bound) =>
    bound === undefined ? [] : [bound - 1, bound, bound + 1],
  );
  const parts = [...(by.anyOf ?? []), ...(by.items === undefined ? [] : [by.items])];
  const inside = Object.entries(by.properties ?? {}).flatMap(([name, part]) => {
    return probesOf(part).map((probe) => ({ [name]: probe }));
  });
  const items = by.items === undefined ? [] : probesOf(by.items).map((probe) => [probe]);
  const all = [...bounds, ...(by.enum ?? []), by.const, ...parts.flatMap(probesOf), ...inside, ...items];
  return [
    ...all.filter((one) => one !== undefined),
    ...[0, 1, 1.5, 150, -1, true, false, null, 'nonsense', 'Infinity', {}, []],
  ];
}

test('the schema has every option, and no other', () => {
  const names = commandOptions.map(({ name }) => name);
  expect(Object.keys(properties).sort()).toEqual([...names, '$schema'].sort());
});

test.each(commandOptions.map(({ name, meaning, default: shown }) => [name, meaning, shown]))(
  'it tells of %s what the tables tell',
  (name, meaning, shown) => {
    const told = `${meaning} (default: ${shown})`.replaceAll('`', '');
    expect(properties[name ?? '']?.description).toBe(told);
  },
);

describe('what the command takes fits the schema', () => {
  test.each([
    ['balance', { type: 'hash', key: 'path' }],
    ['balance', { type: 'hash', key: { header: 'x-user' }, load: 'Infinity' }],
    ['ejection', { outliers: { window: 5000, slowness: 3 } }],
    ['maxConnections', { total: 100, workers: 4 }],
    ['tls', { ca: [authority], rejectUnauthorized: true }],
    ['cookieDomainRewrite', { '*': '' }],
  ])('%s as %j', (name, value) => {
    expect([isTaken(name, value), fits(value, properties[name] ?? {})]).toEqual([true, true]);
  });

  test.each(Object.keys(BASE).concat(commandOptions.map(({ name }) => name)))('%s', (name) => {
    const by = properties[name] ?? {};
    expect(probesOf(by).filter((probe) => isTaken(name, probe) && !fits(probe, by))).toEqual([]);
  });
});

/** Texts have rules that a schema cannot tell; what refers to the system cannot be tried here. */
const LAX = new Set([
  'dns',
  'listen',
  'status',
  'metrics',
  'origins',
  'trustProxy',
  'tls',
  'connect',
  'upgrade',
  'ejection',
  'check',
  'sticky',
]);

describe('what fits the schema is taken', () => {
  const strict = commandOptions.map(({ name }) => name).filter((name) => !LAX.has(name));
  test.each(strict)('%s', (name) => {
    const by = properties[name] ?? {};
    expect(probesOf(by).filter((probe) => fits(probe, by) && !isTaken(name, probe))).toEqual([]);
  });
});

test('a file that names the schema is taken', () => {
  const { given, problems } = readConfig(JSON.stringify({ $schema: './config.schema.json', ...BASE }), 'file');
  expect([problems, checkSettings(given).kind]).toEqual([[], 'settings']);
});
