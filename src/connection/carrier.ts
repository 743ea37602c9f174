/** What an exchange needs of the connection that carries it. */

import type { BackendError } from '../errors.js';
import type { CloseReason } from '../observe/reasons.js';
import type { ExchangeEnding } from './exchange-ending.js';
import type { OpenSocket } from './open-socket.js';
import type { StallWatch } from './stall-watch.js';

export interface Carrier {
  readonly origin: string;
  readonly secure: boolean;
  readonly socket: OpenSocket;
  readonly stalls: StallWatch;
  readonly closed: boolean;
  /** Given to every write. On TLS the exchange that it tells may be the next one by then. */
  readonly flushed: (error?: Error | null) => void;
  /** The kernel refused the first write of the exchange, because it had closed the connection before. */
  refused(): void;
  /** The kernel has refused a part of the request. */
  hungUp(): void;
  /** Closes now, and forgets the exchange. */
  close(reason: CloseReason): void;
  /** Ends the exchange, and the connection with it. */
  fail(ending: ExchangeEnding, cause: BackendError): void;
}
