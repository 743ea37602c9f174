/**
 * A worker of a cluster that sends requests without end: `LANES` at once, every second one a POST, which needs a connection of
 * its own. Tells the primary how many were answered, why it has no share, and how many listeners it has for messages of the
 * primary. `IDLE` more backends have shares too, but no requests.
 */

import { PooledBackend } from 'pooled-backend';

const { ORIGIN = '', TOTAL = '', LANES = '', IDLE = '0' } = process.env;
let answered = 0;
const failures: string[] = [];

function tell(news: object): void {
  process.send?.({ answered, failures, ...news });
}

// On a loaded machine a request may wait long for its turn.
const queueTimeout = 60_000;
const options = { origins: [ORIGIN], maxConnections: { total: Number(TOTAL) }, queueTimeout };
const listening = process.listenerCount('message');
const backend = new PooledBackend(options);
const idle = Array.from({ length: Number(IDLE) }, () => new PooledBackend(options));
tell({ listeners: process.listenerCount('message') - listening });

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

await Promise.all([backend, ...idle].map((one) => one.ready()));
for (let count = 0; count < Number(LANES); count += 1) void lane(count % 2 === 0 ? 'GET' : 'POST');
