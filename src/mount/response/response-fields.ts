/** The fields of a response on their way to the client. */

import { endToEndFields, fieldValue, joinedValue, withoutField } from '../../http1/fields.js';
import type { ResponseHead } from '../../http1/response-head.js';
import { viaOf } from '../../http1/via.js';

// Room for Via: a name and its value.
const VIA = 2;

/** The end-to-end fields, without framing that the client's side cannot keep: name, value, name, value… */
export function relayedFields(head: ResponseHead, carriesTrailers: boolean): string[] {
  let fields = endToEndFields(head.rawHeaders, VIA);
  if (!describesLength(head) && has(fields, 'content-length')) fields = withoutField(fields, 'content-length');
  if (!carriesTrailers && has(fields, 'trailer')) fields = withoutField(fields, 'trailer');
  fields.push('Via', viaOf(head.minorVersion === 1 ? '1.1' : '1.0'));
  return fields;
}

/** The fields that a hook has returned, without framing that is not for the hook to choose. It may leave Content-Length out. */
export function framedFields(head: ResponseHead, fields: string[], carriesTrailers: boolean): string[] {
  const kept = carriesTrailers ? fields : withoutField(fields, 'trailer');
  const length = joinedValue(kept, 'content-length');
  if (length === undefined) return kept;
  const declared =
    head.framing.kind === 'length' ? String(head.framing.bytes) : fieldValue(head.rawHeaders, 'content-length');
  if (length === declared && describesLength(head)) return kept;
  const rest = withoutField(kept, 'content-length');
  if (declared !== undefined && describesLength(head)) rest.push('Content-Length', declared);
  return rest;
}

/**
 * The origin's fields, one entry per name, merged with what was set on the response before. The origin's value wins, but cookies add up,
 * and so does Vary. Content-Length comes last.
 */
export function mergedFields(
  before: Readonly<Record<string, number | string | readonly string[] | undefined>>,
  fields: readonly string[],
): [name: string, values: string[]][] {
  const merged = new Map<string, [name: string, values: string[]]>();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const entry = merged.get(name.toLowerCase());
    if (entry === undefined) merged.set(name.toLowerCase(), [name, [fields[i + 1] ?? '']]);
    else entry[1].push(fields[i + 1] ?? '');
  }
  merged.get('set-cookie')?.[1].unshift(...valuesOf(before['set-cookie']));
  const vary = merged.get('vary');
  if (vary !== undefined) vary[1] = [joinedVary([...valuesOf(before.vary), ...vary[1]])];
  const length = merged.get('content-length');
  if (length === undefined) return [...merged.values()];
  merged.delete('content-length');
  return [...merged.values(), length];
}

/**
 * The same list with Content-Length at its end, where that matters: node:http re-encodes a Content-Disposition that
 * follows Content-Length and mangles, or refuses, every byte above ASCII in it.
 */
export function safelyOrdered(fields: string[]): string[] {
  const disposition = fieldValue(fields, 'content-disposition');
  if (disposition === undefined || isAscii(disposition)) return fields;
  const length = fieldValue(fields, 'content-length');
  return length === undefined ? fields : [...withoutField(fields, 'content-length'), 'Content-Length', length];
}

/** HEAD and 304 tell the length that a GET would have had; 204 has none to tell (RFC 9110 §8.6). */
function describesLength(head: ResponseHead): boolean {
  return head.framing.kind === 'length' || (head.framing.kind === 'none' && head.statusCode !== 204);
}

function has(fields: readonly string[], lowerName: string): boolean {
  return fieldValue(fields, lowerName) !== undefined;
}

function joinedVary(values: readonly string[]): string {
  const members = new Map<string, string>();
  for (const value of values) {
    for (const member of value.split(',')) {
      const name = member.trim();
      if (name !== '' && !members.has(name.toLowerCase())) members.set(name.toLowerCase(), name);
    }
  }
  return [...members.values()].join(', ');
}

function valuesOf(value: number | string | readonly string[] | undefined): string[] {
  if (value === undefined) return [];
  return typeof value === 'object' ? [...value] : [String(value)];
}

function isAscii(text: string): boolean {
  return !/[^\x20-\x7e\t]/.test(text);
}
