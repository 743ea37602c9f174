/** Copies bytes out of memory that will be used again. */

// Up to this, bytes are copied one by one. Copying them at once needs a view of them, which costs as much.
const FEW_BYTES = 256;

export function copyOf(bytes: Buffer, from: number, end: number): Buffer {
  if (end - from > FEW_BYTES) return Buffer.from(bytes.subarray(from, end));
  const copy = Buffer.allocUnsafe(end - from);
  for (let i = from; i < end; i += 1) copy[i - from] = bytes[i] ?? 0;
  return copy;
}

// Node cuts small buffers from a memory of this size, which it shares among many of them.
const POOL_BYTES = 8_192;

/**
 * Returns `bytes`, or a copy if they hold more than twice their length in memory: a frame of HTTP/2 holds the whole read that it came in.
 */
export function unshared<T extends Uint8Array>(bytes: T): T | Buffer {
  const { byteLength } = bytes.buffer;
  return byteLength > POOL_BYTES && byteLength > 2 * bytes.byteLength ? Buffer.from(bytes) : bytes;
}
