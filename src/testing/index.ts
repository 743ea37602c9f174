/** Published as `pooled-backend/testing`: what the tests of this library are made with. */

export { ManualClock, type ManualClockOptions } from './manual-clock.js';
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
