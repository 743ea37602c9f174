import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { freePort } from '../../bench/rig/listen.mjs';
import {
  describeWith,
  expectIdleLimitBelow,
  expectPromisesWhile,
  findProgram,
  ownFolder,
  type Running,
  run,
  startProxy,
} from './setting.js';

interface Gunicorn extends Running {
  readonly url: string;
  readonly log: string;
}

/** Two processes forked ahead, with threads: the kind of worker that keeps connections. */
async function startGunicorn(file: string, words: readonly string[] = []): Promise<Gunicorn> {
  const folder = ownFolder();
  const port = await freePort();
  const log = join(folder, 'executed.log');
  writeFileSync(
    join(folder, 'app.py'),
    `import os
log = os.open(${JSON.stringify(log)}, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

def app(environ, start_response):
    environ['wsgi.input'].read()
    os.write(log, (environ['REQUEST_METHOD'] + ' ' + environ['PATH_INFO'] + '\\n').encode())
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '2')])
    return [b'ok']
`,
  );
  const how = ['--workers', '2', '--threads', '16', '--worker-class', 'gthread', '--log-level', 'critical'];
  const where = ['--bind', `127.0.0.1:${port}`, '--chdir', folder, '--keep-alive', '1', '--graceful-timeout', '2'];
  const program = await run(file, [...how, ...where, ...words, 'app:app'], port, 'SIGINT'); // at once
  return { url: `http://127.0.0.1:${port}`, log, kill: (signal) => program.kill(signal) };
}

describeWith(findProgram('gunicorn', '--version'), 'gunicorn', 'in front of gunicorn', (file) => {
  test('whose workers retire and are reloaded under load, no GET fails and no POST is executed twice', async () => {
    const retiring = ['--max-requests', '300', '--max-requests-jitter', '100'];
    const gunicorns = [await startGunicorn(file, retiring), await startGunicorn(file, retiring)];
    const { port } = await startProxy(gunicorns.map(({ url }) => url));
    const reloads = async () => {
      for (const gunicorn of gunicorns) {
        await sleep(1200);
        gunicorn.kill('SIGHUP');
      }
    };
    await expectPromisesWhile(reloads, { port, seconds: 4, logs: gunicorns.map(({ log }) => log) });
  });

  test('that closes after 1 s idle without a word of it, the limit is learned and ends below 1 s', async () => {
    await expectIdleLimitBelow(1_000, await startGunicorn(file));
  });
});
