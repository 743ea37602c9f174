/** How much CPU and memory another process uses, and on which CPUs processes run. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const MS_PER_TICK = 10; // USER_HZ is 100 on every Linux that Node runs on

/**
 * @param {number} pid
 * @returns {number | undefined} ms, user and system, all its threads; `undefined` where there is no /proc
 */
export function cpuMsOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the name in parentheses may contain spaces; utime and stime are fields 14 and 15, the state is field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  } catch {
    return undefined;
  }
}

/**
 * @param {number} pid
 * @returns {number | undefined} bytes of resident memory; `undefined` where there is no /proc
 */
export function rssOf(pid) {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;
  } catch {
    return undefined;
  }
}

/**
 * One CPU for the measured process, another for the load and the origin.
 * @returns {{ load: number | undefined, peer: number | undefined }} both `undefined` where nothing can be pinned
 */
export function chooseCores() {
  const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;
  return canPin ? { load: 0, peer: 1 } : { load: undefined, peer: undefined };
}
