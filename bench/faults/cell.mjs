/** One peer under one fault: clients, the same for every cell, and how each of their requests ended. */

import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../rig/child.mjs';
import { RawClient } from '../rig/raw-client.mjs';
import { bodyOf, idOf, pathOf } from '../soak/numbering.mjs';

/**
 * @typedef {object} Counts
 * @property {number} gets
 * @property {number} getsFailed without a whole answer of their own; an error status counts as failed
 * @property {number} posts
 * @property {number} postsFailed
 * @property {number} postsTwice executed more than once
 * @property {number} wrong answers that were responses to other requests, or broken responses that looked whole
 * @property {number} hung
 */

const LANES = 12;
const WAVES = 20;
const WAVE_PAUSE_MS = 38; // at least: the machine adds to it
const BYTES = 400;
const HUNG_MS = 5000;
const AWAY_MS = 400;
const STRAY_ROUNDS = 20;
const BLOCK_MS = 60;

let numbers = 0;

/** @returns {Counts} */
export function noCounts() {
  return { gets: 0, getsFailed: 0, posts: 0, postsFailed: 0, postsTwice: 0, wrong: 0, hung: 0 };
}

/**
 * @param {import('./peers.mjs').Peer} peer
 * @param {string} fault
 * @returns {Promise<Counts>}
 */
export async function runCell(peer, fault) {
  const origin = await startChild(new URL('origin.mjs', import.meta.url), { fault });
  const running = await peer.start(origin.ready.port);
  const cell = new Cell(running);
  try {
    if (fault === 'stray-in-kernel') await cell.forceStrays(() => origin.ask('poison'));
    else if (fault === 'restart') {
      const loading = cell.load();
      for (let times = 0; times < 2; times += 1) {
        await sleep(300);
        await origin.ask('restart', AWAY_MS);
      }
      await loading;
    } else await cell.load();
    const twice = (await origin.ask('executions')).filter(
      (/** @type {[string, number]} */ [id, times]) => id.startsWith('o') && times > 1,
    );
    cell.counts.postsTwice = twice.length;
    return cell.counts;
  } finally {
    await running.stop();
    await origin.stop('SIGKILL');
  }
}

class Cell {
  counts = noCounts();
  #peer;

  /** @param {import('./peers.mjs').RunningPeer} peer */
  constructor(peer) {
    this.#peer = peer;
  }

  /** Keep-alive clients send in waves, two GETs for each POST. */
  async load() {
    const clients = Array.from({ length: LANES }, () => new RawClient(this.#peer.port));
    for (let wave = 0; wave < WAVES; wave += 1) {
      await Promise.all(clients.map((client, lane) => this.#lane(client, lane)));
      await sleep(WAVE_PAUSE_MS + (wave % 5));
    }
    for (const client of clients) client.close();
  }

  /**
   * @param {RawClient} client
   * @param {number} lane
   */
  async #lane(client, lane) {
    for (let sent = 0; sent < 2; sent += 1) await this.#send(client, lane % 3 === 0 ? 'POST' : 'GET');
  }

  /** @param {() => Promise<unknown>} poison */
  async forceStrays(poison) {
    const clients = Array.from({ length: 4 }, () => new RawClient(this.#peer.port));
    const stopped = this.#peer.pids;
    for (let round = 0; round < STRAY_ROUNDS; round += 1) {
      // This leaves idle connections.
      await Promise.all(clients.map((client) => this.#send(client, 'GET')));
      const method = round % 4 === 3 ? 'POST' : 'GET';
      for (const pid of stopped) process.kill(pid, 'SIGSTOP');
      const sending = clients.map((client) => this.#send(client, method, stopped.length === 0 ? BLOCK_MS : undefined));
      await sleep(BLOCK_MS / 3);
      await poison();
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
      await Promise.all(sending);
    }
    for (const client of clients) client.close();
  }

  /**
   * @param {RawClient} client
   * @param {'GET' | 'POST'} method
   * @param {number} [blockMs]
   */
  async #send(client, method, blockMs) {
    numbers += 1;
    const id = idOf(method !== 'POST', numbers);
    const lines = [
      `${method} ${pathOf(id, BYTES)} HTTP/1.1`,
      'Host: faults.test',
      `X-Request-Id: ${id}`,
      ...(blockMs === undefined ? [] : [`X-Block: ${blockMs}`]),
      ...(method === 'POST' ? ['Content-Type: application/octet-stream', 'Content-Length: 4'] : []),
    ];
    const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${method === 'POST' ? 'body' : ''}`);
    const outcome = await client.send({ bytes, withinMs: HUNG_MS });
    this.#count(id, method, outcome);
  }

  /**
   * @param {string} id
   * @param {'GET' | 'POST'} method
   * @param {import('../rig/raw-client.mjs').Outcome} outcome
   */
  #count(id, method, outcome) {
    const { counts } = this;
    counts[method === 'GET' ? 'gets' : 'posts'] += 1;
    if (outcome.kind === 'hung') {
      counts.hung += 1;
      return;
    }
    const isOwn = outcome.kind === 'answer' && outcome.fields['x-request-id'] === id;
    const isWhole = isOwn && outcome.body.equals(bodyOf(id, BYTES));
    if (isWhole) return;
    if (outcome.kind === 'answer' && outcome.status < 300) counts.wrong += 1;
    else counts[method === 'GET' ? 'getsFailed' : 'postsFailed'] += 1;
  }
}
