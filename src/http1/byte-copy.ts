/** Bytes of a memory that is used again, as bytes of their own. */

// Up to this, bytes are copied one by one: a view of them, which a copy at once would need, costs as much.
const FEW_BYTES = 256;

export function copyOf(bytes: Buffer, from: number, end: number): Buffer {
  if (end - from > FEW_BYTES) return Buffer.from(bytes.subarray(from, end));
  const copy = Buffer.allocUnsafe(end - from);
  for (let i = from; i < end; i += 1) copy[i - from] = bytes[i] ?? 0;
  return copy;
}

// Small buffers of Node lie in memory of so many bytes, which is full of others.
const POOL_BYTES = 8_192;

/** The same, or a copy where they hold more than twice their length: a frame of HTTP/2 holds the whole read that it came in. */
export function unshared<T extends Uint8Array>(bytes: T): T | Buffer {
  const { byteLength } = bytes.buffer;
  return byteLength > POOL_BYTES && byteLength > 2 * bytes.byteLength ? Buffer.from(bytes) : bytes;
}
