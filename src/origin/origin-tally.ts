/** What is counted of one origin. */

import type { BackendError, Delivery } from '../errors.js';
import type { CloseReason, ResendReason } from '../observe/reasons.js';

/** Counters that only grow, except that of the open tunnels. */
export class OriginTally {
  dialled = 0;
  dialsFailed = 0;
  readonly closed: Partial<Record<CloseReason, number>> = {};
  requests = 0;
  reused = 0;
  readonly resent: Partial<Record<ResendReason, number>> = {};
  staleFound = 0;
  staleSwept = 0;
  poisoned = 0;
  readonly tunnels = { open: 0, opened: 0 };
  readonly responses = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, other: 0 };
  readonly delivery: Record<Delivery, number> = { unsent: 0, unknown: 0, answered: 0 };
  readonly aborted: Record<Delivery, number> = { unsent: 0, unknown: 0, answered: 0 }; // the part of `delivery` that clients have aborted

  countClosed(reason: CloseReason): void {
    this.closed[reason] = (this.closed[reason] ?? 0) + 1;
  }

  countResent(reason: ResendReason): void {
    this.resent[reason] = (this.resent[reason] ?? 0) + 1;
  }

  countTunnel(): void {
    this.tunnels.open += 1;
    this.tunnels.opened += 1;
  }

  countFailure({ code, delivery }: BackendError): void {
    this.delivery[delivery] += 1;
    if (code === 'client_aborted') this.aborted[delivery] += 1;
  }

  countResponse(statusCode: number): void {
    const { responses } = this;
    if (statusCode < 200) responses.other += 1;
    else if (statusCode < 300) responses['2xx'] += 1;
    else if (statusCode < 400) responses['3xx'] += 1;
    else if (statusCode < 500) responses['4xx'] += 1;
    else if (statusCode < 600) responses['5xx'] += 1;
    else responses.other += 1;
  }
}
