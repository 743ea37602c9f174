/** Applies the hooks of a mount to a request. */

import type { IncomingMessage } from 'node:http';
import type { OutgoingRequest } from '../../dispatch/request.js';
import { BackendError } from '../../errors.js';
import { inHook, type MaybePromise, whenKept } from '../../hook.js';
import { fieldValue, withoutField } from '../../http1/fields.js';
import { climbs, isPath } from '../../http1/request-target.js';
import type { ResolvedHandlerOptions } from '../../options.js';
import { hookedFields } from '../hooked-fields.js';

type Hooks = Pick<ResolvedHandlerOptions, 'rewritePath' | 'onRequestFields'>;

/** The parts of a request that hooks may change. */
type Hookable = Pick<OutgoingRequest, 'path' | 'fields' | 'host'>;

/**
 * First the path, then the fields.
 * @throws BackendError `http_request_error` for a path that climbs, `proxy_internal_error` when a hook throws or returns what cannot be
 * sent
 */
export function hookedRequest<R extends Hookable>(request: R, req: IncomingMessage, hooks: Hooks): MaybePromise<R> {
  return whenKept(withPath(request, req, hooks), (moved) => withFields(moved, req, hooks));
}

function withPath<R extends Hookable>(request: R, req: IncomingMessage, { rewritePath }: Hooks): MaybePromise<R> {
  if (rewritePath === undefined || request.path === '*') return request;
  // With another prefix `..` would reach what the mount does not offer.
  if (climbs(request.path)) {
    throw new BackendError('http_request_error', 'a path that contains .. cannot be rewritten');
  }
  const given = inHook('rewritePath', () => rewritePath(request.path, req));
  return whenKept(given, (path) => ({ ...request, path: checkedPath(path) }));
}

function checkedPath(path: unknown): string {
  if (typeof path === 'string' && isPath(path)) return path;
  const given = typeof path === 'string' ? 'a string that is no path' : `a value of type ${typeof path}`;
  throw new BackendError('proxy_internal_error', `the rewritePath hook returned ${given}`);
}

function withFields<R extends Hookable>(request: R, req: IncomingMessage, { onRequestFields }: Hooks): MaybePromise<R> {
  if (onRequestFields === undefined) return request;
  const fields = [...request.fields]; // a copy that the hook may change
  const given = inHook('onRequestFields', () => onRequestFields(fields, req));
  return whenKept(given, (kept) => checkedFields(request, kept ?? fields));
}

/** A Host field that the hook added is the one that is sent. */
function checkedFields<R extends Hookable>(request: R, given: unknown): R {
  const fields = hookedFields('onRequestFields', given);
  const plain = withoutField(withoutField(fields, 'host'), 'content-length');
  return { ...request, fields: plain, host: fieldValue(fields, 'host') ?? request.host };
}
