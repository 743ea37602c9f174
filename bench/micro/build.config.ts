/** Bundles the micro-benchmarks with the source files: they measure parts that the package does not export. */

import { defineConfig } from 'tsup';
import { llhttpForEsbuild } from '../../llhttp.config.js';

export default defineConfig({
  entry: { micro: 'bench/micro/micro.ts', curves: 'bench/micro/curves.ts' },
  outDir: 'bench/micro/dist',
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  clean: true,
  silent: true,
  esbuildPlugins: [llhttpForEsbuild()],
});
