// For the tests, which are TypeScript; the meaning of each stands in listen.mjs.

import type { Server } from 'node:net';

export function listen(server: Server, port?: number): Promise<number>;
export function freePort(): Promise<number>;
