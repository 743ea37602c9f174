import { defineConfig } from 'tsup';
import { llhttpForEsbuild } from './llhttp.config.js';
import { statusPageForEsbuild } from './status-page.config.js';

export default defineConfig([
  {
    entry: {
      index: 'src/index.ts',
      cluster: 'src/fleet/cluster.ts',
      fastify: 'src/adapters/fastify.ts',
      'http-proxy-middleware': 'src/adapters/http-proxy-middleware/index.ts',
      otel: 'src/adapters/otel/index.ts',
      prometheus: 'src/adapters/prometheus/index.ts',
      testing: 'src/testing/index.ts',
      undici: 'src/adapters/undici/index.ts',
    },
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    // What is marked @internal is for other files of ours: an editor does not offer it.
    dts: { compilerOptions: { stripInternal: true } },
    // The subpaths import the core by its public name, so that a process has one core and one WebAssembly instance.
    external: ['pooled-backend'],
    esbuildPlugins: [llhttpForEsbuild(), statusPageForEsbuild()],
  },
  {
    entry: { cli: 'src/cli.ts' },
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    external: ['pooled-backend'],
  },
]);
