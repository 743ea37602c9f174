/** Pooling code of your own, tested without a socket and without waiting: time and connections are in the test's hands. */

import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { ManualClock, memorySockets } from 'pooled-backend/testing';

const LONGEST_IDLE_MS = 5_000;

/** The code under test. It is handed its clock, so that it does not matter whose it is. */
class IdleSockets<S extends Duplex> {
  readonly #keptAt = new Map<S, number>(); // newest last
  readonly #clock: { now(): number };

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  /** Takes a new socket in. Whatever it says while it is idle is not what the next borrower asked for. */
  add(socket: S): void {
    const heard = () => this.#keptAt.delete(socket) && socket.destroy();
    socket.on('data', heard).on('end', heard).on('error', heard);
    this.giveBack(socket);
  }

  giveBack(socket: S): void {
    this.#keptAt.set(socket, this.#clock.now());
  }

  borrow(): S | undefined {
    for (const [socket, keptAt] of [...this.#keptAt].reverse()) {
      this.#keptAt.delete(socket);
      if (this.#clock.now() - keptAt < LONGEST_IDLE_MS) return socket;
      socket.destroy();
    }
    return undefined;
  }
}

// A socket that was idle for five seconds is closed, not lent.
const clock = new ManualClock();
const sockets = new IdleSockets(clock);
const [old] = memorySockets();
sockets.add(old);
clock.advance(LONGEST_IDLE_MS);
assert.equal(sockets.borrow(), undefined);
assert.equal(old.destroyed, true);

// A server has hung up, but its FIN is still on the way: the race that nobody can win by listening alone.
const [near, far] = memorySockets({ delivery: 'by-hand' });
sockets.add(near);
far.end();
assert.equal(sockets.borrow(), near);
sockets.giveBack(near);
far.deliver();
await new Promise(setImmediate);
assert.equal(sockets.borrow(), undefined);
console.log('a socket aged five seconds, and a FIN came late, without a socket and without a wait');
