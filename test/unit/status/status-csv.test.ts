import { describe, expect, test } from 'vitest';
import type { OriginReport } from '../../../src/status/report.js';
import { statusCsv } from '../../../src/status/status-csv.js';
import { backendStats, originReport, statusReport } from './setting.js';

/** The rows by name of their columns. Fields with commas are not for this. */
function rowsOf(csv: string): Record<string, string>[] {
  const [head = '', ...lines] = csv.trimEnd().split('\n');
  const names = head.replace(/^# /, '').split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((field, at) => [names[at] ?? '', field])));
}

test('the first line names the columns as HAProxy does, and every line has as many', () => {
  const lines = statusCsv(statusReport()).trimEnd().split('\n');
  expect(lines[0]).toMatch(/^# pxname,svname,qcur,qmax,scur,.*,need_conn_est,$/);
  expect(new Set(lines.map((line) => line.split(',').length)).size).toBe(1);
});

test('there is a line for each origin, then one for the backend', () => {
  const origins = [originReport(), originReport({ origin: 'http://b.test:80' })];
  const rows = rowsOf(statusCsv(statusReport({ origins })));
  expect(rows.map(({ pxname, svname, type, sid }) => [pxname, svname, type, sid])).toEqual([
    ['shop', 'http://a.test:80', '2', '1'],
    ['shop', 'http://b.test:80', '2', '2'],
    ['shop', 'BACKEND', '1', '0'],
  ]);
});

test('the counts of an origin are in the columns that mean the same', () => {
  const origin = originReport({
    ...{ requests: 100, reused: 90, dialled: 12, dialsFailed: 3, resent: { unsent: 1, status: 4 }, weight: 2 },
    connections: { open: 9, idle: 5, busy: 4, dialling: 1, spare: 1, checking: 0, max: 10 },
    responses: { '2xx': 80, '3xx': 1, '4xx': 2, '5xx': 3, other: 4 },
    closed: { silent: 1, failed: 2, aborted: 5, garbage: 1, stale: 9 },
  });
  const [row] = rowsOf(statusCsv(statusReport({ origins: [origin] })));
  expect(row).toMatchObject({
    ...{ scur: '4', slim: '10', stot: '100', econ: '3', eresp: '4', wretr: '5', status: 'UP', weight: '2' },
    ...{ act: '1', bck: '0', hrsp_2xx: '80', hrsp_5xx: '3', hrsp_other: '4', cli_abrt: '5', srv_abrt: '3' },
    ...{ connect: '12', reuse: '90', idle_conn_cur: '5', used_conn_cur: '4', addr: 'a.test:80', qcur: '' },
  });
});

describe('an origin that gets no requests is down', () => {
  test('when it is ejected, with the reason and the seconds since', () => {
    const health = { state: 'ejected', ejections: 2, reason: 'connection_refused', sinceMs: 7_900, share: 1 } as const;
    const [row, backend] = rowsOf(statusCsv(statusReport({ origins: [originReport({ health })] })));
    expect(row).toMatchObject({ status: 'DOWN', check_desc: 'connection_refused', lastchg: '7', chkdown: '' });
    expect(backend).toMatchObject({ status: 'DOWN', act: '0' });
  });

  test('when it cannot be dialled; what holds a comma is quoted', () => {
    const backoff = { state: 'waiting' as const, failures: 1, error: 'no "a", no b\nat all', sinceMs: 100 };
    const csv = statusCsv(statusReport({ origins: [originReport({ backoff })] }));
    expect(csv).toContain(',DOWN,');
    expect(csv).toContain(',"no ""a"", no b at all",');
  });
});

describe('the last check is told in the words of HAProxy', () => {
  const checked = (check: Partial<NonNullable<OriginReport['check']>>) => {
    const all = { type: 'http', state: 'up', passed: 7, failed: 2, rise: 2, fall: 3, inARow: 0, last: null } as const;
    const [row, backend] = rowsOf(
      statusCsv(statusReport({ origins: [originReport({ check: { ...all, ...check } })] })),
    );
    return { row, backend };
  };

  test.each([
    ['http', true, 'status_204', 'L7OK', '204'],
    ['http', false, 'status_503', 'L7STS', '503'],
    ['http', false, 'unexpected_answer', 'L7RSP', ''],
    ['http', false, 'connection_terminated', 'L7RSP', ''],
    ['http', false, 'timeout', 'L7TOUT', ''],
    ['http', false, 'connection_refused', 'L4CON', ''],
    ['http', false, 'dns_error', 'SOCKERR', ''],
    ['tls', true, 'secure', 'L6OK', ''],
    ['tls', false, 'tls_certificate_error', 'L6RSP', ''],
    ['tls', false, 'timeout', 'L6TOUT', ''],
    ['tcp', true, 'open', 'L4OK', ''],
    ['tcp', false, 'timeout', 'L4TOUT', ''],
    ['tcp', false, 'connection_terminated', 'L4CON', ''],
  ] as const)('%s, passed: %s, %s is %s', (type, passed, what, status, code) => {
    const { row } = checked({ type, last: { passed, what, tookMs: 12.4, agoMs: 900 } });
    expect(row).toMatchObject({ check_status: status, check_code: code, check_duration: '12', last_chk: what });
  });

  test('before the first one it is being initialized', () => {
    expect(checked({}).row).toMatchObject({ check_status: 'INI', check_code: '', check_duration: '', last_chk: '' });
  });

  test.each([
    ['up', 0, '4'],
    ['up', 2, '2'],
    ['down', 0, '0'],
    ['down', 1, '1'],
  ] as const)('an origin that is %s with %d checks against that has a health of %s', (state, inARow, health) => {
    const { row } = checked({ state, inARow });
    expect(row).toMatchObject({ check_rise: '2', check_fall: '3', check_health: health, chkfail: '2' });
  });

  test('without checks, and for the backend, there is nothing', () => {
    const [row] = rowsOf(statusCsv(statusReport()));
    const nothing = {
      check_status: '',
      check_code: '',
      check_duration: '',
      last_chk: '',
      check_health: '',
      chkfail: '',
    };
    expect([row, checked({}).backend]).toMatchObject([nothing, nothing]);
  });
});

test.each([{ service: 'draining' as const }, { weight: 0 }])(
  'an origin that its owner has drained is neither up nor down: %j',
  (changes) => {
    const [row, backend] = rowsOf(statusCsv(statusReport({ origins: [originReport(changes)] })));
    expect([row?.status, backend?.status, backend?.act]).toEqual(['DRAIN', 'DOWN', '0']);
  },
);

test('a queue without a limit has none', () => {
  const { queue } = backendStats();
  const csv = statusCsv(statusReport({ queue: { ...queue, max: Number.POSITIVE_INFINITY, length: 8 } }));
  expect(rowsOf(csv)[1]).toMatchObject({ qcur: '8', qlimit: '' });
});
