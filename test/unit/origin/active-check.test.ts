/** Checks that end while somebody hears of the last one, without a socket and without time. */

import { PooledBackend } from 'pooled-backend';
import { answer, MemoryNetwork, ScriptedOrigin } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

const INTERVAL_MS = 1_000;

async function stage() {
  const network = new MemoryNetwork();
  const origin = await ScriptedOrigin.start({ network, script: () => [answer({ status: 503 })] });
  const check = { interval: INTERVAL_MS, fastInterval: INTERVAL_MS, timeout: 500, rise: 1, fall: 1 };
  const backend = new PooledBackend({ origins: [origin.url], check }, network);
  onTestFinished(async () => {
    backend.destroy();
    await origin.close();
  });
  return { network, origin, backend };
}

test('a check asks for the host that the origin has by now', async () => {
  const { network, origin, backend } = await stage();
  await network.advance(INTERVAL_MS);
  await backend.update({ origins: [{ url: origin.url, host: 'new.test' }] });
  await network.advance(INTERVAL_MS);
  const hosts = origin.requests.map(({ headers }) => headers.host);
  expect(hosts).toEqual([new URL(origin.url).host, 'new.test']);
});

test.each(['checkFailed', 'down'] as const)(
  'no check follows when a listener to %s destroys the backend',
  async (name) => {
    const { network, origin, backend } = await stage();
    backend.once(name, () => backend.destroy());
    await network.advance(10 * INTERVAL_MS);
    expect(origin.requests.length).toBe(1);
  },
);

test.each(['checkFailed', 'down'] as const)(
  'no check takes the origin down when a listener to %s ends checks',
  async (name) => {
    const { network, origin, backend } = await stage();
    backend.once(name, () => void backend.update({ check: false }));
    await network.advance(10 * INTERVAL_MS);
    const [stats] = backend.stats().origins;
    expect([origin.requests.length, stats?.health.state, stats?.check]).toEqual([1, 'healthy', null]);
  },
);

test.each([
  ['EMFILE', 'healthy'],
  ['ECONNREFUSED', 'down'],
])('an origin whose check cannot be dialled (%s) is %s', async (code, state) => {
  const backend = await MemoryBackend.open({ check: { type: 'tcp', interval: INTERVAL_MS, fall: 1 } });
  await backend.advance(INTERVAL_MS);
  await backend.refuse(code);
  const { health, check } = backend.originStats();
  expect([health.state, check?.failed]).toEqual([state, 1]);
});
