/** Looks again and again whether a backend keeps its bounds, and whether requests wait although nothing is in progress. */

import { untold } from '../rig/timers.mjs';
import { openedSockets } from '../rig/wire-times.mjs';

const EVERY_MS = 10;
// Longer than the longest back-off of a dial, and than this process is ever blocked, on a busy machine.
const STUCK_MS = 3000;
// What a single read brought for a slow client waits for it, whatever the limit is.
const READ_BYTES = 65_536;

export class Bounds {
  /** What was found, once each. @type {Map<string, string>} */
  broken = new Map();
  /** The most connections that an origin may have had so far. */
  highest = 0;
  /** Attempts that have begun and not ended, if they are counted. */
  attempts = 0;
  #backend;
  #clients;
  /** @type {ReadonlyMap<string, number>} the origins with a limit of their own, by name */
  #own;
  /** @type {ReadonlyMap<string, string>} the names of the origins that have a port, by port */
  #names;
  #limit;
  /** @type {Map<string, number>} connections of origins that were removed, and keep the limit that they had then */
  #kept = new Map();
  #changes = 0;
  #check;
  #stuckSince = 0;

  /**
   * @param {import('pooled-backend').PooledBackend} backend
   * @param {readonly import('pooled-backend').OriginOptions[]} origins
   * @param {number} clients how many there are
   * @param {(stats: any) => void} check throws for counts that contradict each other
   */
  constructor(backend, origins, clients, check) {
    this.#clients = clients;
    this.#backend = backend;
    this.#check = check;
    this.#own = new Map(
      origins.flatMap(({ url, maxConnections: own }) => (own === undefined ? [] : [[String(url), Number(own)]])),
    );
    const withPort = origins.filter(({ socketPath }) => socketPath === undefined);
    this.#names = new Map(withPort.map(({ url }) => [new URL(url).port, String(url)]));
    this.#limit = Number(backend.options.maxConnections);
    this.highest = Math.max(this.#limit, ...this.#own.values());
    backend.on('connect', () => this.#look());
    untold.setInterval(() => this.#look(), EVERY_MS).unref();
  }

  countAttempts() {
    this.#backend.on('attempt', ({ origin }) => {
      this.attempts += 1;
      const { names } = this.#backend.origins;
      if (!names.includes(origin))
        this.note('an attempt began at an origin that is not there', `${origin} of ${names}`);
    });
    this.#backend.on('attemptEnd', () => {
      this.attempts -= 1;
    });
  }

  /**
   * The limit of connections was changed. More than that may be open until `settled`.
   * @param {number} maxConnections
   * @param {Promise<void>} settled
   */
  changed(maxConnections, settled) {
    this.#changes += 1;
    const change = this.#changes;
    this.#limit = Math.max(this.#limit, maxConnections);
    this.highest = Math.max(this.highest, maxConnections);
    void settled.then(() => {
      if (change === this.#changes) this.#limit = maxConnections;
    });
  }

  /**
   * An origin that was removed keeps its limit. When it comes back, the connections above the present one end one by one.
   * @param {any} stats of the origin
   * @param {number} taken
   */
  #limitOf({ origin, service, connections }, taken) {
    const limit = this.#own.get(origin) ?? this.#limit;
    const most = service === 'leaving' ? connections.max : Math.max(limit, this.#kept.get(origin) ?? 0);
    if (service !== 'leaving' && taken <= limit) this.#kept.delete(origin);
    else this.#kept.set(origin, Math.min(taken, most));
    return most;
  }

  #look() {
    const stats = this.#backend.stats();
    const sockets = this.#socketsByPort();
    let allowed = 0;
    for (const one of stats.origins) {
      const { origin } = one;
      const { open, dialling, checking } = one.connections;
      const taken = open + dialling + checking;
      const limit = this.#limitOf(one, taken);
      allowed += limit;
      if (taken > limit) this.note(`${origin} has more connections than it may have`, `${taken} of ${limit}`);
      const seen = sockets.get(origin) ?? 0;
      if (seen > limit) this.note(`${origin} has more sockets than it may have`, `${seen} of ${limit}`);
    }
    const { queue, spool, requestBuffer } = stats;
    // Requests that are sent again, and those for which a connection is being dialled, take no place in it.
    if (queue.length > queue.max + 2 * allowed) this.note('the queue is too long', `${queue.length} of ${queue.max}`);
    if (spool.bytes > spool.max + this.#clients * READ_BYTES)
      this.note('the spool is too large', `${spool.bytes} of ${spool.max}`);
    if (requestBuffer.bytes > requestBuffer.max)
      this.note('too many bytes of requests are held', `${requestBuffer.bytes} of ${requestBuffer.max}`);
    try {
      this.#check(stats);
    } catch (error) {
      this.note('counts contradict each other', String(error));
    }
    this.#lookForStuck(stats);
  }

  /** @param {any} stats */
  #lookForStuck(stats) {
    const idle = stats.origins.every((/** @type {any} */ { connections: { busy, dialling } }) => busy + dialling === 0);
    const now = performance.now();
    if (stats.queue.length === 0 || !idle) this.#stuckSince = now;
    else if (now - this.#stuckSince > STUCK_MS) {
      this.note(`requests waited for ${STUCK_MS} ms while nothing was in progress`, JSON.stringify(stats));
    }
  }

  #socketsByPort() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const socket of openedSockets) {
      if (socket.destroyed || socket.remotePort === undefined) continue;
      const name = this.#names.get(String(socket.remotePort));
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * @param {string} what
   * @param {string} seen
   */
  note(what, seen) {
    if (!this.broken.has(what)) this.broken.set(what, seen);
  }
}
