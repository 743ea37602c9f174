/** How a worker of a cluster talks with its primary. */

import cluster from 'node:cluster';
import { asReply, type ShareReply, type ShareRequest } from './share-message.js';

/** Sends messages to the primary, and hears its replies to this process. */
export interface PrimaryChannel {
  send(request: ShareRequest): void;
  /**
   * Calls `hear` with every reply from now on. Returns a function that ends this.
   *
   * @throws TypeError when there is no primary
   */
  listen(hear: (reply: ShareReply) => void): () => void;
}

// One listener for all backends: Node warns of a leak when there are more than ten.
const hearers = new Set<(reply: ShareReply) => void>();

function read(message: unknown): void {
  const reply = asReply(message);
  if (reply !== undefined) for (const hear of hearers) hear(reply);
}

/** Talks over the messages of `node:cluster`. */
export const clusterChannel: PrimaryChannel = {
  send(request) {
    // A primary that is gone does not answer any more: the last share stays valid for the life of this worker.
    if (process.connected) process.send?.(request, undefined, undefined, () => {});
  },
  listen(hear) {
    if (!cluster.isWorker) {
      throw new TypeError(
        'maxConnections.workers must be given with total outside a worker of node:cluster: there is no primary to share it',
      );
    }
    if (hearers.size === 0) process.on('message', read);
    hearers.add(hear);
    return () => {
      hearers.delete(hear);
      if (hearers.size === 0) process.off('message', read);
    };
  },
};
