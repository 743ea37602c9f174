/** The lock file: `npm ci` works on every platform, from any registry. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
}

const file = new URL('../../package-lock.json', import.meta.url);
const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(file, 'utf8'));

/** Whether a package that lies at `path` finds another by name, in its own folder or in one above it. */
function finds(path: string, name: string): boolean {
  if (`${path === '' ? '' : `${path}/`}node_modules/${name}` in packages) return true;
  return path !== '' && finds(path.slice(0, Math.max(path.lastIndexOf('/node_modules/'), 0)), name);
}

// npm refuses a lock without them ("Missing: … from lock file"), on the platforms that do not need them too.
test('the lock holds the packages of every platform', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !finds(path, name)),
  );
  expect(missing).toEqual([]);
});

test('the lock names no registry', () => {
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test.each(['bench/peers', 'test/compat'])('the lock of %s names none either', (folder) => {
  const lock = readFileSync(new URL(`../../${folder}/package-lock.json`, import.meta.url), 'utf8');
  expect(lock).not.toMatch(/"resolved"|registry/);
});
