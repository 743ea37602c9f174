/** The bodies with which the origin answers, by path. */

/** @type {ReadonlyMap<string, string>} */
export const BODIES = new Map([
  ['/100-bytes', `${'0123456789'.repeat(9)}abcdefghi\n`],
  ['/16-kib', '0123456789abcde\n'.repeat(1024)],
  ['/1-mib', '0123456789abcde\n'.repeat(65_536)],
  ['/chunked', '0123456789abcde\n'.repeat(1024)],
]);

/** This body is sent in chunks, the others with Content-Length. */
export const CHUNKED = '/chunked';

/** `/fields-N` is answered like `/100-bytes`, with N more fields. */
export const FIELD_COUNTS = [5, 10, 25, 50, 100];
