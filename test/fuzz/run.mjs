#!/usr/bin/env node
/** Runs the fuzz tests for a given time, or one case: `npm run fuzz -- [--seconds N] [--seed N] [--case N]`. */

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, case: { type: 'string' } },
});
const env = {
  ...process.env,
  FUZZ_SECONDS: values.seconds,
  ...(values.seed !== undefined && { FUZZ_SEED: values.seed }),
  ...(values.case !== undefined && { FUZZ_CASE: values.case }),
};
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/fuzz'], {
  env,
  stdio: 'inherit',
  cwd: new URL('../..', import.meta.url),
});
process.exit(status ?? 1);
