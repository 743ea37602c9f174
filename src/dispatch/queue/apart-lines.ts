/** Waiters that avoid some origins: re-sends, which prefer an origin that they have not tried. */

import type { Travel } from '../../origin/travel.js';
import { older, type QueueMoment, WaitLine } from './wait-line.js';
import type { Fits, Waiter } from './waiter.js';

/** The waiters that avoid the same origins. They have a line of their own, so that a search never has to skip other waiters. */
interface ApartLine<W extends Waiter> {
  readonly avoids: readonly object[];
  readonly line: WaitLine<W>;
}

/** One line for each set of avoided origins. Mostly there are few: only failing origins are avoided. */
export class ApartLines<W extends Waiter> {
  #lines: readonly ApartLine<W>[] = []; // none of them empty

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** How many wait for this travel. */
  lengthOf(travel: Travel): number {
    let sum = 0;
    for (const { line } of this.#lines) sum += line.lengthOf(travel);
    return sum;
  }

  /** The sets of avoided origins. */
  get avoided(): readonly (readonly object[])[] {
    return this.#lines.map(({ avoids }) => avoids);
  }

  /** The line of the waiters that avoid these origins; if there is none, a new one for `keep()`. */
  lineOf(avoids: readonly object[]): WaitLine<W> {
    return this.#lines.find((one) => areSame(one.avoids, avoids))?.line ?? new WaitLine<W>();
  }

  /** The line gets a waiter: from now on `lineOf()` finds the line. */
  keep(avoids: readonly object[], line: WaitLine<W>): void {
    if (this.#lines.every((one) => one.line !== line)) this.#lines = [...this.#lines, { avoids, line }];
  }

  /** The line has become empty: it is forgotten. */
  drop(line: WaitLine<W>): void {
    this.#lines = this.#lines.filter((one) => one.line !== line);
  }

  /** The waiter whose turn it is, among those that fit and do not avoid this origin. */
  turn(fits: Fits, at: object | undefined, moment: QueueMoment): W | undefined {
    let first: W | undefined;
    for (const { avoids, line } of this.#lines) {
      const isAvoided = at !== undefined && avoids.includes(at);
      if (!isAvoided) first = older(first, line.turn(fits, line.isOverloaded(moment)));
    }
    return first;
  }

  /** The oldest waiter of a line that can no longer avoid its origins. */
  stranded(canAvoid: (avoided: readonly object[]) => boolean): W | undefined {
    return this.#lines.find(({ avoids }) => !canAvoid(avoids))?.line.head;
  }
}

function areSame(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((origin, index) => origin === other[index]);
}
