/** What a mount makes of the fields of a response before its client sees them. */

import type { IncomingMessage } from 'node:http';
import type { ResponseHead } from '../http1/response-parser.js';
import type { ResolvedHandlerOptions } from '../options.js';
import { inHook, type MaybePromise, whenKept } from './hook.js';
import { hookedFields, relayedFields } from './response-fields.js';

/** Only the end of the connection can tell this client where the body ends. */
export function endsWithClose({ framing: { kind } }: ResponseHead, req: IncomingMessage): boolean {
  return isEndless(kind) && req.httpVersion === '1.0';
}

/** A promise is given only when the hook gave one. */
export function fieldsForClient(
  head: ResponseHead,
  req: IncomingMessage,
  { onResponseFields }: ResolvedHandlerOptions,
): MaybePromise<string[]> {
  const fields = relayedFields(head, isEndless(head.framing.kind) && req.httpVersion !== '1.0');
  if (onResponseFields === undefined) return fields;
  const given = inHook('onResponseFields', () => onResponseFields(fields, req));
  return whenKept(given, (kept) => hookedFields(head, kept ?? fields));
}

function isEndless(kind: ResponseHead['framing']['kind']): boolean {
  return kind === 'chunked' || kind === 'until-close';
}
