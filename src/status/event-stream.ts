/** Serves one watcher over Server-Sent Events (HTML standard, §9.2). */

import type { ServerResponse } from 'node:http';
import type { StatusFeed, Watcher } from './status-feed.js';

/** How long a browser waits before it connects again. */
const RETRY_MS = 2_000;

/** Status and fields of `res` must be set already: the first write sends them. */
export function streamEvents(res: ServerResponse, feed: StatusFeed): void {
  let takes = true;
  let told = true; // whether the last message was written
  const watcher: Watcher = {
    tell(event, json) {
      // At most one message is buffered for a browser that does not read.
      told = takes;
      if (told) takes = res.write(`event: ${event}\ndata: ${json}\n\n`);
      return told;
    },
    // A browser that does not read would never come to a regular end.
    end: () => void (told ? res.end() : res.destroy()),
  };
  const leave = () => feed.leave(watcher);
  res.on('drain', () => {
    takes = true;
  });
  res.on('close', leave);
  res.on('error', leave);
  res.write(`retry: ${RETRY_MS}\n\n`);
  feed.watch(watcher);
}
