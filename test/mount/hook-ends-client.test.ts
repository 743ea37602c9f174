import type { IncomingMessage } from 'node:http';
import type { HandlerOptions } from 'pooled-backend';
import { expect, test } from 'vitest';
import { client, serve, startBackend, startOrigin } from './setting.js';

function destroy(req: IncomingMessage): undefined {
  req.destroy();
}

test.each<[string, HandlerOptions]>([
  ['onRequestFields', { onRequestFields: (_fields, req) => destroy(req) }],
  [
    'rewritePath',
    {
      rewritePath: async (path, req) => {
        destroy(req);
        return path;
      },
    },
  ],
])('a request whose connection the %s hook ends is not sent', async (_name, hooks) => {
  const origin = await startOrigin();
  const backend = startBackend(origin, { minConnections: 1, nonIdempotent: 'any' });
  await backend.ready();
  const port = await serve(backend.handler(hooks));
  const turnedAway = await client(port);
  turnedAway.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n');
  await turnedAway.ended();
  await (await backend.request({ path: '/next' })).body.text();
  expect(origin.requests.map(({ path }) => path)).toEqual(['/next']);
});
