/** What may import what, and the rules that a compiler does not check. A violation is shown as `file:line: sentence`. */

import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface ImportRule {
  /** Areas, or `folder/file`, whose values may be imported. */
  readonly values: readonly string[];
  /** Beside those, areas whose types may be imported. */
  readonly types: readonly string[];
  /** Packages, beside Node's own. */
  readonly packages: readonly string[];
}

const RULES = rulesIn(readFileSync(`${ROOT}/docs/architecture.md`, 'utf8'));

/** The table of imports, by area. */
function rulesIn(page: string): Readonly<Record<string, ImportRule>> {
  const [, table = ''] =
    page
      .split(/^## /m)
      .filter((section) => section.startsWith('Imports'))[0]
      ?.split('| --- |') ?? [];
  const rows = [...table.matchAll(/^\| `(.*)` \| (.*) \|$/gm)];
  const areas = rows.map(([, area = '']) => area);
  return Object.fromEntries(rows.map(([, area = '', cell = '']) => [area, ruleIn(cell, areas)]));
}

/** `a, b; types of c, d; packages e, f`; and, in the place of a list, `nothing` and `everything but …`. */
function ruleIn(cell: string, areas: readonly string[]): ImportRule {
  const [values = '', ...more] = cell.split('; ');
  const listed = (kind: string) =>
    more
      .find((part) => part.startsWith(kind))
      ?.slice(kind.length)
      .split(', ') ?? [];
  const [, but] = /^everything but (.*)$/.exec(values) ?? [];
  return {
    values: but === undefined ? values.split(', ') : areas.filter((area) => !but.split(', ').includes(rootOf(area))),
    types: listed('types of '),
    packages: listed('packages '),
  };
}

function rootOf(area: string): string {
  return area.split('/', 1)[0] ?? '';
}

const SOCKET_MODULES = /^(node:)?(net|tls|http|https|http2|dgram)$/;
const AREAS_WITHOUT_SOCKETS = new Set([
  'time',
  'linked-set',
  'errors',
  'observe',
  'http1',
  'pool',
  'balance',
  'dispatch',
]);
// The page is a browser's, where no other clock is.
const AREAS_WITH_TIME = new Set(['testing', 'status/page']);
const TIMER_MODULES = /^(node:)?(timers(\/promises)?|perf_hooks)$/;
const TIMER_NAMES = new Set(['setTimeout', 'setInterval', 'setImmediate', 'performance']);

/** A folder is one area, and so is a file beside the folders; `options.ts` belongs to its folder. */
function areaOf(file: string): string {
  const [first = '', ...rest] = file
    .replace(/^src\//, '')
    .replace(/(\.d)?\.ts$/, '')
    .split('/');
  if (first === 'status' && rest[0] === 'page') return 'status/page';
  // Each is an area of its own: adapters do not know each other.
  if (first === 'adapters') return `adapters/${rest[0] ?? ''}`;
  return first;
}

function ruleOf(file: string): ImportRule | undefined {
  return RULES[moduleOf(file)] ?? RULES[areaOf(file)];
}

function moduleOf(file: string): string {
  return file.replace(/^src\//, '').replace(/\.(ts|js)$/, '');
}

class SourceCheck {
  readonly violations: string[] = [];
  /** Whatever it imports, by each name that a cell of the table may give it. */
  readonly imported: string[] = [];
  readonly #file: string;
  readonly #source: ts.SourceFile;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  }

  run(): readonly string[] {
    const lines = this.#source.text.split('\n').length - 1;
    if (lines > 300) this.violations.push(`${this.#file}:301: has ${lines} lines, at most 300`);
    if (ruleOf(this.#file) === undefined) this.violations.push(`${this.#file}:1: is in no area of the imports table`);
    this.#visit(this.#source);
    return this.violations;
  }

  #report(node: ts.Node, sentence: string): void {
    const { line } = this.#source.getLineAndCharacterOfPosition(node.getStart(this.#source));
    this.violations.push(`${this.#file}:${line + 1}: ${sentence}`);
  }

  #visit(node: ts.Node): void {
    this.#checkImports(node);
    this.#checkTypes(node);
    if (this.#file !== 'src/time/clock.ts' && !AREAS_WITH_TIME.has(areaOf(this.#file))) this.#checkTime(node);
    ts.forEachChild(node, (child) => this.#visit(child));
  }

  #checkImports(node: ts.Node): void {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const from = node.moduleSpecifier;
      if (from !== undefined && ts.isStringLiteral(from)) this.#checkImport(node, from.text, isTypeOnly(node));
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const { literal } = node.argument;
      if (ts.isStringLiteral(literal)) this.#checkImport(node, literal.text, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [from] = node.arguments;
      if (from !== undefined && ts.isStringLiteral(from)) this.#checkImport(node, from.text, false);
      else this.#report(node, 'imports what only run time knows');
    }
  }

  #checkImport(node: ts.Node, from: string, typeOnly: boolean): void {
    const rule = ruleOf(this.#file);
    if (rule === undefined) return;
    if (!from.startsWith('.')) {
      this.#checkPackage(node, from, typeOnly, rule);
      return;
    }
    const target = posix.join(posix.dirname(this.#file), from);
    const [area, module] = [areaOf(target.replace(/\.js$/, '.ts')), moduleOf(target)];
    this.imported.push(...[area, module].map((name) => (typeOnly ? `types of ${name}` : name)));
    if (area === areaOf(this.#file)) return;
    const allowed = typeOnly ? [...rule.values, ...rule.types] : rule.values;
    if (allowed.includes(area) || allowed.includes(module)) return;
    const kind = typeOnly ? 'types of ' : '';
    this.#report(node, `imports ${kind}${module}; ${areaOf(this.#file)} may import ${allowed.join(', ')}`);
  }

  #checkPackage(node: ts.Node, from: string, typeOnly: boolean, rule: ImportRule): void {
    this.imported.push(from);
    if (!from.startsWith('node:')) {
      if (!rule.packages.includes(from)) this.#report(node, `imports the package ${from}`);
    } else if (!typeOnly && SOCKET_MODULES.test(from) && AREAS_WITHOUT_SOCKETS.has(areaOf(this.#file))) {
      this.#report(node, `imports ${from}; ${areaOf(this.#file)} knows no sockets`);
    } else if (TIMER_MODULES.test(from) && areaOf(this.#file) !== 'testing') {
      this.#report(node, `imports ${from}; only src/time/clock.ts does`);
    }
  }

  #checkTypes(node: ts.Node): void {
    if (node.kind === ts.SyntaxKind.AnyKeyword) this.#report(node, 'says any');
    if (ts.isNonNullExpression(node)) this.#report(node, 'says ! instead of checking');
    if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword) {
      if (!ts.isDefaultClause(node.parent)) this.#report(node, 'has a default export');
    }
    if (ts.isExportSpecifier(node) && node.name.text === 'default') this.#report(node, 'has a default export');
  }

  #checkTime(node: ts.Node): void {
    const time = 'takes time from elsewhere than a Clock';
    if (ts.isIdentifier(node) && TIMER_NAMES.has(node.text) && isFreeName(node))
      this.#report(node, `${node.text} ${time}`);
    if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0) {
      this.#report(node, `new Date() ${time}`);
    }
    if (!ts.isPropertyAccessExpression(node)) return;
    const text = node.getText();
    if (/^(Date\.now|process\.(hrtime|uptime))$/.test(text)) this.#report(node, `${text} ${time}`);
    const call = node.parent;
    const clears = ts.isCallExpression(call) && call.arguments[0]?.getText() === '0';
    if (TIMER_NAMES.has(node.name.text) && !clears) this.#report(node, `${text} ${time}`);
  }
}

function isFreeName(node: ts.Identifier): boolean {
  const { parent } = node;
  return !(ts.isPropertyAccessExpression(parent) && parent.name === node) && !ts.isTypeReferenceNode(parent);
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    if (node.isTypeOnly) return true;
    const { exportClause } = node;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return false;
    return exportClause.elements.every((element) => element.isTypeOnly);
  }
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.every((element) => element.isTypeOnly);
}

const violationsIn = (file: string, text: string) => new SourceCheck(file, text).run();

/** Files that import each other in a circle, for values or types, from the first back to the first. Empty if there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const search = (file: string): readonly string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    path.push(file);
    for (const imported of imports.get(file) ?? []) {
      const circle = search(imported);
      if (circle.length > 0) return circle;
    }
    path.pop();
    done.add(file);
    return [];
  };
  for (const file of imports.keys()) {
    const circle = search(file);
    if (circle.length > 0) return circle;
  }
  return [];
}

function importsOf(file: string): readonly string[] {
  return ts
    .preProcessFile(readFileSync(`${ROOT}/${file}`, 'utf8'))
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => posix.join(posix.dirname(file), fileName).replace(/\.js$/, '.ts'));
}

const files = readdirSync(`${ROOT}/src`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
  .sort();

describe('the sources', () => {
  test('there are some', () => {
    expect(files.length).toBeGreaterThan(10);
  });

  test.each(files)('%s keeps the rules', (file) => {
    expect(violationsIn(file, readFileSync(`${ROOT}/${file}`, 'utf8'))).toEqual([]);
  });
});

describe('arrows', () => {
  test('run one way: no file imports another in a circle, not even its types', () => {
    const imports = new Map(files.map((file) => [file, importsOf(file)]));
    expect([...imports.values()].flat().length).toBeGreaterThan(500);
    expect(circleIn(imports)).toEqual([]);
  });

  test('that run in a circle are found', () => {
    const imports = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['c', 'b']],
    ]);
    expect(circleIn(imports)).toEqual(['b', 'd', 'b']);
  });
});

describe('the page', () => {
  const everywhere = new Set(['backend', 'index']);
  const allowed = Object.entries(RULES).flatMap(([area, { values, types, packages }]) => {
    if (everywhere.has(area)) return [];
    return [...values, ...types.map((type) => `types of ${type}`), ...packages].map((name) => [area, name] as const);
  });
  const used = new Map<string, Set<string>>();
  for (const file of files) {
    const check = new SourceCheck(file, readFileSync(`${ROOT}/${file}`, 'utf8'));
    check.run();
    const area = RULES[moduleOf(file)] === undefined ? areaOf(file) : moduleOf(file);
    used.set(area, new Set([...(used.get(area) ?? []), ...check.imported]));
  }

  test('allows no import that nobody uses', () => {
    const imports = allowed.filter(([, name]) => name !== 'nothing');
    expect(imports.length).toBeGreaterThan(50);
    expect(imports.filter(([area, name]) => used.get(area)?.has(name) !== true)).toEqual([]);
  });
});

describe('a violation is found, with its line', () => {
  test.each<[string, string, string]>([
    ['src/pool/pool.ts', "import { x } from '../connection/dial.js';", '1: imports connection/dial; pool may import'],
    ['src/pool/pool.ts', "\nimport type { X } from '../dispatch/run.js';", '2: imports types of dispatch/run'],
    ['src/pool/pool.ts', "export { x } from '../origin/origin.js';", '1: imports origin/origin'],
    ['src/dispatch/run.ts', "import { x } from '../connection/dial.js';", '1: imports connection/dial'],
    [
      'src/options/handler.ts',
      "import type { X } from '../dispatch/request.js';",
      '1: imports types of dispatch/request',
    ],
    ['src/http1/fields.ts', "const x = await import('../time/clock.js');", '1: imports time/clock'],
    [
      'src/balance/least-busy.ts',
      "import { BackendError } from '../errors.js';",
      '1: imports errors; balance may import nothing',
    ],
    ['src/mount/handler.ts', "import { PooledBackend } from '../backend.js';", '1: imports backend'],
    [
      'src/mount/handler.ts',
      "import { PooledBackend } from 'pooled-backend';",
      '1: imports the package pooled-backend',
    ],
    ['src/backend.ts', "import { ManualClock } from './testing/index.js';", '1: imports testing/index'],
    ['src/origin/origin.ts', "import { Pool } from 'generic-pool';", '1: imports the package generic-pool'],
    ['src/http1/fields.ts', "import { connect } from 'node:net';", '1: imports node:net; http1 knows no sockets'],
    [
      'src/origin/origin.ts',
      "import { setTimeout } from 'node:timers/promises';",
      '1: imports node:timers/promises; only src/time/clock.ts does',
    ],
    ['src/adapters/other.ts', '', '1: is in no area of the imports table'],
    ['src/adapters/undici/x.ts', "import { x } from '../../mount/handler.js';", '1: imports mount/handler'],
    ['src/helpers/x.ts', '', '1: is in no area of the imports table'],
    ['src/errors.ts', '\n'.repeat(301), '301: has 301 lines, at most 300'],
    ['src/errors.ts', 'export const x = (y: any) => y;', '1: says any'],
    ['src/errors.ts', 'export const x = (y?: string) => y!;', '1: says !'],
    ['src/errors.ts', 'export default 1;', '1: has a default export'],
    ['src/errors.ts', 'export default function x() {}', '1: has a default export'],
    ['src/errors.ts', 'const x = 1;\nexport { x as default };', '2: has a default export'],
    ['src/origin/origin.ts', '\n\nsetTimeout(() => {}, 5);', '3: setTimeout takes time'],
    ['src/origin/origin.ts', 'globalThis.setImmediate(() => {});', '1: globalThis.setImmediate takes time'],
    ['src/origin/origin.ts', 'socket.setTimeout(500);', '1: socket.setTimeout takes time'],
    ['src/origin/origin.ts', 'const now = performance.now();', '1: performance takes time'],
    ['src/origin/origin.ts', 'const now = Date.now();', '1: Date.now takes time'],
    ['src/origin/origin.ts', 'const now = new Date();', '1: new Date() takes time'],
    ['src/origin/origin.ts', 'const now = process.hrtime.bigint();', '1: process.hrtime takes time'],
  ])('%s: %j', (file, text, expected) => {
    expect(violationsIn(file, text).join('\n')).toContain(`${file}:${expected}`);
  });

  test.each<[string, string]>([
    ['src/time/clock.ts', 'export const soon = (call: () => void) => setImmediate(call);'],
    ['src/stats.ts', "import type { Origin } from './origin/origin.js';"],
    ['src/dispatch/run.ts', "import type { X } from '../connection/dial.js';"],
    ['src/dispatch/run.ts', "import { type X, type Y } from '../connection/dial.js';"],
    ['src/dispatch/run.ts', "import { isIdempotentMethod } from '../http1/method.js';"],
    ['src/options.ts', "import type { Balancer } from './balance/balancer.js';"],
    ['src/adapters/fastify.ts', "import { PooledBackend } from 'pooled-backend';"],
    ['src/mount/handler.ts', 'export const stamp = (ms: number) => new Date(ms); socket.setTimeout(0);'],
  ])('%s may: %s', (file, text) => {
    expect(violationsIn(file, text)).toEqual([]);
  });
});
