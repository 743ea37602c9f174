import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { get, type Server } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { Gateway } from '../../src/cli/gateway.js';
import { Journal } from '../../src/cli/journal.js';
import { checkSettings } from '../../src/cli/settings.js';
import { ownFolder } from './command.js';

test('a client has a minute for the head of a request, and as long as it takes for the body', async () => {
  const socketPath = `${ownFolder()}/gateway.sock`;
  const given = Object.entries({ listen: socketPath, origins: ['http://127.0.0.1:9'], drainTimeout: 1 });
  const checked = checkSettings(new Map(given.map(([name, value]) => [name, { value, label: name }])));
  if (checked.kind !== 'settings') throw new Error(checked.problems.join('\n'));
  const gateway = new Gateway(checked.settings, new Journal('silent', () => undefined));
  await gateway.open();
  onTestFinished(async () => void (await gateway.close()));
  const served = new Promise<Server>((resolve) => {
    const listener = (message: unknown) => resolve((message as { server: Server }).server);
    subscribe('http.server.request.start', listener);
    onTestFinished(() => void unsubscribe('http.server.request.start', listener));
  });
  get({ socketPath, agent: false }, (res) => res.resume());
  const { headersTimeout, requestTimeout } = await served;
  expect({ headersTimeout, requestTimeout }).toEqual({ headersTimeout: 60_000, requestTimeout: 0 });
});
