/** The documentation against the library: tables, links, code blocks and examples. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, onTestFinished, test } from 'vitest';
import { commandOptions } from '../src/cli/command-options.js';
import { BackendError, type ErrorCode } from '../src/errors.js';
import { handlerOptionTable, type OptionRow, optionTable, upgradeOptionTable } from '../src/options.js';
import { bundled } from './bundled.js';
import { differences } from './compat/differences.mjs';
import { type Block, blocksIn, playBlocks } from './docs-blocks.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const README_EXISTS = existsSync(join(ROOT, 'README.md'));
const AT_HAND = [
  "import http from 'node:http'; import cluster from 'node:cluster'; import type { FastifyInstance } from 'fastify';",
  "import { type Balancer, BackendError, PooledBackend } from 'pooled-backend'; import { fetch } from 'undici';",
  "import { shareConnections } from 'pooled-backend/cluster'; import { fastifyPooledBackend } from 'pooled-backend/fastify';",
  "import { instrumentBackend } from 'pooled-backend/otel'; import { registerMetrics } from 'pooled-backend/prometheus';",
  "import { BackendDispatcher } from 'pooled-backend/undici';",
  "import { createProxyMiddleware } from 'pooled-backend/http-proxy-middleware'; import type { Express } from 'express';",
  "import * as testing from 'pooled-backend/testing';",
  'const { answer, checkStats, close, execute, ManualClock, MemoryNetwork, memorySockets, ScriptedOrigin } = testing;',
  'declare const app: FastifyInstance & Express; declare const backend: PooledBackend;',
  'declare const origins: string[]; declare const body: string; declare function repeat(): void;',
].join(' ');
const COMPILING_MS = 120_000;
const EXAMPLE_MS = 50_000;
const PLAYING_MS = 180_000;

function filesIn(folder: string, ending: RegExp): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => ending.test(name) && !name.includes('node_modules/'))
    .sort();
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'bench/README.md', 'examples/README.md'],
  ...filesIn('docs', /\.md$/),
].filter((page) => existsSync(join(ROOT, page)) && !page.startsWith('docs/api/')); // which is made of these
/** Servers whose configurations are shown, where they are installed. */
const programs = new Map(
  ['haproxy', 'nginx'].flatMap((name): [string, string][] => {
    const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
    const file = folders.map((folder) => join(folder, name)).find(existsSync);
    return file === undefined ? [] : [[name, file]];
  }),
);
const examples = filesIn('examples', /\.(ts|mts|js|mjs)$/);

describe('options tables', () => {
  test.runIf(README_EXISTS)('README.md shows every option of a backend, its default and its meaning', () => {
    expect(optionRowsIn(read('README.md'), 'maxConnections')).toEqual(shownRows(optionTable));
  });

  test.runIf(README_EXISTS)('the options of a mount are shown in README.md or docs/options.md', () => {
    const found = pages.filter((page) => optionRowsIn(read(page), 'rewritePath').length > 0);
    expect(found.length, `${shownRows(handlerOptionTable).join('\n')}\nis in no page`).toBeGreaterThan(0);
  });

  test.each(pages)('the tables of options in %s are those of the source', (page) => {
    const wanted = {
      maxConnections: shownRows(optionTable),
      rewritePath: shownRows(handlerOptionTable),
      maxDuration: shownRows(upgradeOptionTable),
    };
    for (const [option, rows] of Object.entries(wanted)) {
      const found = optionRowsIn(read(page), option);
      if (found.length > 0) expect(found).toEqual(rows);
    }
  });

  test.each([
    ['PooledBackendOptions', 'src/options/backend.ts', optionTable],
    ['HandlerOptions', 'src/options/handler.ts', handlerOptionTable],
    ['TunnelOptions', 'src/options/tunnel.ts', upgradeOptionTable],
  ])('the docstrings of %s name the defaults of the table', (name, file, table) => {
    const documented = defaultsIn(file, name);
    const wanted = table.filter((row) => row.default !== 'required').map((row) => [row.name, row.default]);
    expect(documented).toEqual(Object.fromEntries(wanted));
  });
});

