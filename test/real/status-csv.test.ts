import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../bench/rig/listen.mjs';
import { statusCsv } from '../../src/status/status-csv.js';
import { statusReport } from '../unit/status/setting.js';
import { describeWith, findProgram, ownFolder, run } from './setting.js';

/** The first line of HAProxy's own page. */
async function columnsOf(haproxy: string): Promise<string> {
  const port = await freePort();
  const file = join(ownFolder(), 'haproxy.cfg');
  const times = 'timeout client 5s\n  timeout server 5s\n  timeout connect 5s';
  writeFileSync(
    file,
    `defaults\n  mode http\n  ${times}\nfrontend f\n  bind 127.0.0.1:${port}\n  stats enable\n  stats uri /stats\n`,
  );
  await run(haproxy, ['-db', '-f', file], port);
  const text = await (await fetch(`http://127.0.0.1:${port}/stats;csv`)).text();
  return text.split('\n')[0] ?? '';
}

describeWith(findProgram('haproxy'), 'haproxy', 'the status as CSV', (haproxy) => {
  test('has the columns of HAProxy, in its order', async () => {
    const [ours = ''] = statusCsv(statusReport()).split('\n');
    expect((await columnsOf(haproxy)).startsWith(ours)).toBe(true);
  });
});
