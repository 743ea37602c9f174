/** Bytes of a memory that is used again, as bytes of their own. */

// Up to this, bytes are copied one by one: a view of them, which a copy at once would need, costs as much.
const FEW_BYTES = 256;

export function copyOf(bytes: Buffer, from: number, end: number): Buffer {
  if (end - from > FEW_BYTES) return Buffer.from(bytes.subarray(from, end));
  const copy = Buffer.allocUnsafe(end - from);
  for (let i = from; i < end; i += 1) copy[i - from] = bytes[i] ?? 0;
  return copy;
}
