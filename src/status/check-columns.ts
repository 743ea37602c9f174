/** The last check of an origin in HAProxy's own words: the columns whose names begin with `check_` or `chk`, and `last_chk`. */

import type { CheckStats } from '../origin/health/active-check.js';

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
    // A number from 0 to rise + fall - 1. The origin is up if it is at least `rise`.
    check_health: state === 'up' ? rise + fall - 1 - inARow : inARow,
  };
}

/** The codes of HAProxy's `check_status`: the layer at which the check ended, and what was wrong there. */
function checkStatus({ type, last }: CheckStats): string {
  if (last === null) return 'INI';
  const layer = LAYER[type];
  if (last.passed) return `${layer}OK`;
  const { what } = last;
  if (what === 'timeout') return `${layer}TOUT`;
  if (what.startsWith('status_')) return 'L7STS';
  if (/^(connection_refused|destination_)/.test(what)) return 'L4CON';
  if (what.startsWith('tls_')) return 'L6RSP';
  // Something failed on this machine: a name has no address, no port is free, or a setting is bad.
  if (/^(dns_|connection_limit_reached|proxy_)/.test(what)) return 'SOCKERR';
  return layer === 'L4' ? 'L4CON' : `${layer}RSP`;
}
