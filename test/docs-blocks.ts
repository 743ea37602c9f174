/** Finds, bundles and runs the code blocks of the documentation. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, CACHE } from './bundled.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const STAGE = join(ROOT, 'test/docs-stage.ts');

export interface Block {
  readonly page: string;
  /** The line of the page before the first line of the code. */
  readonly line: number;
  readonly code: string;
  readonly isTyped: boolean;
}

/** The code blocks of a page. A block whose fence says `continues` is appended to the block before it. */
export function blocksIn(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  for (const match of markdown.matchAll(/^```(ts|typescript|js|javascript|mjs)\b([^\n]*)\n([\s\S]*?)^```/gm)) {
    const [, language = '', words = '', code = ''] = match;
    const line = markdown.slice(0, match.index).split('\n').length;
    const before = words.includes('continues') ? blocks.pop() : undefined;
    const start = before ?? { page, line, code: '', isTyped: language.startsWith('t') };
    const filling = '\n'.repeat(line - start.line - start.code.split('\n').length + 1);
    blocks.push({ ...start, code: before === undefined ? code : before.code + filling + code });
  }
  return blocks;
}

/** Runs all blocks, those of a page in one process. Resolves to what went wrong, as `page:line: what`. */
export async function playBlocks(blocks: readonly Block[], timeout: number): Promise<string[]> {
  const folder = join(CACHE, 'blocks');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = blocks.map((_, index) => join(folder, `block-${index}.ts`));
  for (const [index, { code }] of blocks.entries()) writeFileSync(files[index] ?? '', `${code}\nexport {};\n`);
  await bundle({
    entryPoints: [STAGE, ...files],
    entryNames: '[name]',
    outdir: join(folder, 'out'),
    outExtension: { '.js': '.mjs' },
    splitting: true,
  });
  const pages = new Set(blocks.map(({ page }) => page));
  return [...pages].flatMap((page) => {
    const numbers = [...blocks.keys()].filter((index) => blocks[index]?.page === page);
    const played = playOnStage(join(folder, 'out'), numbers, timeout);
    return played.flatMap((complaints, at) =>
      complaints.map((complaint) => `${page}:${blocks[numbers[at] ?? 0]?.line}: ${complaint}`),
    );
  });
}

/** Runs these blocks. Returns what was wrong with each. */
function playOnStage(folder: string, numbers: readonly number[], timeout: number): string[][] {
  const files = numbers.map((number) => join(folder, `block-${number}.mjs`));
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'docs-stage.mjs'), ...files], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout,
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
  });
  const played = stdout.split('\n').filter((line) => line.startsWith('played '));
  const complaints = played.map((line): string[] => JSON.parse(line.slice('played '.length)));
  return complaints.length === files.length ? complaints : [...complaints, [`ended the process: ${stderr}`]];
}
