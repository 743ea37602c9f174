/** Turns a stream into bytes if the whole body is in memory already. */

import { ReadableStream, type ReadableStreamDefaultReader, type ReadableStreamReadResult } from 'node:stream/web';
import type { Deadlines } from '../../time/deadlines.js';

type Read = Promise<ReadableStreamReadResult<unknown>>;

/**
 * Reads as long as each piece comes within two turns of the event loop: text and bytes take none, a `Blob` takes one. A body that takes
 * longer, or is longer than `mostBytes` in several pieces, is returned as a stream of the same pieces.
 */
export async function readAhead(
  stream: ReadableStream<unknown>,
  mostBytes: number,
  deadlines: Deadlines,
): Promise<Uint8Array | ReadableStream> {
  const reader = stream.getReader();
  const reads: Read[] = [];
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  while (bytes <= mostBytes || pieces.length === 1) {
    const read = reader.read();
    reads.push(read);
    // The reader of the stream gets the error.
    const piece = await Promise.race([read, twoTurns(deadlines)]).catch(() => undefined);
    if (piece?.done === true) return Buffer.concat(pieces);
    if (!(piece?.value instanceof Uint8Array)) break;
    pieces.push(piece.value);
    bytes += piece.value.byteLength;
  }
  return readOn(reader, reads);
}

function twoTurns({ clock }: Deadlines): Promise<undefined> {
  return new Promise((resolve) => void clock.soon(() => clock.soon(() => resolve(undefined))));
}

/** A stream of what was read, then of what is still to come. */
function readOn(reader: ReadableStreamDefaultReader<unknown>, reads: Read[]): ReadableStream {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await (reads.shift() ?? reader.read());
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
