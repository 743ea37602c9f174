/** Plays all rows against one system, one after the other, with an origin of its own behind it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ScriptedOrigin } from 'pooled-backend/testing';
import { Scene } from './row.mjs';

// Time for the system to notice what the previous row has left.
const BETWEEN_MS = 50;
const LONGEST_ROW_MS = 20_000;

/**
 * @param {import('./systems.mjs').System} system
 * @param {readonly import('./row.mjs').Row[]} rows
 * @returns {Promise<(true | string)[]>}
 */
export async function play(system, rows) {
  const origin = await ScriptedOrigin.start();
  const running = await system.start(origin.url);
  /** @type {(true | string)[]} */
  const cells = [];
  try {
    for (const row of rows) {
      const first = await playOne(row, running.port, origin);
      // A failed row is played once more: the machine may have been busy.
      cells.push(first === true ? true : await playOne(row, running.port, origin));
    }
  } finally {
    await running.stop();
    await origin.close();
  }
  return cells;
}

/**
 * @param {import('./row.mjs').Row} row
 * @param {number} port
 * @param {ScriptedOrigin} origin
 * @returns {Promise<true | string>}
 */
async function playOne(row, port, origin) {
  // Connections are not closed between rows: the origin would look like one that closes idle connections, and some systems
  // learn from that.
  await origin.setRules(row.rules ?? []);
  await sleep(BETWEEN_MS);
  const scene = new Scene({
    port,
    origin,
    requestsBefore: origin.requests.length,
    connectionsBefore: origin.connections.length,
  });
  const tooLong = sleep(LONGEST_ROW_MS, 'no end');
  try {
    return await Promise.race([row.play(scene), tooLong]);
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message.slice(0, 60) : error}`;
  } finally {
    scene.end();
  }
}
