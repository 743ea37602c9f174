import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { llhttpForVite } from './llhttp.config.js';
import { statusPageForVite } from './status-page.config.js';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// `npm cit` passes no arguments on, so the file for a report in JSON comes with the environment.
const reportFile = process.env.TEST_REPORT;

// They take all the memory that there is for parsers, of which a test before them may hold some.
const fillingMemory = ['test/unit/http1/llhttp.test.ts', 'test/unit/connection/parser-memory.test.ts'];

export default defineConfig({
  plugins: [llhttpForVite(), statusPageForVite()],
  resolve: {
    // Tests and examples import the library by the names that its users write.
    alias: [
      { find: /^pooled-backend$/, replacement: source('./src/index.ts') },
      { find: /^pooled-backend\/cluster$/, replacement: source('./src/fleet/cluster.ts') },
      { find: /^pooled-backend\/fastify$/, replacement: source('./src/adapters/fastify.ts') },
      {
        find: /^pooled-backend\/http-proxy-middleware$/,
        replacement: source('./src/adapters/http-proxy-middleware/index.ts'),
      },
      { find: /^pooled-backend\/otel$/, replacement: source('./src/adapters/otel/index.ts') },
      { find: /^pooled-backend\/prometheus$/, replacement: source('./src/adapters/prometheus/index.ts') },
      { find: /^pooled-backend\/testing$/, replacement: source('./src/testing/index.ts') },
      { find: /^pooled-backend\/undici$/, replacement: source('./src/adapters/undici/index.ts') },
    ],
  },
  test: {
    // By itself vitest leaves a core to its own process, which hardly needs one: on two cores it runs one file at a time.
    maxWorkers: '100%',
    // A loaded machine is slow, not wrong: only what hangs shall fail.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    setupFiles: process.env.FC_SEED === undefined ? [] : ['test/replay.ts'],
    projects: [
      // To load the modules anew for each file took two thirds of the time, and these tests leave nothing behind in them.
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], exclude: fillingMemory, isolate: false },
      },
      {
        extends: true,
        test: { name: 'whole', include: ['test/*.test.ts', 'test/!(unit)/**/*.test.ts', ...fillingMemory] },
      },
    ],
    reporters: reportFile === undefined ? ['default'] : ['default', ['json', { outputFile: reportFile }]],
  },
});
