/** How the option `balance` is read: a name, options of the hash, or the owner's own balancer. */

import type { Balancer } from '../balance/balancer.js';
import type { BalanceOption } from '../balance/balancers.js';
import type { HashOptions } from '../balance/hash.js';
import type { HashKey } from '../balance/hash-key.js';
import { isObject, matching, multiple, objectWith, oneOf } from './checks.js';
import { mapped, type Rules, required, resolveSection, withDefault } from './rules.js';

const named = oneOf('least-busy', 'round-robin', 'two-choices', 'first');
const own = objectWith<Balancer>('pick');
const readWhole = withDefault(
  matching(
    `${named.accepts}, or { type: 'hash', key }, or ${own.accepts}`,
    (value): value is Exclude<BalanceOption, HashOptions> => named.admits(value) || own.admits(value),
  ),
  'least-busy',
);

const hashRules: Rules<HashOptions> = {
  type: required(oneOf('hash')),
  key: mapped(required(matching("'path', { cookie: name }, { header: name } or a function", isHashKey)), (key) =>
    typeof key === 'object' ? Object.freeze({ ...key }) : key,
  ),
  load: withDefault(multiple, 1.25),
};

function isHashKey(value: unknown): value is HashKey {
  if (value === 'path' || typeof value === 'function') return true;
  if (!isObject(value)) return false;
  const [[name, text] = [], ...more] = Object.entries(value);
  return more.length === 0 && (name === 'cookie' || name === 'header') && typeof text === 'string' && text !== '';
}

/** @throws TypeError, RangeError that names the option, what it accepts and what it got */
export function readBalance(name: string, value: unknown): BalanceOption {
  if (!isObject(value) || !('type' in value) || own.admits(value)) return readWhole(name, value);
  return Object.freeze(resolveSection(name, value, hashRules));
}
