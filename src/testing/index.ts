/** Published as `pooled-backend/testing`: what the tests of this library are made with. */

export { ManualClock, type ManualClockOptions } from './manual-clock.js';
