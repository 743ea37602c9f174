/** The health checks of an origin, as long as its options ask for them, and what follows from their results. */

import { isDeepStrictEqual } from 'node:util';
import type { DownReason } from '../../observe/reasons.js';
import type { ResolvedCheck } from '../../options.js';
import type { OriginParts } from '../parts.js';
import { ActiveCheck, type CheckStats } from './active-check.js';

export class OriginChecks {
  readonly #parts: OriginParts;
  #option: ResolvedCheck | false = false; // how the origin is checked now
  #check: ActiveCheck | undefined;

  constructor(parts: OriginParts) {
    this.#parts = parts;
    this.configure();
  }

  /** Follows the options as they are now. */
  configure(): void {
    const { check } = this.#parts.setting.options;
    if (isDeepStrictEqual(check, this.#option)) return;
    this.#option = check;
    if (check === false) this.#end();
    else if (this.#check === undefined) this.#check = this.#begun(check);
    else this.#check.configure(check);
  }

  #begun(check: ResolvedCheck): ActiveCheck {
    const { origin, setting, target, connection, pool, standing, dialler } = this.#parts;
    const { startDial, random, observer } = setting;
    const checked = { check, authority: () => origin.options.authority, target, startDial, connection };
    return new ActiveCheck(checked, pool, random, observer, {
      makeRoom: () => dialler.makeRoom(),
      fell: (reason) => this.#fell(reason),
      rose: () => standing.rose(),
    });
  }

  /** Ends the checks, and with them the `down` state: no check would ever end it. */
  #end(): void {
    this.close();
    this.#check = undefined;
    this.#parts.standing.rose();
  }

  get stats(): CheckStats | null {
    return this.#check?.stats ?? null;
  }

  /** Slots that are held by a check. */
  get slots(): number {
    return this.#check?.isChecking === true ? 1 : 0;
  }

  /** A check is due and waits for the next free slot. */
  get wantsSlot(): boolean {
    return this.#check?.wantsSlot === true;
  }

  slotFreed(): void {
    this.#check?.slotFreed();
  }

  #fell(reason: DownReason): void {
    this.#parts.standing.fell(reason);
    // They lead to a server that is ill. Idle connections to it will not be needed, or will have to be dialled anew.
    for (const slot of this.#parts.pool.idleSlots()) slot.item?.connection.close('check-failed');
  }

  close(): void {
    this.#check?.close();
  }
}
