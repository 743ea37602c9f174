/** Which files the packed package may contain, and how large it may be. */

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';

const REQUIRED = ['package.json', 'README.md', 'CHANGELOG.md', 'config.schema.json', 'dist/cli.js'];
// The notice for bundled code must be included: its license asks for that.
const NOTICES = ['LICENSE', 'THIRD-PARTY.md'];
// Sources, tests, source maps and leftovers of a build are not published.
const ALLOWED =
  /^(package\.json|README\.md|LICENSE|THIRD-PARTY\.md|CHANGELOG\.md|config\.schema\.json|dist\/[\w-]+(\.d)?\.(js|cjs|ts|cts))$/;

/** In bytes. If something is worth raising a budget, say in that commit what it is. */
const BUDGETS = {
  'the packed package': 560_000,
  'the unpacked package': 2_050_000,
  'the main entry': 600_000,
  'the main entry, compressed': 168_000,
};

export function checkContents(paths) {
  assert.deepEqual(
    paths.filter((path) => !ALLOWED.test(path)),
    [],
    'nobody needs these files of the package',
  );
  assert.deepEqual(
    [...REQUIRED, ...NOTICES].filter((path) => !paths.includes(path)),
    [],
    'these files of the package are missing',
  );
}

/** Prints the sizes on one line. */
export function checkSizes({ size, unpackedSize }, mainEntry) {
  const sizes = {
    'the packed package': size,
    'the unpacked package': unpackedSize,
    'the main entry': mainEntry.length,
    'the main entry, compressed': gzipSync(mainEntry).length,
  };
  for (const [what, bytes] of Object.entries(sizes)) {
    assert.ok(bytes <= BUDGETS[what], `${what} has ${bytes} bytes, at most ${BUDGETS[what]}`);
  }
  return Object.entries(sizes)
    .map(([what, bytes]) => `${what} has ${Math.round(bytes / 1000)} kB`)
    .join(', ');
}
