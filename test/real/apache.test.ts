import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PooledBackend } from 'pooled-backend';
import { expect, onTestFinished, test } from 'vitest';
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

const MODULES = '/usr/lib/apache2/modules'; // where Debian has them

interface Apache extends Running {
  readonly url: string;
  readonly log: string;
}

/** Every path is the same file, for GET and POST. */
async function startApache(file: string): Promise<Apache> {
  const folder = ownFolder();
  const port = await freePort();
  const log = join(folder, 'executed.log');
  writeFileSync(join(folder, 'ok.txt'), 'ok');
  const modules = ['mpm_event', 'authz_core', 'alias'].map(
    (name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`,
  );
  writeFileSync(
    join(folder, 'apache.conf'),
    `${modules.join('\n')}
ServerName localhost
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
Listen 127.0.0.1:${port}
User www-data
Group www-data
StartServers 2
KeepAliveTimeout 1
MaxKeepAliveRequests 10
GracefulShutdownTimeout 2
ErrorLog ${folder}/error.log
LogFormat "%m %U" executed
CustomLog ${log} executed
AliasMatch "^/" ${folder}/ok.txt
<Directory ${folder}>
  Require all granted
</Directory>
`,
  );
  const program = await run(file, ['-D', 'FOREGROUND', '-f', join(folder, 'apache.conf')], port);
  return { url: `http://127.0.0.1:${port}`, log, kill: (signal) => program.kill(signal) };
}

describeWith(findProgram('apache2'), 'apache2', 'in front of Apache httpd', (file) => {
  test('that closes after 10 requests and restarts gracefully, no GET fails and no POST is executed twice', async () => {
    const apaches = [await startApache(file), await startApache(file)];
    const { port } = await startProxy(apaches.map(({ url }) => url));
    const restarts = async () => {
      for (let restart = 0; restart < 4; restart += 1) {
        await sleep(700);
        apaches[restart % 2]?.kill('SIGUSR1');
      }
    };
    await expectPromisesWhile(restarts, { port, seconds: 4, logs: apaches.map(({ log }) => log) });
  });

  test('that tells its timeout to who asks for it, it is known with the first answer', async () => {
    const { url } = await startApache(file);
    const backend = new PooledBackend(url);
    onTestFinished(() => void backend.destroy());
    await backend.request({ path: '/' }).then(({ body }) => body.text());
    expect(backend.stats().origins[0]?.idleLimitMs.hinted).toBe(1_000);
  });

  test('that closes after 1 s idle, no GET fails and no POST is executed twice, and the limit ends below 1 s', async () => {
    await expectIdleLimitBelow(1_000, await startApache(file));
  });
});
