/** pooled-backend with its defaults, on the three events of a server. */

import { createServer } from 'node:http';
import { PooledBackend } from '../../dist/index.js';
import { origin, start } from './serve.mjs';

const backend = new PooledBackend(origin);
const handler = backend.handler();
await start(createServer(handler).on('checkContinue', handler).on('upgrade', backend.upgradeHandler()));
