/** What a benchmark may ask a process: the CPU that it has used, and the heap that it has allocated. */

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
 * Bytes of heap that were allocated since `watchHeap`: the sum of its growth between collections.
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
