/** Interim responses (RFC 9110 §15.2) to a client of node:http. */

import type { ServerResponse } from 'node:http';

/**
 * Writes an interim response, in its place before the final one. Nothing is written to HTTP/1.0 clients, which do not
 * know them, and on HTTP/2.
 */
export function writeInterim(
  res: ServerResponse,
  statusCode: number,
  statusText: string,
  fields: readonly string[],
): void {
  if (res.req.httpVersion !== '1.1' || res.headersSent) return;
  // Node 20 has methods for 100, 102 and a 103 with Link alone; all of them end in this one.
  const writeRaw: unknown = Reflect.get(res, '_writeRaw');
  if (typeof writeRaw !== 'function') return;
  let head = `HTTP/1.1 ${statusCode} ${statusText}\r\n`;
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  writeRaw.call(res, `${head}\r\n`, 'latin1');
}

/** Tells a client that waits with its body to send it. node:http has done so already, unless on 'checkContinue'. */
export function writeContinue(res: ServerResponse): void {
  if (res.req.httpVersion === '1.0' || Reflect.get(res, '_sent100') === true) return;
  const stream: unknown = Reflect.get(res, 'stream');
  if (typeof stream === 'object' && stream !== null) {
    const sent: unknown = Reflect.get(stream, 'sentInfoHeaders');
    if (Array.isArray(sent) && sent.length > 0) return;
  }
  res.writeContinue();
}
