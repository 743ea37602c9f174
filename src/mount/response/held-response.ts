/** What has come of a response while a hook still decides about its head. */

import type { ResponseHead } from '../../http1/response-head.js';

export interface HeldResponse {
  readonly head: ResponseHead;
  /** Whether body bytes or the end came with the head. */
  readonly more: boolean;
  /** At most what had already been read: no more is asked for. */
  readonly pieces: Buffer[];
}
