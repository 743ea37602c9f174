/** A connection living in a slot: what its origin remembers of it. */

import { Connection } from '../connection/connection.js';
import type { ConnectionOwner } from '../connection/connection-owner.js';
import type { ConnectionSetting } from '../connection/connection-setting.js';
import type { Dialled } from '../connection/dial.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { CloseReason } from '../observe/reasons.js';
import type { Slot } from '../pool/slot.js';

/** The owner of the slots. */
export interface PoolEntryOwner {
  reusable(entry: PoolEntry): void;
  closed(entry: PoolEntry, reason: CloseReason, heard: string): void;
  answered(entry: PoolEntry, head: ResponseHead): void;
}

/** A slot whose dial has succeeded. */
type DialledSlot = Pick<PoolEntry, 'slot' | 'dialledAt' | 'retireAt'> & { readonly dialled: Dialled };

export class PoolEntry implements ConnectionOwner {
  readonly slot: Slot<PoolEntry>;
  readonly connection: Connection;
  /** Moment at which its dial began. */
  readonly dialledAt: number;
  /** Moment from which it is not lent again. */
  readonly retireAt: number;
  /** How long it had been idle when it was lent last. */
  idleMsWhenLent = 0;
  /** How many connections its server had closed when it was lent last. */
  closedWhenLent = 0;
  /** It carries a request that may only travel fresh, or is kept for one. */
  holdsFreshShare = false;
  /** It was closed because of unsolicited bytes. */
  poisoned = false;
  /** Status of the last answer, if it had no body. */
  endedWithHead: number | undefined = undefined;
  readonly #owner: PoolEntryOwner;

  constructor({ slot, dialled, dialledAt, retireAt }: DialledSlot, setting: ConnectionSetting, owner: PoolEntryOwner) {
    this.slot = slot;
    this.dialledAt = dialledAt;
    this.retireAt = retireAt;
    this.#owner = owner;
    this.connection = new Connection(dialled, setting, this);
  }

  /** How many exchanges are left after those that have ended, if a connection may have `most`. */
  exchangesLeft(most: number): number {
    const { exchanges, allowance } = this.connection;
    return Math.min(most - exchanges, allowance.leftAfter(exchanges));
  }

  reusable(): void {
    this.#owner.reusable(this);
  }

  closed(reason: CloseReason, heard: string): void {
    this.#owner.closed(this, reason, heard);
  }

  answered(head: ResponseHead): void {
    this.#owner.answered(this, head);
  }
}
