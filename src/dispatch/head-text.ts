/** The head of a request as an attempt sends it. */

import { type RawFields, withoutField } from '../http1/fields.js';
import { writeRequestHead } from '../http1/request-head.js';
import { framingOf } from './replay-body.js';
import type { OutgoingRequest } from './request.js';

/**
 * For an origin of this authority. What is `added` takes the place of fields of its names.
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
  return [...fields, ...added];
}
