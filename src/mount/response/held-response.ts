/** What has come of a response while a hook still decides about its head. */

import type { ResponseHead } from '../../http1/response-head.js';

export class HeldResponse {
  readonly head: ResponseHead;
  /** At most what had already been read: no more is asked for. */
  readonly pieces: Buffer[] = [];
  /** Set when the response is complete. */
  trailers: readonly string[] | undefined;

  constructor(head: ResponseHead) {
    this.head = head;
  }
}
