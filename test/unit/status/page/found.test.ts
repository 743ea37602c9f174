import { expect, test } from 'vitest';
import { foundLine } from '../../../../src/status/page/found.js';
import type { StatusReport } from '../../../../src/status/report.js';

const FOUND: NonNullable<StatusReport['discovery']> = {
  ...{ source: 'dns', state: 'waiting', sets: 1, origins: 3, failures: 0, failed: 0 },
  ...{ error: null, foundMsAgo: 4_000, nextInMs: 1_000 },
};

test.each<[what: string, discovery: StatusReport['discovery'], line: string]>([
  ['nothing where the origins are given', null, ''],
  ['how old the set is', FOUND, ' · 3 origins found 4 s ago by dns'],
  [
    'that it is the last good one, and why',
    { ...FOUND, failures: 2, error: 'no answer' },
    ' · 3 origins found 4 s ago by dns, 2 failures since: no answer',
  ],
  [
    'that there is none yet',
    { ...FOUND, foundMsAgo: null, failures: 1, error: 'no answer' },
    ' · no origins found by dns, 1 failure since: no answer',
  ],
])('it says %s', (_what, discovery, line) => {
  expect(foundLine(discovery)).toBe(line);
});
