/** The body of a fetched response as it was before its codings (RFC 9110 §8.4). */

import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { BackendError } from '../errors.js';

type Chunks = AsyncIterableIterator<Uint8Array>;
/** Made for what begins with these bytes, of which there are some. */
type Decoder = (first: Uint8Array) => Transform;

const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['deflate', inflate],
  ['br', () => createBrotliDecompress()],
]);
const MOST_CODINGS = 5;

/**
 * As it is when one of the codings is not known, as the standard has it. Fails when it ends before its coding does.
 *
 * @param encoding the field Content-Encoding
 * @throws BackendError for too many codings
 */
export function decodedBody(body: Readable, encoding: string | null): Chunks {
  const codings = encoding === null ? [] : encoding.toLowerCase().split(',');
  if (codings.length > MOST_CODINGS) {
    throw new BackendError('http_protocol_error', `the body has ${codings.length} codings`);
  }
  const decoders = codings.map((coding) => DECODERS.get(coding.trim()));
  const isKnown = decoders.every((decoder) => decoder !== undefined);
  // The last that was applied is the first to be undone.
  return isKnown ? decoders.reduceRight<Chunks>(decoded, body.iterator()) : body.iterator();
}

async function* decoded(encoded: Chunks, decoderOf: Decoder): Chunks {
  // A body of no bytes is in no coding, whatever its fields say: a decoder would miss the end of one.
  const { done, value: first } = await encoded.next();
  if (done) return;
  const decoder = decoderOf(first);
  decoder.write(first);
  yield* pipeline(encoded, decoder, () => undefined);
}

// "Some non-conformant implementations send the "deflate" compressed data without the zlib wrapper" (RFC 9110 §8.4.1.2), which
// begins with its method, 8, in the lower half of a byte (RFC 1950 §2.2).
function inflate([first = 0]: Uint8Array): Transform {
  return (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
}
