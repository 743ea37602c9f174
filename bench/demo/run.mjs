#!/usr/bin/env node
/**
 * `npm run demo`: what pooled-backend is for, shown with real processes and real sockets.
 * This file needs nothing but Node: it installs and builds what is missing, then hands over to demo.mjs.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions } from './options.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const options = readOptions(process.argv.slice(2));

if (!existsSync(join(root, 'node_modules/.package-lock.json'))) npm('ci');
if (builtAt() < changedAt(join(root, 'src'))) npm('run', 'build');

const { demo } = await import('./demo.mjs');
process.exitCode = await demo(options);

/** @param {string[]} words */
function npm(...words) {
  console.log(`> npm ${words.join(' ')}`);
  // Windows finds npm.cmd only through a shell.
  const { status } = spawnSync('npm', words, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  console.error(`npm ${words.join(' ')} failed, so the demo cannot run.`);
  process.exit(1);
}

/** @returns {number} when dist was built, 0 for never */
function builtAt() {
  const entry = join(root, 'dist/index.js');
  return existsSync(entry) ? statSync(entry).mtimeMs : 0;
}

/**
 * @param {string} folder
 * @returns {number} when the newest file in it changed
 */
function changedAt(folder) {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? changedAt(path) : statSync(path).mtimeMs;
    }),
  );
}
