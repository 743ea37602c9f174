/** A connection living in a slot: what its origin remembers of it. */

import type { Connection } from '../connection/connection.js';
import type { CloseReason, ConnectionOwner } from '../connection/connection-owner.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Slot } from '../pool/slot.js';

/** The owner of the slots. */
export interface Landlord {
  returned(tenancy: Tenancy): void;
  left(tenancy: Tenancy, reason: CloseReason, heard: string): void;
  answered(tenancy: Tenancy, head: ResponseHead): void;
}

export class Tenancy implements ConnectionOwner {
  readonly slot: Slot<Tenancy>;
  /** Moment at which its dial began. */
  readonly dialledAt: number;
  /** Moment from which it is not lent again. */
  readonly retireAt: number;
  /** How long it had been idle when it was lent last. */
  idleMsWhenLent = 0;
  /** How many connections its server had closed when it was lent last. */
  leftWhenLent = 0;
  /** It carries a request that may only travel fresh. */
  holdsFreshShare = false;
  /** It was closed because of unsolicited bytes. */
  poisoned = false;
  /** Status of the last answer, if it had no body. */
  endedWithHead: number | undefined = undefined;
  #connection: Connection | undefined;
  readonly #landlord: Landlord;

  constructor(slot: Slot<Tenancy>, dialledAt: number, retireAt: number, landlord: Landlord) {
    this.slot = slot;
    this.dialledAt = dialledAt;
    this.retireAt = retireAt;
    this.#landlord = landlord;
  }

  get connection(): Connection {
    if (this.#connection === undefined) throw new Error('a tenancy is asked for its connection before it moved in');
    return this.#connection;
  }

  moveIn(connection: Connection): void {
    this.#connection = connection;
  }

  reusable(): void {
    this.#landlord.returned(this);
  }

  closed(reason: CloseReason, heard: string): void {
    this.#landlord.left(this, reason, heard);
  }

  headReceived(head: ResponseHead): void {
    this.#landlord.answered(this, head);
  }
}
