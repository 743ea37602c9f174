import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faults } from './faults.mjs';

// In the copies in which a fault is planted it is not there any more.
test.skipIf(process.env.PLANTED !== undefined)('every fault that is planted has its place in the code, once', () => {
  const places = faults.map(({ name, file, from }) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    return [name, text.split(from).length - 1];
  });
  expect(places).toEqual(faults.map(({ name }) => [name, 1]));
});
