import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort } from '../../bench/rig/listen.mjs';
import {
  describeWith,
  expectPromises,
  findProgram,
  idleLimits,
  linesOf,
  meetIdleCloses,
  ownFolder,
  type Running,
  run,
  startLoad,
  startProxy,
} from './setting.js';

const KEEP_ALIVE_MS = 1_000;

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
    const [gets, posts] = [await startLoad(port, 'GET', 24), await startLoad(port, 'POST', 12)];
    const loading = Promise.all([gets.for(4), posts.for(4)]);
    for (let reload = 0; reload < 2; reload += 1) {
      await sleep(1200);
      gunicorns[reload]?.kill('SIGHUP');
    }
    await loading;
    expectPromises(
      gets,
      posts,
      gunicorns.flatMap(({ log }) => linesOf(log)),
    );
  }, 25_000);

  test('that closes after 1 s idle without a word of it, the limit is learned and ends below 1 s', async () => {
    const gunicorn = await startGunicorn(file);
    const proxy = await startProxy([gunicorn.url]);
    const [gets, posts] = [await startLoad(proxy.port, 'GET', 12), await startLoad(proxy.port, 'POST', 6)];
    await meetIdleCloses([gets, posts], KEEP_ALIVE_MS);
    expectPromises(gets, posts, linesOf(gunicorn.log));
    for (const limit of idleLimits(proxy)) expect(limit).toBeLessThan(KEEP_ALIVE_MS);
  }, 25_000);
});
