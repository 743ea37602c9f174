/** The origins as their owner gave them: the whole list, without those being removed. */

import type { OriginOptions, ResolvedOptions, ResolvedOrigin } from '../options.js';
import { resolveEach } from '../options.js';

/** A copy: what the owner changes in the original later has no effect. */
export type GivenOrigin = string | OriginOptions;

export class GivenOrigins {
  readonly #byName = new Map<string, GivenOrigin>();
  #told: { readonly by: ResolvedOptions; readonly options: ResolvedOptions } | undefined; // until the list changes

  get list(): readonly GivenOrigin[] {
    return [...this.#byName.values()];
  }

  /** The options with these origins in them: the same object until the options or the list change. */
  within(by: ResolvedOptions): ResolvedOptions {
    if (this.#told?.by !== by) {
      this.#told = { by, options: Object.freeze({ ...by, origins: resolveEach(this.list, by) }) };
    }
    return this.#told.options;
  }

  get(name: string): GivenOrigin | undefined {
    return this.#byName.get(name);
  }

  set(name: string, given: GivenOrigin): void {
    this.#told = undefined;
    this.#byName.set(name, given);
  }

  delete(name: string): void {
    this.#told = undefined;
    this.#byName.delete(name);
  }

  /** Includes origins outside the subset: their options have to be valid too. */
  replace(set: readonly GivenOrigin[], resolvedSet: readonly ResolvedOrigin[]): void {
    this.#told = undefined;
    this.#byName.clear();
    for (const [index, { origin }] of resolvedSet.entries()) this.#byName.set(origin, set[index] ?? origin);
  }
}
