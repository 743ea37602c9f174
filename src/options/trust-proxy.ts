/** The option `trustProxy`: the proxies whose word about their clients is believed. */

import { BlockList, isIP } from 'node:net';
import { integer, matching } from './checks.js';
import { mapped, type Rule, refusal, withDefault } from './rules.js';

const addresses = matching(
  'a list of addresses and CIDR blocks, or false',
  (value): value is false | readonly string[] =>
    value === false || (Array.isArray(value) && [...value].every((item) => typeof item === 'string')), // holes count, too
);

/** How the option `trustProxy` is read. */
export const trustProxyRule: Rule<BlockList | false> = mapped(withDefault(addresses, false), trusted);

function trusted(list: false | readonly string[], name: string): BlockList | false {
  if (list === false) return false;
  const blocks = new BlockList();
  for (const [index, entry] of list.entries()) addBlock(blocks, `${name}[${index}]`, entry);
  return blocks;
}

function addBlock(blocks: BlockList, name: string, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) throw refusal(name, 'an IP address or a CIDR block', entry, false);
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) {
    blocks.addAddress(address, family);
    return;
  }
  const bits = integer(0, version === 6 ? 128 : 32);
  const given = /^\d{1,3}$/.test(prefix) ? Number(prefix) : prefix;
  if (!bits.admits(given)) throw refusal(name, `an address with a prefix length that is ${bits.accepts}`, entry, false);
  blocks.addSubnet(address, given, family);
}
