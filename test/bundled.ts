/** Bundles files of the project as programs for tests. They import the library by the names that its users write. */

import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { llhttpForEsbuild } from '../llhttp.config.js';
import { statusPageForEsbuild } from '../status-page.config.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The folder is inside node_modules, so that Node finds packages in the folders above it. */
export const CACHE = join(ROOT, 'node_modules/.cache/pooled-backend');

/** Bundles a file of the project as one program. Returns the path of the program. */
export async function bundled(file: string): Promise<string> {
  const outfile = join(CACHE, `${basename(file).replace(/\.\w+$/, '')}.mjs`);
  await bundle({ entryPoints: [file], outfile });
  return outfile;
}

/** `options` say what to bundle, and where to write it. */
export async function bundle(options: BuildOptions): Promise<void> {
  const entries: Record<string, string> = {
    'pooled-backend': 'src/index.ts',
    'pooled-backend/cluster': 'src/fleet/cluster.ts',
    'pooled-backend/fastify': 'src/adapters/fastify.ts',
    'pooled-backend/http-proxy-middleware': 'src/adapters/http-proxy-middleware/index.ts',
    'pooled-backend/otel': 'src/adapters/otel/index.ts',
    'pooled-backend/prometheus': 'src/adapters/prometheus/index.ts',
    'pooled-backend/testing': 'src/testing/index.ts',
    'pooled-backend/undici': 'src/adapters/undici/index.ts',
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
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    plugins: [ownNames, llhttpForEsbuild(), statusPageForEsbuild()],
    ...options,
  });
}
