/** The documentation against the library: tables, links, code blocks and examples. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { llhttpForEsbuild } from '../llhttp.config.js';
import { handlerOptionTable, type OptionRow, optionTable } from '../src/options.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const README_EXISTS = existsSync(join(ROOT, 'README.md'));
const COMPILING_MS = 120_000;
const EXAMPLE_MS = 30_000;

function filesIn(folder: string, ending: RegExp): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => ending.test(name) && !name.includes('node_modules/'))
    .sort();
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const pages = [...(README_EXISTS ? ['README.md'] : []), ...filesIn('docs', /\.md$/)];
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
    const wanted = { maxConnections: shownRows(optionTable), rewritePath: shownRows(handlerOptionTable) };
    for (const [option, rows] of Object.entries(wanted)) {
      const found = optionRowsIn(read(page), option);
      if (found.length > 0) expect(found).toEqual(rows);
    }
  });

  test.each([
    ['PooledBackendOptions', 'src/options.ts', optionTable],
    ['HandlerOptions', 'src/handler-options.ts', handlerOptionTable],
  ])('the docstrings of %s name the defaults of the table', (name, file, table) => {
    const documented = defaultsIn(file, name);
    const wanted = table.filter((row) => row.default !== 'required').map((row) => [row.name, row.default]);
    expect(documented).toEqual(Object.fromEntries(wanted));
  });
});

describe('pages', () => {
  test.runIf(pages.length > 0).each(pages)('the relative links of %s lead somewhere', (page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  test.runIf(README_EXISTS)(
    'every ts and js block compiles against the types',
    () => {
      const blocks = pages.flatMap(blocksIn);
      expect(blocks.length).toBeGreaterThan(0);
      expect(complaintsAbout(blocks)).toEqual([]);
    },
    COMPILING_MS,
  );
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

interface Block {
  readonly page: string;
  /** Line of the page before the first of the code. */
  readonly line: number;
  readonly code: string;
  readonly isTyped: boolean;
}

/** Code blocks. One whose fence says `continues` goes on where the block before it in the page ended. */
function blocksIn(page: string): Block[] {
  const blocks: Block[] = [];
  for (const match of read(page).matchAll(/^```(ts|typescript|js|javascript|mjs)\b([^\n]*)\n([\s\S]*?)^```/gm)) {
    const [, language = '', words = '', code = ''] = match;
    const line = read(page).slice(0, match.index).split('\n').length;
    const before = words.includes('continues') ? blocks.pop() : undefined;
    const start = before ?? { page, line, code: '', isTyped: language.startsWith('t') };
    const filling = '\n'.repeat(line - start.line - start.code.split('\n').length + 1);
    blocks.push({ ...start, code: before === undefined ? code : before.code + filling + code });
  }
  return blocks;
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
  const program = ts.createProgram([...byFile.keys(), `${ROOT}/src/http1/llhttp-binary.d.ts`], blockOptions, host);
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

/** The example as one program that finds the library by the names that its users write. */
async function bundled(file: string): Promise<string> {
  const outfile = join(ROOT, 'node_modules/.cache/pooled-backend', `${basename(file).replace(/\.\w+$/, '')}.mjs`);
  const entries: Record<string, string> = {
    'pooled-backend': 'src/index.ts',
    'pooled-backend/fastify': 'src/mount/fastify.ts',
    'pooled-backend/testing': 'src/testing/index.ts',
  };
  const ownNames: Plugin = {
    name: 'own-names',
    setup({ onResolve }) {
      onResolve({ filter: /^pooled-backend(\/|$)/ }, ({ path }) => ({ path: join(ROOT, entries[path] ?? path) }));
      onResolve({ filter: /^[a-z@]/ }, ({ path, kind }) =>
        kind === 'entry-point' || path.startsWith('virtual:') ? undefined : { external: true },
      );
    },
  };
  await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    plugins: [ownNames, llhttpForEsbuild()],
  });
  return outfile;
}
