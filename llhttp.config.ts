/** Takes the llhttp WebAssembly binary out of the installed `llhttp-wasm` package, for the build and for the test run. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as VitePlugin } from 'vite';

/** What the sources import: a module whose `llhttpBinary` is the binary in base64. */
const VIRTUAL_NAME = 'virtual:llhttp';

// llhttp 9.3.0 as llhttp-wasm 1.0.3 ships it. Our checks fill the gaps of exactly this version: another one needs a look first.
const EXPECTED_BYTES = 60_347;
const EXPECTED_SHA256 = '259f8302ac0f7fd7d38469e0d16b505e59c6b432cc5eb856be4d012260de0e11';

/** Reads the binary as base64 from the text of the package's main file. Throws when it is not the one we know. */
export function extractLlhttp(source: string, file: string): string {
  const base64 = /\bbinaryString = "([A-Za-z0-9+/]+=*)"/.exec(source)?.[1];
  if (base64 === undefined) throw new Error(`no WebAssembly binary in ${file}: is this llhttp-wasm 1.0.3?`);
  const binary = Buffer.from(base64, 'base64');
  const sha256 = createHash('sha256').update(binary).digest('hex');
  if (binary.length !== EXPECTED_BYTES || sha256 !== EXPECTED_SHA256) {
    throw new Error(
      `the llhttp binary in ${file} has ${binary.length} bytes and sha256 ${sha256}, expected ${EXPECTED_BYTES} and ${EXPECTED_SHA256}`,
    );
  }
  return base64;
}

function llhttpModule(): string {
  const file = createRequire(import.meta.url).resolve('llhttp-wasm');
  return `export const llhttpBinary = '${extractLlhttp(readFileSync(file, 'utf8'), file)}';\n`;
}

/** For tsup. */
export function llhttpForEsbuild(): EsbuildPlugin {
  return {
    name: 'llhttp',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${VIRTUAL_NAME}$`) }, () => ({ path: VIRTUAL_NAME, namespace: 'llhttp' }));
      build.onLoad({ filter: /.*/, namespace: 'llhttp' }, () => ({ contents: llhttpModule(), loader: 'js' }));
    },
  };
}

/** For vitest. */
export function llhttpForVite(): VitePlugin {
  const resolved = `\0${VIRTUAL_NAME}`;
  return {
    name: 'llhttp',
    enforce: 'pre',
    resolveId: (id) => (id === VIRTUAL_NAME ? resolved : undefined),
    load: (id) => (id === resolved ? llhttpModule() : undefined),
  };
}
