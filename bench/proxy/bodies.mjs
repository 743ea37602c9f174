/** What the origin answers, by path. */

/** @type {ReadonlyMap<string, string>} */
export const BODIES = new Map([
  ['/100-bytes', `${'0123456789'.repeat(9)}abcdefghi\n`],
  ['/16-kib', `${'0123456789abcde\n'.repeat(1024)}`],
]);
