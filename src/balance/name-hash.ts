/** Evenly distributed hashes of names, the same on every machine for ever. Not cryptographic: collisions are easy to find. */

/** FNV-1a over UTF-16 code units, then mixed: names that differ in their last digits only, as in a fleet, get unrelated hashes. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixed(hash);
}

/** The finalizer of MurmurHash3: every bit of the input changes half of those of the result. From 0 to below 2³². */
export function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
