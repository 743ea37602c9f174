import { expect, test } from 'vitest';
import { CheckedText, FIELD_VALUE, TARGET, TOKEN } from '../../../src/http1/checked-text.js';

test('text is what was added to it, byte for byte', () => {
  const text = new CheckedText();
  expect(text.addChecked('GET', TOKEN)).toBe(true);
  text.add(' ');
  expect(text.addChecked('/\xe9?a', TARGET)).toBe(true);
  text.add('\r\n');
  expect(text.addChecked('a\tb \xff', FIELD_VALUE)).toBe(true);
  expect(text.toString()).toBe('GET /\xe9?a\r\na\tb \xff');
});

test('text that was cleared begins anew', () => {
  const text = new CheckedText();
  text.add('long before');
  text.clear();
  text.add('new');
  expect(text.toString()).toBe('new');
});

test('text grows as far as it must, and keeps what was there', () => {
  const text = new CheckedText();
  const long = 'x'.repeat(3_000);
  for (let i = 0; i < 5; i += 1) expect(text.addChecked(long, TOKEN)).toBe(true);
  text.add('y'.repeat(50_000));
  expect(text.toString()).toBe(long.repeat(5) + 'y'.repeat(50_000));
});

test.each([
  ['a token', TOKEN, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/],
  ['the value of a field', FIELD_VALUE, /^[\t\x20-\x7e\x80-\xff]$/],
  ['a target', TARGET, /^[\x21\x22\x24-\x7e\x80-\xff]$/],
] as const)('%s takes exactly the characters of its grammar', (_, grammar, allowed) => {
  const text = new CheckedText();
  for (let code = 0; code <= 0x1_ff; code += 1) {
    const character = String.fromCharCode(code);
    text.clear();
    expect([code, text.addChecked(character, grammar)]).toEqual([code, allowed.test(character)]);
  }
});
