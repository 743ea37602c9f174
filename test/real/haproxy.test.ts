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
  originUrls,
  ownFolder,
  type Running,
  restartInTurn,
  run,
  startNodeOrigin,
  startProxy,
} from './setting.js';

const KEEP_ALIVE_MS = 1_000;

interface HaProxy extends Running {
  readonly port: number;
}

/** In the foreground, with a master process: SIGUSR2 makes it load its configuration again. */
async function startHaProxy(file: string, servers: readonly number[], frontend = ''): Promise<HaProxy> {
  const folder = ownFolder();
  const port = await freePort();
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(
    config,
    `defaults
  mode http
  timeout connect 20s
  timeout client 60s
  timeout server 60s
  timeout http-request 5s
  ${frontend}
listen all
  bind 127.0.0.1:${port}
${servers.map((server) => `  server s${server} 127.0.0.1:${server}`).join('\n')}
`,
  );
  const program = await run(file, ['-W', '-db', '-q', '-f', config], port);
  return { port, kill: (signal) => program.kill(signal) };
}

describeWith(findProgram('haproxy'), 'haproxy', 'HAProxy', (file) => {
  test('behind us, reloading under load: no GET fails and no POST is executed twice', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origin = await startNodeOrigin(log);
    const haproxies = [await startHaProxy(file, [origin.port]), await startHaProxy(file, [origin.port])];
    const { port } = await startProxy(haproxies.map((haproxy) => `http://127.0.0.1:${haproxy.port}`));
    const reloads = async () => {
      for (let reload = 0; reload < 4; reload += 1) {
        await sleep(700);
        haproxies[reload % 2]?.kill('SIGUSR2');
      }
    };
    await expectPromisesWhile(reloads, { port, seconds: 4, logs: [log] });
  });

  test('behind us, closing after 1 s idle without a word of it: the limit is learned and ends below 1 s', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origin = await startNodeOrigin(log);
    const haproxy = await startHaProxy(file, [origin.port], `timeout http-keep-alive ${KEEP_ALIVE_MS}ms`);
    await expectIdleLimitBelow(KEEP_ALIVE_MS, { url: `http://127.0.0.1:${haproxy.port}`, log });
  });

  test('in front of us, while our origins are killed and come back: no GET fails and no POST is executed twice', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origins = [await startNodeOrigin(log), await startNodeOrigin(log)];
    const proxy = await startProxy(originUrls(origins), { minConnections: 1 });
    const haproxy = await startHaProxy(file, [proxy.port], 'http-reuse always');
    await expectPromisesWhile(() => restartInTurn(origins, proxy), { port: haproxy.port, seconds: 5, logs: [log] });
  });
});
