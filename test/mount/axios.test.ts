import axios from 'axios';
import { answer, execute } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { startBackend, startOrigin } from './setting.js';

test('axios sends over a backend by its adapter fetch', async () => {
  const origin = await startOrigin({ script: () => [execute(), answer({ status: 201, body: '{"id":1}' })] });
  const backend = startBackend(origin);
  const client = axios.create({
    adapter: 'fetch',
    baseURL: origin.url,
    env: { fetch: (input: string | URL | Request, init?: RequestInit) => backend.fetch(input, init) },
  });
  for (let i = 0; i < 2; i++) {
    const { status, data } = await client.put('/orders', { book: 1 });
    expect([status, data]).toEqual([201, { id: 1 }]);
  }
  expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('{"book":1}');
  expect(backend.stats().origins[0]).toMatchObject({ dialled: 1, requests: 2 });
});
