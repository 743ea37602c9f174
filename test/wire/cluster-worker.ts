/**
 * A worker of a cluster with requests that never end: as many as `LANES` at once, every second of them a POST, which needs
 * a connection of its own. Tells the primary how many were answered, and what became of its share.
 */

import { PooledBackend } from 'pooled-backend';

const { ORIGIN = '', TOTAL = '', LANES = '' } = process.env;
// On a loaded machine a turn may be long in coming.
const queueTimeout = 60_000;
const backend = new PooledBackend({ origins: [ORIGIN], maxConnections: { total: Number(TOTAL) }, queueTimeout });

let answered = 0;
const failures: string[] = [];
const tell = (news: object) => process.send?.({ answered, failures, ...news });

backend.on('shareChanged', ({ share }) => tell({ share }));
backend.on('shareRefused', ({ error }) => tell({ refused: error.message }));

async function lane(method: string): Promise<never> {
  for (;;) {
    try {
      const { body } = await backend.request({ method, path: '/' });
      await body.text();
      answered += 1;
    } catch (error) {
      failures.push(String(error));
    }
    if (answered % 20 === 0) tell({});
  }
}

await backend.ready();
for (let count = 0; count < Number(LANES); count += 1) void lane(count % 2 === 0 ? 'GET' : 'POST');
