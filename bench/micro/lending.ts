/** What it costs to lend a connection: the slot, and the check whether the connection is alive. */

import { readSync, readvSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import genericPool from 'generic-pool';
import { askKernel } from '../../src/connection/liveness.js';
import { Pool } from '../../src/pool/pool.js';
import type { Case } from './measure.js';
import { repeated } from './values.js';

const SLOTS = 100;

export async function poolCases(): Promise<Case[]> {
  const pool = new Pool<object>({ size: SLOTS, onFree: () => undefined });
  const factory = { create: async () => ({}), destroy: async () => undefined };
  const plain = genericPool.createPool(factory, { min: SLOTS, max: SLOTS });
  await plain.ready();
  const slot = pool.checkout('empty');
  if (slot === undefined) throw new Error('the pool has made no slots');
  pool.startDial(slot);
  pool.fill(slot, {});
  pool.markUsed(slot);
  pool.release(slot);
  return [
    repeated('pool: checkout and release of an idle slot', () => {
      const lent = pool.checkout('recent');
      if (lent !== undefined) pool.release(lent);
    }),
    repeated('pool: checkout and release of an empty slot, through the ledger', () => {
      const lent = pool.checkout('empty');
      if (lent !== undefined) pool.release(lent);
    }),
    {
      name: 'pool: generic-pool as it comes, its two promises awaited',
      async run(times) {
        for (let i = 0; i < times; i += 1) await plain.release(await plain.acquire());
      },
    },
  ];
}

/** Cases on a socket that is connected and silent. Call `close` at the end. */
export async function livenessCases(): Promise<{ cases: Case[]; close(): void }> {
  const { near, close } = await silentSocket();
  const handle: unknown = Reflect.get(near, '_handle');
  const fd = typeof handle === 'object' && handle !== null ? Number(Reflect.get(handle, 'fd')) : -1;
  const probe = Buffer.alloc(512);
  const probes = [probe];
  const cases = [
    repeated('liveness: as it is', () => void askKernel(near)),
    repeated('liveness: read instead of readv', () =>
      withStackLimit(undefined, () => readSync(fd, probe, 0, probe.length, null)),
    ),
    repeated('liveness: readv with a limit of 0', () => withStackLimit(0, () => readvSync(fd, probes))),
    repeated('liveness: readv with a stack in its exception', () => attempt(() => readvSync(fd, probes))),
    repeated('liveness: an exception alone', () =>
      withStackLimit(undefined, () => {
        throw new Error('nothing to read');
      }),
    ),
  ];
  return { cases, close };
}

async function silentSocket(): Promise<{ near: Socket; close(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const near = connect(port, '127.0.0.1');
  const far = await accepted;
  return {
    near,
    close() {
      near.destroy();
      far.destroy();
      server.close();
    },
  };
}

function attempt(call: () => void): void {
  try {
    call();
  } catch {
    // EAGAIN is the expected result
  }
}

function withStackLimit(limit: number | undefined, call: () => void): void {
  const tracing: { stackTraceLimit: number | undefined } = Error;
  const { stackTraceLimit } = tracing;
  tracing.stackTraceLimit = limit;
  attempt(call);
  tracing.stackTraceLimit = stackTraceLimit;
}
