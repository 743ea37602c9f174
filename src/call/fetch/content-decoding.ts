/** Undoes the codings of the body of a fetched response (RFC 9110 §8.4). */

import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { BackendError } from '../../errors.js';

type Chunks = AsyncIterableIterator<Uint8Array>;
/** Makes the decoder for a body that begins with these bytes. There is at least one. */
type Decoder = (first: Uint8Array) => Transform;

const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['deflate', inflate],
  ['br', () => createBrotliDecompress()],
]);
const MOST_CODINGS = 5;

/**
 * The decoded body; or the body as it is, if one of the codings is not known, as the standard says. Fails if the body ends before its
 * coding does.
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
  // The coding that was applied last is undone first.
  return isKnown ? decoders.reduceRight<Chunks>(decoded, body.iterator()) : body.iterator();
}

async function* decoded(encoded: Chunks, decoderOf: Decoder): Chunks {
  // An empty body has no coding, whatever its fields say. A decoder would miss the end of its coding.
  const { done, value: first } = await encoded.next();
  if (done) return;
  const decoder = decoderOf(first);
  decoder.write(first);
  yield* pipeline(encoded, decoder, () => undefined);
}

// "Some non-conformant implementations send the "deflate" compressed data without the zlib wrapper" (RFC 9110 §8.4.1.2). The wrapper begins
// with its method, 8, in the lower half of a byte (RFC 1950 §2.2).
function inflate([first = 0]: Uint8Array): Transform {
  return (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
}
