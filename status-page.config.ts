/** Bundles the sources in `src/status/page` into the strings of `virtual:status-page`, for the build and for the test run. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync, type Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as VitePlugin } from 'vite';

const VIRTUAL_NAME = 'virtual:status-page';
const FOLDER = fileURLToPath(new URL('./src/status/page/', import.meta.url));

/** The module as text. */
export function statusPageModule(): string {
  const parts = {
    body: readFileSync(`${FOLDER}body.html`, 'utf8').trim().replaceAll(/\n\s*/g, '\n'),
    style: bundled('page.css'),
    // The parser of HTML knows no strings: there the element would end, or a comment begin.
    script: bundled('main.ts')
      .replaceAll(/<\/(?=script)/gi, '<\\/')
      .replaceAll('<!--', '<\\!--'),
  };
  return Object.entries(parts)
    .map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`)
    .join('');
}

function bundled(entry: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [FOLDER + entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['es2022', 'chrome123', 'firefox121', 'safari17.5'],
    charset: 'utf8',
    legalComments: 'none',
  });
  return outputFiles[0]?.text.trim() ?? '';
}

/** For tsup, and for what else bundles the library with esbuild. */
export function statusPageForEsbuild(): EsbuildPlugin {
  return {
    name: 'status-page',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${VIRTUAL_NAME}$`) }, () => ({
        path: VIRTUAL_NAME,
        namespace: 'status-page',
      }));
      build.onLoad({ filter: /.*/, namespace: 'status-page' }, () => ({ contents: statusPageModule(), loader: 'js' }));
    },
  };
}

/** For vitest. */
export function statusPageForVite(): VitePlugin {
  const resolved = `\0${VIRTUAL_NAME}`;
  return {
    name: 'status-page',
    enforce: 'pre',
    resolveId: (id) => (id === VIRTUAL_NAME ? resolved : undefined),
    load: (id) => (id === resolved ? statusPageModule() : undefined),
  };
}
