/** Recognises responses that last as long as their client listens. */

import { fieldValue, type RawFields } from './fields.js';

const EVENT_STREAM = /^text\/event-stream\s*(?:;|$)/i;

/** Whether the body is a stream of events (`text/event-stream`), which may be silent for as long as it likes. */
export function isEventStream(rawHeaders: RawFields): boolean {
  const type = fieldValue(rawHeaders, 'content-type');
  return type !== undefined && type.length >= 17 && EVENT_STREAM.test(type);
}
