/** The head of a request as an attempt sends it. */

import { framingOf } from '../body/replay-body.js';
import { fieldValue, joinedValue, type RawFields, withoutField } from '../http1/fields.js';
import { writeRequestHead } from '../http1/request-head.js';
import type { OutgoingRequest } from './request.js';

/**
 * For an origin with this authority. The fields in `added` replace those of the same names.
 * @throws BackendError `http_request_error` for what cannot be written
 */
export function headText(request: OutgoingRequest, authority: string, added: RawFields | undefined): string {
  const { method, path, host = authority, body, acceptsTrailers, upgrade } = request;
  const fields = added === undefined ? request.fields : withAdded(request.fields, added);
  return writeRequestHead({ method, path, host, fields, framing: framingOf(body), acceptsTrailers, upgrade });
}

function withAdded(given: RawFields, added: RawFields): RawFields {
  let fields = given;
  for (let i = 0; i < added.length; i += 2) fields = withoutField(fields, (added[i] ?? '').toLowerCase());
  if (!isOfOneTrace(given, added)) fields = withoutField(fields, 'tracestate');
  return [...fields, ...added];
}

/** A tracestate belongs to the trace that its traceparent names: beside the traceparent of another trace it would mislead samplers. */
function isOfOneTrace(given: RawFields, added: RawFields): boolean {
  const parent = fieldValue(added, 'traceparent');
  return parent === undefined || traceOf(parent) === traceOf(joinedValue(given, 'traceparent') ?? '');
}

/** `undefined` for a value that no receiver accepts, for example two traceparents in one. */
function traceOf(traceparent: string): string | undefined {
  return /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[^,]*$/.exec(traceparent)?.[1];
}
