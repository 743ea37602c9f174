import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { equivalent } from './equivalent.mjs';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const { mutate } = JSON.parse(read('stryker.config.json')) as { mutate: string[] };
const lines = new Set(mutate.flatMap((file) => read(`../../${file}`).split('\n')).map((line) => line.trim()));

test('what is listed as changing nothing is a line of the code that is mutated', () => {
  expect(equivalent.map(({ line }) => line).filter((line) => !lines.has(line))).toEqual([]);
});
