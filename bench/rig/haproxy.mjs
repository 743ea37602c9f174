/** Starts a HAProxy with its own configuration and port, in the foreground, and ends it by its pid. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './child.mjs';
import { accepting, freePort } from './listen.mjs';

/** @returns {string | undefined} `undefined` where it is not installed */
export function haproxyVersion() {
  const { status, stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return status === 0 ? (/version (\S+)/.exec(stdout)?.[1] ?? '') : undefined;
}

/** @param {string} section lines of its only `listen` section: timeouts, rules and servers */
export async function startHaproxy(section) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const defaults = ['defaults', '  mode http', '  timeout connect 1s', '  timeout client 60s'];
  writeFileSync(file, [...defaults, 'listen all', `  bind 127.0.0.1:${port}`, section, ''].join('\n'));
  const program = startProgram('haproxy', ['-db', '-q', '-f', file]);
  await accepting(port, program.gone);
  const stop = async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, pids: [program.pid], stop };
}
