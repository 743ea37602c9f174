/** The list of what differs is held in both directions: what fails and is not in it is told, and what is in it and passes. */

import { expect, test } from 'vitest';
import { differences } from './differences.mjs';
import { judge, judgeOthers } from './judge.mjs';

const FILE = 'a.test.js';
const result = (name: string, passed: boolean, file = `/suite/test/${FILE}`) => ({ name, file, passed, why: 'so' });
const listed = (outcome: string) => [{ file: FILE, tests: ['one'], outcome }];

test.each<[string, string[], ReturnType<typeof result>[], ReturnType<typeof listed>, string[]]>([
  ['all pass', [FILE], [result('one', true)], [], []],
  ['one fails', [FILE], [result('one', false)], [], ['a.test.js: one fails: so']],
  ['one of another file fails', [FILE], [result('one', true), result('one', false, 'b')], [], ['b: one fails: so']],
  ['a file says nothing', [FILE, 'b'], [result('one', true)], [], ['b: no test of it has ended']],
  ['one fails as listed', [FILE], [result('one', false), result('two', true)], listed('fails'), []],
  [
    'one beside it fails',
    [FILE],
    [result('one', false), result('two', false)],
    listed('fails'),
    ['a.test.js: two fails: so'],
  ],
  [
    'one passes that is listed',
    [FILE],
    [result('one', true), result('two', true)],
    listed('fails'),
    ['a.test.js: one is listed as failing, and passes'],
  ],
  ['one depends on the network and fails', [FILE], [result('one', false)], listed('depends'), []],
  ['one depends on the network and passes', [FILE], [result('one', true)], listed('depends'), []],
])('%s', (_what, files, results, list, complaints) => {
  expect(judge(files, results, list)).toEqual(complaints);
});

test('what is listed as passing with other options has to pass with them', () => {
  const difference = { file: FILE, tests: ['one'] };
  expect(judgeOthers([result('one', true)], difference)).toEqual([]);
  expect(judgeOthers([result('one', false)], difference)).toHaveLength(1);
  expect(judgeOthers([], difference)).toHaveLength(1);
});

test('each difference has a reason', () => {
  expect(differences.filter(({ why, tests }) => why === '' || tests.length === 0)).toEqual([]);
});
