/** The resolver of Node that asks DNS servers itself (c-ares), with limits of time. */

import { Resolver } from 'node:dns/promises';

// For one question to one server; each further try waits twice as long.
const QUERY_MS = 2000;
const TRIES = 2;

/** `servers`: those to be asked; `undefined` = the system's. */
export function resolverOf(servers: readonly string[] | undefined): Resolver {
  const resolver = new Resolver({ timeout: QUERY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}
