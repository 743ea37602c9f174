/** Streams that a test feeds by hand. */

import { Readable } from 'node:stream';

/** A source that gives what is pushed into it and nothing else. */
export function openSource(options: { objectMode?: boolean } = {}): Readable {
  return new Readable({ ...options, read() {} });
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Lets streams do what they have scheduled (`nextTick`, promises, one turn of the loop). */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export const UNBOUNDED = { length: undefined, replayBytes: 1 << 20 };
