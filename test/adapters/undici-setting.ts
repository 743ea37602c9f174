/** A dispatcher of undici over a backend. */

import type { Script } from 'pooled-backend/testing';
import { BackendDispatcher, type BackendDispatcherOptions } from 'pooled-backend/undici';
import { startBackend, startOrigin } from '../mount/setting.js';

interface Setting {
  readonly script?: Script | undefined;
  readonly options?: Parameters<typeof startBackend>[1];
  readonly dispatching?: BackendDispatcherOptions;
}

export async function dispatcherOf({ script, options, dispatching }: Setting = {}) {
  const origin = await startOrigin({ script });
  const backend = startBackend(origin, options);
  return { origin, backend, dispatcher: new BackendDispatcher(backend, dispatching), url: origin.url };
}
