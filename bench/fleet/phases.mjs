/** The four phases of the comparison, each with origins and a peer of its own. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../rig/child.mjs';

/** @typedef {import('./clients.mjs').Answer} Answer */
/** @typedef {import('./peers.mjs').Peer} Peer */

export const RATE = 500;
export const CLIENTS = 200;
export const SERVICE_MS = 20;
const WARM_UP_S = 2;
const DOWN_MS = 500; // plus the time that the new process takes to start
const KILL_EVERY_MS = 2_000;

/** How an origin behaves. */
const HEALTHY = { serviceMs: SERVICE_MS };
const SLOW = { serviceMs: 10 * SERVICE_MS };
const FAILING = { serviceMs: SERVICE_MS, failEvery: 3 };

/** An origin that can be killed and started again on the same port. */
class FleetOrigin {
  #how;
  /** @type {import('../rig/child.mjs').Child | undefined} */
  #child;
  #port;

  constructor(/** @type {string} */ name, /** @type {{ serviceMs: number, failEvery?: number }} */ behaviour) {
    this.#how = { name, ...behaviour };
    this.#port = 0;
  }

  get port() {
    return this.#port;
  }

  /** @returns {Promise<number>} when it began to listen, in ms since the epoch */
  async start() {
    const where = this.#port === 0 ? {} : { port: this.#port };
    this.#child = await startChild(new URL('origin.mjs', import.meta.url), { ...this.#how, ...where });
    this.#port = this.#child.ready.port;
    return Date.now();
  }

  async kill() {
    await this.#child?.stop('SIGKILL');
  }

  /** @returns {Promise<number>} requests since it was started */
  async requests() {
    return this.#child?.ask('requests') ?? 0;
  }
}

/**
 * @param {Peer} peer
 * @param {Record<string, { serviceMs: number, failEvery?: number }>} behaviours by name
 * @param {number} seconds
 * @param {(origins: Record<string, FleetOrigin>, ends: Promise<unknown>) => Promise<void>} [happens] called while the load runs
 */
async function underLoad(peer, behaviours, seconds, happens = async () => {}) {
  const origins = Object.fromEntries(
    Object.entries(behaviours).map(([name, how]) => [name, new FleetOrigin(name, how)]),
  );
  const all = Object.values(origins);
  for (const origin of all) await origin.start();
  const running = await peer.start(all.map((origin) => origin.port));
  const how = { port: running.port, connections: CLIENTS, rate: RATE };
  const clients = await startChild(new URL('clients.mjs', import.meta.url), how);
  await clients.ask('run', { seconds: WARM_UP_S });
  /** @type {Promise<Answer[]>} */
  const ends = clients.ask('run', { seconds });
  await happens(origins, ends);
  const answers = await ends;
  const requests = Object.fromEntries(
    await Promise.all(Object.keys(origins).map(async (name) => [name, await origins[name]?.requests()])),
  );
  await Promise.all([clients.stop('SIGKILL'), running.stop(), ...all.map((origin) => origin.kill())]);
  return { answers, requests };
}

/** The same load on healthy origins only. */
export async function healthy(/** @type {Peer} */ peer, /** @type {number} */ seconds) {
  return underLoad(peer, { a: HEALTHY, b: HEALTHY, c: HEALTHY, d: HEALTHY }, seconds);
}

/**
 * One origin is slow, one fails, one is killed and restarted.
 * @param {Peer} peer
 * @param {number} seconds
 */
export async function faulty(peer, seconds) {
  /** @type {{ from: number, to: number }[]} */
  const lives = []; // of the origin that is killed
  const behaviours = { healthy: HEALTHY, slow: SLOW, failing: FAILING, killed: HEALTHY };
  const result = await underLoad(peer, behaviours, seconds, async ({ killed }, ends) => {
    let over = false;
    void ends.then(() => {
      over = true;
    });
    while (!over) {
      const at = Date.now();
      const [life] = lives.slice(-1);
      if (life !== undefined) life.to = at;
      await killed?.kill();
      await sleep(DOWN_MS);
      lives.push({ from: (await killed?.start()) ?? 0, to: Number.POSITIVE_INFINITY });
      await sleep(Math.max(0, at + KILL_EVERY_MS - Date.now()));
    }
  });
  return { ...result, lives: lives.filter(({ to }) => to !== Number.POSITIVE_INFINITY) };
}

/**
 * One of four origins is dead the whole time. Counts the refused dials of each second, as the kernel counts them for the
 * machine.
 * @param {Peer} peer
 * @param {number} seconds
 */
export async function dead(peer, seconds) {
  /** @type {number[]} */
  const refused = [];
  const result = await underLoad(
    peer,
    { a: HEALTHY, b: HEALTHY, c: HEALTHY, dead: HEALTHY },
    seconds,
    async (origins) => {
      await origins.dead?.kill();
      let before = failedDials();
      for (let second = 0; second < seconds; second += 1) {
        await sleep(1_000);
        const now = failedDials();
        refused.push(now - before);
        before = now;
      }
      await origins.dead?.start();
    },
  );
  return { ...result, refused };
}

/**
 * All origins die at once, and come back after a second and a half.
 * @param {Peer} peer
 * @param {number} seconds
 */
export async function allDie(peer, seconds) {
  let back = 0;
  const behaviours = { a: HEALTHY, b: HEALTHY, c: HEALTHY, d: HEALTHY };
  const result = await underLoad(peer, behaviours, seconds, async (origins) => {
    await sleep(1_000);
    await Promise.all(Object.values(origins).map((origin) => origin.kill()));
    await sleep(1_500);
    back = Math.max(...(await Promise.all(Object.values(origins).map((origin) => origin.start()))));
  });
  return { ...result, back };
}

/** Connection attempts of this machine that have failed since it started: `AttemptFails` of RFC 4022. */
function failedDials() {
  const [names = '', values = ''] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'));
  return Number(values.split(' ')[names.split(' ').indexOf('AttemptFails')]);
}
