/** What the one who measures may ask a process of its own: CPU, and what it allocates. */

import { GCProfiler } from 'node:v8';
import { cpuMs } from './parent.mjs';

/** @type {GCProfiler | undefined} */
let profiler;
let heapAtStart = 0;

/** Answers for `serve()` of parent.mjs. */
export const measured = { cpuMs, watchHeap, heapAllocated };

/** From now on, allocations are counted. */
function watchHeap() {
  profiler = new GCProfiler();
  profiler.start();
  heapAtStart = process.memoryUsage().heapUsed;
}

/**
 * Bytes of heap that were allocated since `watchHeap`: what it grew by between two collections, summed up.
 * @returns {number}
 */
function heapAllocated() {
  const { statistics = [] } = profiler?.stop() ?? {};
  let allocated = 0;
  let before = heapAtStart;
  for (const { beforeGC, afterGC } of statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - before;
    before = afterGC.heapStatistics.usedHeapSize;
  }
  return allocated + process.memoryUsage().heapUsed - before;
}
