/** The tests that run against each mutant: those without sockets and without real time. */

import base from '../../vitest.config.js';

export default {
  ...base,
  test: {
    ...base.test,
    projects: undefined, // modules must be loaded again for each mutant, because some mutants change the values that modules keep
    include: process.env.ONLY_TESTS?.split(',') ?? [
      'test/unit/{dispatch,http1,origin,pool,connection}/**/*.test.ts',
      'test/properties/histories.test.ts',
    ],
    exclude: [
      '**/node_modules/**',
      '**/parser-memory.test.ts',
      '**/dial.test.ts',
      '**/liveness.test.ts',
      '**/llhttp*.test.ts',
      '**/response-*.test.ts',
      '**/*.property.test.ts',
    ],
    env: { RUNS: '60' },
  },
};
