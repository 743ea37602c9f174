// npm run planted: puts faults into a copy of the tree, one at a time, and shows that the tests notice each.
// npm run planted -- WORDS: only the faults whose names contain all the words.
// npm run planted -- --tests test/explorer: runs only these tests.

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { faults } from './faults.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LONGEST_MS = 300_000;

const { values, positionals: words } = parseArgs({ options: { tests: { type: 'string' } }, allowPositionals: true });
const chosen = faults.filter(({ name }) => words.every((word) => name.includes(word)));

/** Copies all files that git tracks or would track. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'planted-'));
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: ROOT });
  for (const file of new Set(listed.toString().split('\0').filter(Boolean))) {
    try {
      cpSync(join(ROOT, file), join(copy, file));
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // deleted, and not committed
    }
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Ends the current run with all processes that it has started. They are a process group of their own, which our signals do not reach. */
let endRun = () => undefined;
let stopped = false;

/** The first failing test in these folders; undefined if none fails. */
function firstFailure(copy, tests) {
  if (stopped) throw new Error('stopped');
  const report = join(copy, 'planted-report.json');
  const args = ['run', '--bail=1', '--reporter=json', `--outputFile=${report}`, ...tests];
  const run = spawn(join(copy, 'node_modules/.bin/vitest'), args, {
    cwd: copy,
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, PLANTED: '1' },
  });
  return new Promise((resolve, reject) => {
    endRun = () => void process.kill(-run.pid, 'SIGKILL');
    const timer = setTimeout(() => {
      endRun();
      resolve('the tests hang');
    }, LONGEST_MS);
    run.on('error', reject);
    run.on('exit', (code) => {
      endRun = () => undefined;
      clearTimeout(timer);
      if (stopped) reject(new Error('stopped'));
      else resolve(code === 0 ? undefined : failureIn(report, copy));
    });
  });
}

function failureIn(report, copy) {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  for (const { name, assertionResults, status } of testResults) {
    const file = name.replace(`${copy}/`, '');
    const failed = assertionResults.find((result) => result.status === 'failed');
    if (failed !== undefined) return `${file}: ${failed.fullName}`;
    if (status === 'failed') return file;
  }
  return 'the run failed, and no test says why';
}

async function plant(copy, { name, file, from, to, tests }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no longer what "${name}" replaces`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  const started = performance.now();
  try {
    for (const folder of values.tests === undefined ? [...tests, 'test'] : [values.tests]) {
      const failure = await firstFailure(copy, [folder]);
      if (failure !== undefined) return { failure, seconds: (performance.now() - started) / 1_000 };
    }
    return { failure: undefined, seconds: (performance.now() - started) / 1_000 };
  } finally {
    writeFileSync(path, text);
  }
}

const copy = copyTree();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    stopped = true;
    endRun();
  });
}
let missed = 0;
try {
  for (const fault of chosen) {
    const { failure, seconds } = await plant(copy, fault);
    if (failure === undefined) missed += 1;
    console.log(`${failure === undefined ? 'MISSED' : 'caught'} after ${seconds.toFixed(0)} s: ${fault.name}`);
    if (failure !== undefined) console.log(`  ${failure}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`${chosen.length - missed} of ${chosen.length} caught`);
process.exitCode = missed === 0 ? 0 : 1;