describe('docstrings', () => {
  test('every option that may be left out says what it is then', () => {
    const silent = filesIn('src', /\.ts$/)
      .filter((file) => !/^src\/(testing|status\/page)\//.test(file))
      .flatMap((file) =>
        membersIn(file, /^\w+(Options|Init|Events|Changes|Timeouts)$/).map((member) => ({ file, ...member })),
      )
      .filter(({ optional, hasDefault }) => optional && !hasDefault);
    // Required, unless there is `dns`.
    const known = ['PooledBackendOptions.origins'];
    expect(silent.filter(({ name }) => !known.includes(name)).map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });

  test('and may be undefined, where TypeScript takes optional properties exactly', () => {
    const exact = filesIn('src', /\.ts$/)
      .filter((file) => !file.startsWith('src/status/page/'))
      .flatMap((file) => membersIn(file, /(Options|Init|Details)$|^(Answer|Balancer|Rule)$/))
      .filter(({ optional, type }) => optional && !/\bundefined$|^unknown$|^HandlerOptions\[/.test(type));
    expect(exact.map(({ name }) => name)).toEqual([]);
  });

  test(
    'every example compiles against the types',
    () => {
      const examples = filesIn('src', /\.ts$/).flatMap(examplesIn);
      expect(examples.length).toBeGreaterThan(10);
      expect(complaintsAbout(examples)).toEqual([]);
    },
    COMPILING_MS,
  );
});

describe('lists', () => {
  test.runIf(README_EXISTS)('examples/README.md has every example, with the packages that it imports', () => {
    const rows = rowsUnder('examples/README.md', 'file').map(([file = '', , needs = '']): [string, string[]] => [
      `examples/${file.replace(/^\[(.*)\].*/, '$1')}`,
      needs.split(', ').filter((name) => name !== ''),
    ]);
    expect(rows.map(([file]) => file).sort()).toEqual(examples);
    const missing = rows.flatMap(([file, needs]) => packagesOf(file).filter((name) => !needs.includes(name)));
    expect(missing).toEqual([]);
  });

  test('docs/errors.md has every code, with its status', () => {
    const codes = keysOf('src/errors.ts', 'STATUS_BY_CODE') as ErrorCode[];
    const wanted = codes.map((code) => [code, String(new BackendError(code, '').statusCode)]);
    expect(rowsUnder('docs/errors.md', 'code').map(([code, status]) => [code, status])).toEqual(wanted);
  });

  test('docs/observability.md has every event, with its level', () => {
    const levels = [...read('src/observe/observer.ts').matchAll(/^ {2}(\w+): '(\w+)',$/gm)].map(([, ...row]) => row);
    expect(rowsUnder('docs/observability.md', 'event').map(([event, level]) => [event, level])).toEqual(levels);
    expect(levels.length).toBe(keysOf('src/observe/observer.ts', 'LEVELS').length);
  });

  test('docs/observability.md has everything that each event tells', () => {
    const shown = rowsUnder('docs/observability.md', 'event').map(([event, , , told = '']) => [event, told] as const);
    const parts: Readonly<Record<string, string>> = { RequestNews: 'request', RequestCosts: 'costs' };
    for (const [event, members] of Object.entries(
      eventMembers(['src/observe/events.ts', 'src/observe/request-news.ts'], parts),
    )) {
      const told = new Map(shown).get(event) ?? '';
      const missing = members.filter((member) => !new RegExp(`\\b${member}\\b`).test(told));
      expect({ event, missing }).toEqual({ event, missing: [] });
    }
  });

  test.each([
    ['closed', 'CloseReason'],
    ['resent', 'ResendReason'],
  ])('docs/observability.md has every reason in %s', (heading, type) => {
    const shown = rowsUnder('docs/observability.md', heading).flatMap(([reasons = '']) => reasons.split(', '));
    expect(shown.toSorted()).toEqual(literalsOf('src/observe/reasons.ts', type).toSorted());
  });

  test('docs/options.md advises on every option', () => {
    const headings = [...read('docs/options.md').matchAll(/^### (.*)$/gm)].map(([, heading = '']) => heading).join(' ');
    const options = [...optionTable, ...handlerOptionTable].map(({ name }) => name);
    expect(options.filter((name) => !headings.includes(`\`${name}\``))).toEqual([]);
  });

  test('docs/cli.md has every option that only the command has, and its default', () => {
    const own = commandOptions.filter(({ owner }) => owner === 'command');
    const rows = rowsUnder('docs/cli.md', 'flag').map(([flags = '', value]) => [flags.split(',')[0], value]);
    // Where the status page is takes a sentence.
    const wanted = own.filter(({ name }) => name !== 'status').map((option) => [option.flag, option.default]);
    expect(rows).toEqual(expect.arrayContaining(wanted));
  });

  test('docs/from-undici.md has every test of reply-from that does not pass, with the reason', () => {
    const shown = rowsUnder('docs/from-undici.md', 'test of reply-from');
    const listed = differences.flatMap(({ file, tests, why }) =>
      tests.map((name) => [`${file}: ${name}`, why.replaceAll('`', '')]),
    );
    expect(shown).toEqual(listed);
  });
});

describe('pages', () => {
  test.runIf(pages.length > 0).each(pages)('the headings that %s links to are there', (page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\((?!\w+:)([^)#\s]*)#([^)\s]+)\)/g)];
    const lost = links.filter(([, target = '', anchor = '']) => {
      const file = target === '' ? page : join(dirname(page), target);
      return !existsSync(join(ROOT, file)) || !anchorsOf(file).includes(anchor);
    });
    expect(lost.map(([link]) => link)).toEqual([]);
  });

  test.runIf(pages.length > 0).each(pages)('the relative links of %s lead somewhere', (page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  test.runIf(pages.length > 0).each(pages)('the files of ours that %s names are there', (page) => {
    const named = [...read(page).matchAll(/`((?:[\w-]+\/)+[\w.-]+\.(?:ts|mjs))`/g)].map(([, file = '']) => file);
    const folders = ['', 'src', dirname(page)]; // that a name may begin in
    const isThere = (file: string) => folders.some((folder) => existsSync(join(ROOT, folder, file)));
    expect(named.filter((file) => !isThere(file))).toEqual([]);
  });

  test.runIf(README_EXISTS)(
    'every ts and js block compiles against the types',
    () => {
      const blocks = pages.flatMap((page) => blocksIn(page, read(page)));
      expect(blocks.length).toBeGreaterThan(0);
      expect(complaintsAbout(blocks)).toEqual([]);
    },
    COMPILING_MS,
  );
});

describe('code blocks', () => {
  test.runIf(README_EXISTS)(
    'every ts and js block runs, and what it serves is answered',
    async () => {
      const blocks = pages.flatMap((page) => blocksIn(page, read(page)));
      expect(await playBlocks(blocks, PLAYING_MS)).toEqual([]);
    },
    PLAYING_MS + 60_000,
  );

  test('a block that ends its process when it is told to stop does not end those behind it', async () => {
    const block = (line: number, code: string): Block => ({ page: 'a page', line, code, isTyped: true });
    const blocks = [block(1, "process.once('SIGTERM', () => process.exit());"), block(9, "throw 'was played';")];
    expect(await playBlocks(blocks, PLAYING_MS)).toEqual(['a page:9: was played']);
  });

  test.runIf(programs.has('haproxy'))('HAProxy takes the configuration that a page begins with', () => {
    for (const text of fencesIn('docs/from-haproxy.md', 'haproxy')) expectTaken('haproxy', text, ['-c', '-f']);
  });

  test.runIf(programs.has('nginx'))('nginx takes the configuration that a page begins with', () => {
    for (const text of fencesIn('docs/from-nginx.md', 'nginx')) {
      expectTaken('nginx', `error_log stderr; pid nginx.pid; events {} http { access_log off; ${text} }`, ['-t', '-c']);
    }
  });
});

describe('examples', () => {
  test.runIf(README_EXISTS)('there are some', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.runIf(examples.length > 0).each(examples)('%s has less than 60 lines', (file) => {
    expect(read(file).trimEnd().split('\n').length).toBeLessThan(60);
  });

  test.runIf(examples.length > 0).each(examples)(
    '%s runs and ends by itself',
    async (file) => {
      const program = await bundled(file);
      const run = spawnSync(process.execPath, [program], { cwd: ROOT, encoding: 'utf8', timeout: EXAMPLE_MS });
      expect({ status: run.status, signal: run.signal, stderr: run.stderr }).toEqual({
        status: 0,
        signal: null,
        stderr: '',
      });
    },
    EXAMPLE_MS + 10_000,
  );
});

test('the arithmetic of docs/scaling.md can be run', () => {
  const words = ['bench/scenarios/subset.mjs', '500', '125'];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('| every process restarts, with its name | 0.00 % | 0.00 % | 0 |');
});

/** The texts of the blocks in another language. */
function fencesIn(page: string, language: string): string[] {
  const fences = [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  );
  expect(fences.length).toBeGreaterThan(0);
  return fences;
}

function expectTaken(program: string, configuration: string, words: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, `${program}.conf`);
  writeFileSync(file, configuration);
  const { status, stderr } = spawnSync(programs.get(program) ?? program, [...words, file], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
}

/** The cells of the table whose first heading is `heading`, without backticks. */
function rowsUnder(page: string, heading: string): string[][] {
  const tables = withoutCode(read(page)).match(/(^\|.*\|[ \t]*\n)+/gm) ?? [];
  const table = tables.find((text) => text.replaceAll('`', '').startsWith(`| ${heading} |`)) ?? '';
  const rows = table.trimEnd().split('\n').slice(2);
  return rows.map((row) =>
    row
      .replaceAll('`', '')
      .replace(/^\|\s*|\s*\|\s*$/g, '')
      .split(/\s*\|\s*/),
  );
}

/** The packages that an example imports, besides this one and Node's own. */
function packagesOf(file: string): string[] {
  const imported = [...read(file).matchAll(/^(?:import|.* from) '((?:@[^/']+\/)?[^/']+)/gm)].map(
    ([, name = '']) => name,
  );
  return imported.filter((name) => name !== 'pooled-backend' && !name.startsWith('node:'));
}

/** The examples in the docstrings of a file, each with what its reader has at hand. */
function examplesIn(file: string): Block[] {
  const text = read(file);
  return [...text.matchAll(/^ *\* ```ts\n([\s\S]*?)^ *\* ```/gm)].map(({ index, 1: example = '' }) => ({
    page: file,
    line: text.slice(0, index).split('\n').length,
    code: `${AT_HAND} { ${example.replace(/^ *\* ?/gm, '')} }`,
    isTyped: true,
  }));
}

/** The properties of the exported interfaces of such names. */
function membersIn(file: string, names: RegExp) {
  return declarationsIn(file).flatMap((node) => {
    if (!ts.isInterfaceDeclaration(node) || !names.test(node.name.text)) return [];
    if (!node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    return node.members.map((member) => ({
      name: `${node.name.text}.${member.name?.getText() ?? ''}`,
      optional: member.questionToken !== undefined,
      type: ts.isPropertySignature(member) ? (member.type?.getText() ?? '') : '',
      hasDefault: ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'default'),
    }));
  });
}

/** The names of the members of an object literal. */
function keysOf(file: string, name: string): string[] {
  const found = declarationsIn(file).find((node) => ts.isVariableDeclaration(node) && node.name.getText() === name);
  let value = found !== undefined && ts.isVariableDeclaration(found) ? found.initializer : undefined;
  while (value !== undefined && ts.isAsExpression(value)) value = value.expression;
  if (value === undefined || !ts.isObjectLiteralExpression(value)) throw new Error(`no object ${name} in ${file}`);
  return value.properties.map((member) => member.name?.getText().replaceAll("'", '') ?? '');
}

/** The members of a union of string literals. */
function literalsOf(file: string, name: string): string[] {
  const found = declarationsIn(file).find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === name);
  if (found === undefined || !ts.isTypeAliasDeclaration(found) || !ts.isUnionTypeNode(found.type)) {
    throw new Error(`no union ${name} in ${file}`);
  }
  return found.type.types.map((type) => type.getText().replaceAll("'", ''));
}

/** The properties of what each event tells; a type in `parts` is told by the word that it has there. */
function eventMembers(files: readonly string[], parts: Readonly<Record<string, string>>): Record<string, string[]> {
  const interfaces = new Map(
    files
      .flatMap(declarationsIn)
      .filter(ts.isInterfaceDeclaration)
      .map((node) => [node.name.text, node]),
  );
  const namesOf = (members: readonly ts.TypeElement[]) => members.map((member) => member.name?.getText() ?? '');
  const named = (name: string): string[] => {
    const part = parts[name];
    if (part !== undefined) return [part];
    const found = interfaces.get(name);
    if (found === undefined) throw new Error(`no interface ${name} in ${files}`);
    const above = found.heritageClauses?.flatMap(({ types }) => types.map((type) => type.expression.getText())) ?? [];
    return [...above.flatMap(named), ...namesOf([...found.members])];
  };
  const told = (type: ts.TypeNode): string[] => {
    if (ts.isTupleTypeNode(type)) return type.elements.flatMap(told);
    if (ts.isNamedTupleMember(type)) return told(type.type);
    if (ts.isIntersectionTypeNode(type)) return type.types.flatMap(told);
    if (ts.isTypeLiteralNode(type)) return namesOf([...type.members]);
    return named(type.getText());
  };
  const events = [...(interfaces.get('BackendEvents')?.members ?? [])].filter(ts.isPropertySignature);
  return Object.fromEntries(events.map(({ name, type }) => [name.getText(), type === undefined ? [] : told(type)]));
}

function declarationsIn(file: string): readonly ts.Node[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.ESNext, true);
  return source.statements.flatMap((statement): readonly ts.Node[] =>
    ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement],
  );
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Rows as `name | default | meaning`, so that a difference shows what to write. */
function shownRows(table: readonly OptionRow[]): string[] {
  return table.map((row) => `${row.name} | ${row.default} | ${row.meaning}`);
}

/** The rows of the first table that has a row for the option. */
function optionRowsIn(markdown: string, option: string): string[] {
  const tables = withoutCode(markdown).match(/(^\|.*\|[ \t]*\n)+/gm) ?? [];
  const table = tables.find((text) => text.includes(`\n| \`${option}\` |`)) ?? '';
  const rows = table.trimEnd().split('\n').slice(2);
  return rows.map((row) => {
    const [name = '', value = '', ...meaning] = row.replace(/^\|\s*|\s*\|\s*$/g, '').split(/\s+\|\s+/);
    return `${name.replaceAll('`', '')} | ${value.replaceAll('`', '')} | ${meaning.join(' | ')}`;
  });
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, ''));
}

function defaultsIn(file: string, interfaceName: string): Record<string, string> {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.ESNext, true);
  const found: Record<string, string> = {};
  for (const statement of source.statements) {
    if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== interfaceName) continue;
    for (const member of statement.members) {
      const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default');
      const text = ts.getTextOfJSDocComment(tag?.comment);
      if (text !== undefined) found[member.name?.getText() ?? ''] = text.replaceAll('`', '');
    }
  }
  return found;
}

/** What the compiler says of each block, as `page:line: message`. */
function complaintsAbout(blocks: readonly Block[]): string[] {
  const byFile = new Map(blocks.map((block, index) => [`${ROOT}/block-${index}.ts`, block]));
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const blockOptions = { ...options, noUnusedLocals: false, noUnusedParameters: false };
  const host = ts.createCompilerHost(blockOptions);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => byFile.has(name) || fileExists(name);
  host.readFile = (name) => byFile.get(name)?.code ?? readFile(name);
  host.getSourceFile = (name, target, ...rest) => {
    const block = byFile.get(name);
    if (block === undefined) return getSourceFile(name, target, ...rest);
    return ts.createSourceFile(name, `${block.code}\nexport {};\n`, target);
  };
  const bundled = ['src/http1/llhttp-binary.d.ts', 'src/status/bundled-page.d.ts'].map((file) => join(ROOT, file));
  const program = ts.createProgram([...byFile.keys(), ...bundled], blockOptions, host);
  return [...byFile].flatMap(([file, block]) => {
    const source = program.getSourceFile(file);
    return ts
      .getPreEmitDiagnostics(program, source)
      .filter(({ code }) => block.isTyped || !isAboutMissingTypes(code))
      .map(({ start = 0, messageText }) => {
        const line = block.line + 1 + (source?.getLineAndCharacterOfPosition(start).line ?? 0);
        return `${block.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
      });
  });
}

// TS7005 to TS7053: implicit any, which JavaScript cannot avoid.
function isAboutMissingTypes(code: number): boolean {
  return code >= 7005 && code <= 7053;
}
