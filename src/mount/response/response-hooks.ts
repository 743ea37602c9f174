/** Makes the fields of a response what its client is to see, by the options and hooks of the mount. */

import type { IncomingMessage } from 'node:http';
import type { Dispatch, OutgoingRequest } from '../../dispatch/request.js';
import { inHook, inHookAtOnce, type MaybePromise, whenKept } from '../../hook.js';
import type { ResponseHead } from '../../http1/response-head.js';
import type { Information, ResolvedHandlerOptions } from '../../options.js';
import { hookedFields } from '../hooked-fields.js';
import type { Mount } from '../mounted-backend.js';
import { isTrusted } from '../request/client-facts.js';
import { rewriteCookies } from './cookie-rewrite.js';
import { rewriteLocations } from './location-rewrite.js';
import { framedFields, relayedFields } from './response-fields.js';

/** What is known about the request that a response answers. */
export type AnsweredRequest = Pick<OutgoingRequest, 'host' | 'boundTo'>;

/** What has come of a response while a hook still decides about its head. */
export interface HeldResponse {
  readonly head: ResponseHead;
  /** Whether body bytes or the end came with the head. */
  readonly more: boolean;
  /** At most what had already been read: no more is asked for. */
  readonly pieces: Buffer[];
}

/** `sent` is the request that was made of `req`, and `dispatch` its way to an origin. Returns a promise only if the hook returned one. */
export function fieldsForClient(
  head: ResponseHead,
  req: IncomingMessage,
  { backend, options }: Mount,
  sent: AnsweredRequest | undefined,
  dispatch: Pick<Dispatch, 'attempts'> | undefined,
): MaybePromise<string[]> {
  const { onResponseFields, rewriteLocation: rewrite, cookieDomainRewrite, cookiePathRewrite } = options;
  const fields = relayedFields(head, carriesTrailers(head, req));
  if (rewrite !== false) {
    const trusted = isTrusted(req, options.trustProxy);
    const pathChanged = options.rewritePath !== undefined;
    rewriteLocations(fields, req, { rewrite, backend, sentHost: sent?.host, trusted, pathChanged });
  }
  if (cookieDomainRewrite !== false || cookiePathRewrite !== false)
    rewriteCookies(fields, cookieDomainRewrite, cookiePathRewrite);
  const answering = backend.sticky && dispatch?.attempts.at(-1);
  if (answering !== undefined) backend.sticky?.putInto(fields, answering.origin, sent?.boundTo);
  return onResponseFields === undefined ? fields : hooked(onResponseFields, fields, head, req);
}

/** Whether the hook lets an interim response through. It gets a copy: what it changes there is not sent. */
export function isPassedOn(
  { statusCode, statusText, fields }: Information,
  req: IncomingMessage,
  { options: { onInformation } }: Mount,
): boolean {
  const copy = { statusCode, statusText, fields: fields.slice() };
  return inHookAtOnce('onInformation', () => onInformation?.(copy, req)) !== false;
}

function hooked(
  hook: NonNullable<ResolvedHandlerOptions['onResponseFields']>,
  fields: string[],
  head: ResponseHead,
  req: IncomingMessage,
): MaybePromise<string[]> {
  const { statusCode, statusText } = head;
  const given = inHook('onResponseFields', () => hook(fields, req, { statusCode, statusText }));
  return whenKept(given, (kept) =>
    framedFields(head, hookedFields('onResponseFields', kept ?? fields), carriesTrailers(head, req)),
  );
}

function carriesTrailers({ framing: { kind } }: ResponseHead, req: IncomingMessage): boolean {
  return (kind === 'chunked' || kind === 'until-close') && req.httpVersion !== '1.0';
}
