import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  expectPromises,
  idleLimits,
  linesOf,
  meetIdleCloses,
  ownFolder,
  startLoad,
  startNodeOrigin,
  startProxy,
} from './setting.js';

const KEEP_ALIVE_MS = 5_000; // what node:http comes with

describe('in front of node:http', () => {
  test('that is killed and comes back, no GET fails and no POST is executed twice', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origins = [await startNodeOrigin(log), await startNodeOrigin(log)];
    const { port } = await startProxy(origins.map((origin) => `http://127.0.0.1:${origin.port}`));
    const [gets, posts] = [await startLoad(port, 'GET', 24), await startLoad(port, 'POST', 12)];
    const loading = Promise.all([gets.for(5), posts.for(5)]);
    for (const origin of [...origins, ...origins]) await origin.restart();
    await loading;
    expectPromises(gets, posts, linesOf(log));
  }, 25_000);

  test('with its default keepAliveTimeout, connections that it will close are not used', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origin = await startNodeOrigin(log);
    const proxy = await startProxy([`http://127.0.0.1:${origin.port}`]);
    const [gets, posts] = [await startLoad(proxy.port, 'GET', 12), await startLoad(proxy.port, 'POST', 6)];
    await meetIdleCloses([gets, posts], KEEP_ALIVE_MS, { races: 1, lessons: 1 });
    expectPromises(gets, posts, linesOf(log));
    for (const limit of idleLimits(proxy)) expect(limit).toBeLessThan(KEEP_ALIVE_MS);
  }, 25_000);
});
