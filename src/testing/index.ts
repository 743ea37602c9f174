/**
 * `pooled-backend/testing`: scripted origins, a network in memory and a manual clock, which the tests of this library
 * use too.
 */

export type { Clock, Timer } from '../clock.js';
export type { Liveness } from '../connection/liveness.js';
export {
  type CheckOptions,
  type CountsToCheck,
  checkPool,
  checkStats,
  type OriginStatsToCheck,
  type StatsCheckOptions,
  type StatsToCheck,
} from './invariants.js';
export { ManualClock, type ManualClockOptions } from './manual-clock.js';
export { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.js';
export { type MemoryOnRead, MemorySocket, type MemorySocketOptions, memorySockets } from './memory-socket.js';
export type { ConnectionRecord, Ending, RequestRecord } from './origin-records.js';
export { ScriptedOrigin, type ScriptedOriginOptions } from './scripted-origin.js';
export {
  type Answer,
  type AnswerFields,
  afterBytesIn,
  answer,
  type Bytes,
  byteByByte,
  close,
  execute,
  halfClose,
  hold,
  inform,
  type Moment,
  type OriginRequest,
  type Rule,
  readOn,
  reset,
  type Scene,
  type Script,
  type Step,
  send,
  stall,
  stopReading,
  wait,
  whenIdle,
} from './steps.js';
