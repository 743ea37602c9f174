/** Those who wait for any connection but those of origins that they had better not go to again. */

import type { Travel } from '../origin/setting.js';
import { older, type QueueMoment, WaitLine } from './wait-line.js';
import type { Fits, Waiter } from './waiter.js';

/** Those who avoid the same: nobody else stands between them, so none of them is looked at in vain. */
interface ApartLine<W extends Waiter> {
  readonly avoids: readonly object[];
  readonly line: WaitLine<W>;
}

/** A line for each set of origins that anybody avoids: few, for only origins that fail are avoided. */
export class ApartLines<W extends Waiter> {
  #lines: readonly ApartLine<W>[] = []; // none of them empty

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** With `at`: those that do not avoid this origin. */
  lengthOf(travel: Travel, at?: object): number {
    let sum = 0;
    for (const { avoids, line } of this.#lines) if (!isAvoided(at, avoids)) sum += line.lengthOf(travel);
    return sum;
  }

  /** The line of those who avoid these; a new one, to be kept, where there is none. */
  lineOf(avoids: readonly object[]): WaitLine<W> {
    return this.#lines.find((one) => areSame(one.avoids, avoids))?.line ?? new WaitLine<W>();
  }

  /** Somebody waits there. */
  keep(avoids: readonly object[], line: WaitLine<W>): void {
    if (this.#lines.every((one) => one.line !== line)) this.#lines = [...this.#lines, { avoids, line }];
  }

  /** Nobody waits there any more. */
  drop(line: WaitLine<W>): void {
    this.#lines = this.#lines.filter((one) => one.line !== line);
  }

  /** Whose turn it is among those that fit and do not avoid this origin. */
  turn(fits: Fits, at: object | undefined, moment: QueueMoment): W | undefined {
    let first: W | undefined;
    for (const { avoids, line } of this.#lines) {
      if (!isAvoided(at, avoids)) first = older(first, line.turn(fits, line.isOverloaded(moment)));
    }
    return first;
  }

  /** One who avoids what cannot be avoided, the oldest of its line. */
  stranded(canAvoid: (avoided: readonly object[]) => boolean): W | undefined {
    return this.#lines.find(({ avoids }) => !canAvoid(avoids))?.line.head;
  }
}

function isAvoided(origin: object | undefined, avoids: readonly object[]): boolean {
  return origin !== undefined && avoids.includes(origin);
}

function areSame(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((origin, index) => origin === other[index]);
}
