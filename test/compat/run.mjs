/**
 * The test suites of @fastify/reply-from and @fastify/http-proxy, from their packages on npm, with our transport inside.
 * Run by `npm run compat`, after a build. The run fails if a test fails that is not in `differences.mjs`, if one passes that
 * is listed there as failing, if a file does not end, or if a suite did not use our transport.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '../install.mjs';
import { differences } from './differences.mjs';
import { judge, judgeOthers } from './judge.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SCRATCH = join(ROOT, 'node_modules/.cache/pooled-backend/compat');
const TEST_MS = 60_000;
const HANGING_MS = 10_000; // for tests that are known to wait for ever
const SUITE_MS = 280_000;
const PROCESSES = 3 * availableParallelism(); // they wait more than they work
const HAS_TESTS = /\b(test|describe)\(/;
const OURS = ['--require', join(HERE, 'transport.cjs')];

if (!existsSync(join(ROOT, 'dist/undici.cjs'))) throw new Error('dist is not there: npm run build');
install(HERE);
rmSync(SCRATCH, { recursive: true, force: true });
mkdirSync(SCRATCH, { recursive: true });

// In parallel: each of them waits most of the time.
const firsts = await Promise.all(['@fastify/http-proxy', '@fastify/reply-from'].map(runAll));
const verdicts = [];
for (const first of firsts) verdicts.push(await check(first));
process.exitCode = verdicts.every(Boolean) ? 0 : 1;

/** Runs each file of a suite once. */
async function runAll(suite) {
  const folder = join(HERE, 'node_modules', suite);
  const listed = differences.filter((difference) => difference.suite === suite);
  const isHanging = (name) => listed.some(({ file, outcome }) => file === name && outcome === 'hangs');
  const files = readdirSync(join(folder, 'test')).filter(
    (file) => file.endsWith('.js') && HAS_TESTS.test(readFileSync(join(folder, 'test', file), 'utf8')),
  );
  const [ending, hanging] = [files.filter((file) => !isHanging(file)), files.filter(isHanging)];
  const ended = await run(folder, ending, OURS, TEST_MS);
  return { suite, folder, listed, files, ended, cutOff: await run(folder, hanging, OURS, HANGING_MS) };
}

async function check({ suite, folder, listed, files, ended, cutOff }) {
  const used = usedFile(folder);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const results = [...(await settled(folder, ended, listed)), ...cutOff];
  const complaints = judge(files, results, listed);
  for (const difference of listed.filter(({ passesWith }) => passesWith !== undefined)) {
    const again = await run(folder, [difference.file], OURS, TEST_MS, difference.passesWith);
    complaints.push(...judgeOthers(again, difference));
  }
  const pools = existsSync(used) ? readFileSync(used).length : 0;
  if (pools === 0) complaints.push('our transport was not used');
  const passed = results.filter((result) => result.passed).length;
  const others = listed.flatMap(({ tests }) => tests).length;
  console.log(`${suite} ${version}: ${passed} tests passed over ${pools} pools of ours, ${others} are listed`);
  for (const { file, tests, why } of listed)
    for (const test of tests) console.log(`  listed: ${file}: ${test}: ${why}`);
  for (const complaint of complaints) console.log(`  wrong: ${complaint}`);
  return complaints.length === 0;
}

/** The file in which the suite in `folder` counts the pools of ours that it makes. */
function usedFile(folder) {
  return join(SCRATCH, basename(folder));
}

/**
 * Some tests depend on milliseconds, and the machine may be busy. So a file that fails and is not listed is run once more,
 * alone. Tests that fail again, and fail with undici's own transport too, are not reported.
 */
async function settled(folder, results, listed) {
  const isListed = (name) => listed.some(({ file }) => file === name);
  const failed = results.filter(({ file, passed }) => !passed && !isListed(basename(file)));
  let kept = results;
  for (const file of new Set(failed.map((result) => basename(result.file)))) {
    const again = await run(folder, [file], OURS, TEST_MS);
    const elsewhere = again.every(({ passed }) => passed) ? [] : await run(folder, [file], [], TEST_MS);
    const alike = again.filter(({ name, passed }) => !passed && elsewhere.some((e) => e.name === name && !e.passed));
    for (const { name } of alike) console.log(`  fails without us too: ${file}: ${name}`);
    kept = [...kept.filter((result) => basename(result.file) !== file), ...again.filter((r) => !alike.includes(r))];
  }
  return kept;
}

/** Runs these files of a suite. Resolves to the result of each test. */
async function run(folder, files, transport, testMs, options = {}) {
  if (files.length === 0) return [];
  const words = [
    '--test',
    `--test-timeout=${testMs}`,
    `--test-concurrency=${PROCESSES}`,
    `--test-reporter=${join(HERE, 'reporter.mjs')}`,
  ];
  const env = {
    ...process.env,
    COMPAT_LIBRARY: join(ROOT, 'dist'),
    COMPAT_USED: usedFile(folder),
    COMPAT_OPTIONS: JSON.stringify(options),
  };
  const child = spawn(process.execPath, [...transport, ...words, ...files.map((file) => `test/${file}`)], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: SUITE_MS,
  });
  let text = '';
  for await (const piece of child.stdout.setEncoding('utf8')) text += piece;
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}
