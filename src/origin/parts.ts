/** The parts of one origin, as those see them that work with several. */

import type { ConnectionSetting } from '../connection/connection-setting.js';
import type { DialTarget } from '../connection/dial.js';
import type { ResolvedOrigin } from '../options.js';
import type { Pool } from '../pool/pool.js';
import type { DemandOn } from './demand.js';
import type { Dialler } from './dialler.js';
import type { Standing } from './health/standing.js';
import type { Lending } from './lending.js';
import type { OriginTally } from './origin-tally.js';
import type { PoolEntry } from './pool-entry.js';
import type { OriginSetting } from './setting.js';
import type { ShutdownDetector } from './shutdown-detector.js';
import type { Stock } from './stock.js';

/** `Origin`: what connections are offered for; only who offers some names it. */
export interface OriginParts<Origin = never> {
  /** Its `options` are those of the moment, as `setting.options` are. */
  readonly origin: { readonly name: string; readonly options: ResolvedOrigin };
  readonly setting: OriginSetting;
  readonly target: DialTarget;
  readonly connection: ConnectionSetting;
  readonly demand: DemandOn<Origin>;
  readonly pool: Pool<PoolEntry>;
  readonly dialler: Dialler;
  readonly lending: Lending;
  readonly stock: Stock;
  readonly standing: Standing;
  readonly shutdown: ShutdownDetector;
  readonly tally: OriginTally;
}
