/** What the values of HTTP/1.1 cost: the parser, request heads, fields, decisions. */

import { judgeRetry, type RetryFacts } from '../../src/dispatch/retry/retry-policy.js';
import { endToEndFields } from '../../src/http1/fields.js';
import { readWindow } from '../../src/http1/llhttp.js';
import { FIXED_LIMITS } from '../../src/http1/parser-limits.js';
import { keepAliveHint } from '../../src/http1/persistence.js';
import { type RequestHeadParts, writeRequestHead } from '../../src/http1/request-head.js';
import { ResponseParser } from '../../src/http1/response-parser.js';
import type { Case } from './measure.js';

const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nETag: "abc"\r\n' +
    `Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 100\r\n\r\n${'x'.repeat(100)}`,
);

const ETAG_AT = RESPONSE.indexOf('abc');

const REQUEST_FIELDS = [
  ...['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64)', 'Accept', 'text/html,*/*;q=0.8', 'Accept-Language', 'en-US,en'],
  ...['Accept-Encoding', 'gzip, deflate, br', 'Connection', 'keep-alive', 'Cookie', 'session=0123456789abcdef'],
  ...['Cache-Control', 'no-cache', 'Via', '1.1 pooled-backend'],
];

const REQUEST: RequestHeadParts = {
  method: 'GET',
  path: '/a/path?with=query',
  host: 'a.test',
  fields: REQUEST_FIELDS,
  framing: { kind: 'none' },
  acceptsTrailers: false,
};

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'te', 'transfer-encoding', 'upgrade']);

/** The simplest way to write it, for comparison. */
function plainEndToEnd(fields: readonly string[]): string[] {
  const named = new Set<string>();
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== 'connection') continue;
    for (const one of (fields[i + 1] ?? '').split(',')) named.add(one.trim().toLowerCase());
  }
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const lowerName = (fields[i] ?? '').toLowerCase();
    if (!HOP_BY_HOP.has(lowerName) && !named.has(lowerName)) kept.push(fields[i] ?? '', fields[i + 1] ?? '');
  }
  return kept;
}

const FACTS: RetryFacts = {
  ...({ ending: 'closed', status: undefined, retryAfterMs: undefined, idempotent: true, reused: true } as const),
  ...({
    sent: 'all',
    received: 'nothing',
    headForwarded: false,
    bodySpent: false,
    attempts: 1,
    maxAttempts: 3,
  } as const),
  ...({ ambiguousResends: 0, retryOn: [], timeLeftMs: 1_000 } as const),
};

/** The last result is kept, so that the compiler cannot optimise the work away. */
export const seen: { last: unknown } = { last: undefined };

export function valueCases(): Case[] {
  const window = readWindow();
  const events = { onInformation() {}, onHead: keep, onBody: keep, onEnd: keep };
  const parser = new ResponseParser(events, { ...FIXED_LIMITS, maxHeaderBytes: 16_384 });
  let changing = 0;
  const hints = ['timeout=5', 'timeout=6'];
  return [
    repeated('parser: a response of 6 fields and 100 bytes, with the head of the last', () => {
      window.set(RESPONSE);
      parser.begin('GET');
      parser.readWindow(RESPONSE.length);
    }),
    repeated('parser: another head each time', () => {
      window.set(RESPONSE);
      window[ETAG_AT] = changing++ & 1 ? 0x30 : 0x31;
      parser.begin('GET');
      parser.readWindow(RESPONSE.length);
    }),
    repeated('request head: 8 fields, checked and written', () => keep(writeRequestHead(REQUEST))),
    repeated('fields: hop-by-hop ones out of 8, by length and letter', () => keep(endToEndFields(REQUEST_FIELDS))),
    repeated('fields: the same in lower case and with sets', () => keep(plainEndToEnd(REQUEST_FIELDS))),
    repeated('Keep-Alive: the same as last time', () => keep(keepAliveHint(['Keep-Alive', 'timeout=5']))),
    repeated('Keep-Alive: another one each time', () => {
      hints.reverse();
      keep(keepAliveHint(['Keep-Alive', hints[0] ?? '']));
    }),
    repeated('retry decision', () => keep(judgeRetry(FACTS))),
  ];
}

function keep(value: unknown): void {
  seen.last = value;
}

export function repeated(name: string, once: () => void): Case {
  return {
    name,
    run(times) {
      for (let i = 0; i < times; i += 1) once();
    },
  };
}
