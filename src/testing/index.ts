/**
 * `pooled-backend/testing`: scripted origins, a network in memory and a manual clock, which the tests of this library
 * use too.
 */

export type { Liveness } from '../connection/liveness.js';
export type { Clock, Timer } from '../time/clock.js';
export type { Answer, AnswerFields, Bytes } from './answer.js';
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
export type { Moment, OriginRequest, Rule, Scene, Script } from './script.js';
export { ScriptedOrigin } from './scripted-origin.js';
export type { ScriptedOriginOptions } from './scripted-origin-options.js';
export {
  afterBytesIn,
  answer,
  byteByByte,
  close,
  execute,
  halfClose,
  hold,
  inform,
  readOn,
  reset,
  type Step,
  send,
  stall,
  stopReading,
  wait,
  whenIdle,
} from './steps.js';
