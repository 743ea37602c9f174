/** What the tests of `backend.request()` and `backend.fetch()` have in common. */

import type { Script } from 'pooled-backend/testing';
import { startBackend, startOrigin } from './setting.js';

export async function backendOf(script?: Script, options: Parameters<typeof startBackend>[1] = {}) {
  const origin = await startOrigin({ script });
  return { origin, backend: startBackend(origin, options), url: origin.url };
}

export function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
