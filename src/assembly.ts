/** Puts together the parts of a backend that requests pass through. Tests put another machine under them. */

import type { EventEmitter } from 'node:events';
import type { StartDial } from './connection/dial.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { BackendOrigins } from './fleet/backend-origins.js';
import { ConnectionShares } from './fleet/connection-shares.js';
import { lookupAt } from './fleet/host-lookup.js';
import { clusterChannel, type PrimaryChannel } from './fleet/primary-channel.js';
import { readWindow } from './http1/llhttp.js';
import type { BackendEvents } from './observe/events.js';
import { Observer } from './observe/observer.js';
import type { OptionSection, ResolvedOptions, ResolvedOrigin } from './options.js';
import { Origin } from './origin/origin.js';
import type { OriginSetting } from './origin/setting.js';
import type { Clock } from './time/clock.js';
import type { Deadlines } from './time/deadlines.js';

/** What the parts stand on. */
export interface Ground {
  readonly emitter: EventEmitter<BackendEvents>;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly random: () => number;
  readonly startDial: StartDial;
  /** The channel to the cluster primary that shares connections. Default: that of this process. */
  readonly channel?: PrimaryChannel | undefined;
  /** Distinguishes the backend from the others of the process and of the cluster. Default: a random name. */
  readonly name?: string | undefined;
  /** Makes the origins. Default: as they are. */
  readonly createOrigin?: ((...parts: ConstructorParameters<typeof Origin>) => Origin) | undefined;
}

/** The parts, joined to each other. */
export interface Assembly {
  /** `update()` replaces its `options`. */
  readonly setting: OriginSetting & { options: ResolvedOptions };
  readonly dispatcher: Dispatcher;
  readonly shares: ConnectionShares;
  readonly origins: BackendOrigins;
}

/** `given` are the options as they were given, `options` those that follow from them. */
export function assemble(given: OptionSection, options: ResolvedOptions, ground: Ground): Assembly {
  const { emitter, clock, deadlines, random, startDial, name } = ground;
  const { channel = clusterChannel, createOrigin = (...parts) => new Origin(...parts) } = ground;
  readWindow(); // here, not at the first dial: it takes 14 ms, or throws where there is no WebAssembly
  const observer = new Observer(emitter, options.logger, clock);
  const setting = {
    options,
    clock,
    deadlines,
    observer,
    random,
    startDial,
    connect: { ...options.connect, lookup: options.connect.lookup ?? lookupAt(options.dns, clock) },
    tls: options.tls,
  };
  const dispatcher = new Dispatcher(setting);
  const shares = new ConnectionShares(channel, deadlines, observer, name);
  const create = (origin: ResolvedOrigin) => createOrigin(origin, setting, dispatcher.matching);
  const serve = (members: readonly Origin[]) => {
    dispatcher.serve(members);
    // An origin that is added now would dial and be checked, with nobody left to close it.
    if (dispatcher.state === 'closed') for (const origin of members) origin.close('destroyed');
  };
  const origins = new BackendOrigins(
    { setting, shares, create, serve },
    Array.isArray(given.origins) ? given.origins : undefined,
  );
  return { setting, dispatcher, shares, origins };
}
