/** The last check of an origin in the words of HAProxy's own page: the columns that begin with `check_`, and their like. */

import type { CheckStats } from '../origin/active-check.js';

type Layer = 'L4' | 'L6' | 'L7';

const LAYER: Readonly<Record<CheckStats['type'], Layer>> = { tcp: 'L4', tls: 'L6', http: 'L7' };

/** Empty for an origin that is not checked. */
export function checkColumns(check: CheckStats | null): Readonly<Record<string, string | number | null>> {
  if (check === null) return {};
  const { last, rise, fall, inARow, state } = check;
  return {
    chkfail: check.failed,
    check_status: checkStatus(check),
    check_code: /^status_(\d+)$/.exec(last?.what ?? '')?.[1] ?? null,
    check_duration: last === null ? null : Math.round(last.tookMs),
    last_chk: last?.what ?? null,
    check_rise: rise,
    check_fall: fall,
    // From 0 to rise + fall - 1: from rise on it is up.
    check_health: state === 'up' ? rise + fall - 1 - inARow : inARow,
  };
}

/** The first words of HAProxy's documentation of `check_status`: layer, and what was wrong there. */
function checkStatus({ type, last }: CheckStats): string {
  if (last === null) return 'INI';
  const layer = LAYER[type];
  if (last.passed) return `${layer}OK`;
  const { what } = last;
  if (what === 'timeout') return `${layer}TOUT`;
  if (what.startsWith('status_')) return 'L7STS';
  if (/^(connection_refused|destination_)/.test(what)) return 'L4CON';
  if (what.startsWith('tls_')) return 'L6RSP';
  // What this machine could not do: a name that has no address, no port that is free, a bad setting.
  if (/^(dns_|connection_limit_reached|proxy_)/.test(what)) return 'SOCKERR';
  return layer === 'L4' ? 'L4CON' : `${layer}RSP`;
}
