/** Draws where the origins are, how the backend finds them, and a balancer of the owner's. */

import { Seeded } from './seeded.mjs';

/** @typedef {import('./setting.mjs').Setting} Setting */

// Another sequence than that of the options: what a seed meant before this was drawn stays as it was.
const OTHER = 0x9e3779b9;

/**
 * @param {number} seed
 * @param {number} count of origins
 * @returns {Pick<Setting, 'transports' | 'names' | 'discovery'> & { options: Record<string, unknown> }} options of the backend
 */
export function randomPlaces(seed, count) {
  const seeded = new Seeded(seed ^ OTHER);
  const discovery = seeded.chance(0.4) && {
    source: seeded.oneOf(/** @type {const} */ (['function', 'iterable', 'dns'])),
    intervalMs: seeded.oneOf([50, 300, 1500]),
  };
  const kinds = seeded.oneOf(
    /** @type {import('./setting.mjs').Transport[][]} */ ([
      ['tcp'],
      ['tcp'],
      ['tls'],
      ['tls'],
      ['unix'],
      ['tcp', 'unix'],
      ['tcp', 'tls', 'unix'],
    ]),
  );
  const drawn = Array.from({ length: count }, () => seeded.oneOf(kinds));
  // What DNS finds is all of one protocol, and has a port.
  const isFoundInDns = discovery !== false && discovery.source === 'dns';
  const transports = isFoundInDns ? drawn.map(() => (kinds[0] === 'tls' ? 'tls' : 'tcp')) : drawn;
  const names = seeded.chance(0.2);
  const balance = { own: seeded.oneOf(['random', 'last', 'path', 'wrong']), keeps: seeded.chance(0.3) };
  const subset = { size: seeded.integer(1, 3), id: 'soak' };
  const options = {
    ...(seeded.chance(0.2) && { balance }),
    ...(seeded.chance(0.2) && discovery !== false && { subset }),
    ...(seeded.chance(0.4) && transports.includes('tls') && { tls: { maxVersion: 'TLSv1.2' } }),
  };
  return { transports, names, discovery, options };
}
