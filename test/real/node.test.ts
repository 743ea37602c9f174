import { join } from 'node:path';
import { describe, test } from 'vitest';
import {
  expectIdleLimitBelow,
  expectPromisesWhile,
  originUrls,
  ownFolder,
  restartInTurn,
  startNodeOrigin,
  startProxy,
} from './setting.js';

const KEEP_ALIVE_MS = 5_000; // what node:http comes with

describe('in front of node:http', () => {
  test('that is killed and comes back, no GET fails and no POST is executed twice', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origins = [await startNodeOrigin(log), await startNodeOrigin(log)];
    const proxy = await startProxy(originUrls(origins), { minConnections: 1 });
    await expectPromisesWhile(() => restartInTurn(origins, proxy), { port: proxy.port, seconds: 5, logs: [log] });
  });

  test('with its default keepAliveTimeout, connections that it will close are not used', async () => {
    const log = join(ownFolder(), 'executed.log');
    const origin = await startNodeOrigin(log);
    const server = { url: `http://127.0.0.1:${origin.port}`, log };
    await expectIdleLimitBelow(KEEP_ALIVE_MS, server, { races: 1, lessons: 1 });
  });
});
