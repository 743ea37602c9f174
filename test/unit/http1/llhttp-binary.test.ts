import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { extractLlhttp } from '../../../llhttp.config.js';

const source = readFileSync(createRequire(import.meta.url).resolve('llhttp-wasm'), 'utf8');

test('the binary is found in the installed package', () => {
  expect(extractLlhttp(source, 'index.js').slice(0, 4)).toBe('AGFz');
});

test('a package without the binary fails the build, with the name of its file', () => {
  expect(() => extractLlhttp('export {}', 'some/index.js')).toThrow('no WebAssembly binary in some/index.js');
});

test('another binary fails the build, with what was found and what was expected', () => {
  const other = source.replace('"AGFzbQEAAAAB', '"AGFzbQEAAAAC');
  expect(() => extractLlhttp(other, 'index.js')).toThrow(
    /60347 bytes and sha256 [0-9a-f]{64}, expected 60347 and 259f83/,
  );
  expect(() => extractLlhttp('let binaryString = "AGFz";', 'index.js')).toThrow('has 3 bytes');
});
