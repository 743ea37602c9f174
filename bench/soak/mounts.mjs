/** The ways in which a request of the soak gets to the backend: three mounts, `request()`, `fetch()`, and upgrades. */

import { constants } from 'node:http2';
import { untold } from '../rig/timers.mjs';
import { THROWN } from './setting.mjs';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {import('pooled-backend').PooledBackend} PooledBackend */

/**
 * @param {PooledBackend} backend
 * @param {import('./setting.mjs').Setting} setting
 */
export function mountsOf(backend, { mount, hooks }) {
  const options = { ...mount, ...lateHooks(hooks) };
  const handlers = {
    fresh: backend.handler({ ...options, nonIdempotent: 'fresh' }),
    verified: backend.handler({ ...options, nonIdempotent: 'verified' }),
    any: backend.handler({ ...options, nonIdempotent: 'any' }),
    request: (/** @type {IncomingMessage} */ req, /** @type {ServerResponse} */ res) => void call(req, res, byRequest),
    fetch: (/** @type {IncomingMessage} */ req, /** @type {ServerResponse} */ res) => void call(req, res, byFetch),
  };
  return {
    serve(/** @type {any} */ req, /** @type {any} */ res) {
      handlers[/** @type {keyof typeof handlers} */ (req.headers['x-mode'] ?? 'fresh')](req, res);
    },
    upgrade: backend.upgradeHandler(lateHooks(hooks)),
  };

  /**
   * @param {IncomingMessage} req
   * @param {AbortSignal} signal
   */
  async function byRequest(req, signal) {
    const { statusCode, headers, body } = await backend.request({ ...messageOf(req), path: req.url ?? '', signal });
    return { statusCode, headers, body };
  }

  /**
   * @param {IncomingMessage} req
   * @param {AbortSignal} signal
   */
  async function byFetch(req, signal) {
    const init = /** @type {any} */ ({ ...messageOf(req), redirect: 'manual', duplex: 'half', signal });
    const response = await backend.fetch(req.url ?? '', init);
    const { status: statusCode, headers, body } = response;
    return { statusCode, headers: Object.fromEntries(headers), body: body ?? [] };
  }
}

/** @param {IncomingMessage} req */
function messageOf(req) {
  const { method = 'GET', headers } = req;
  const passed = Object.entries(headers).filter(
    ([name]) => name.startsWith('x-') || name === 'idempotency-key' || name === 'cookie',
  );
  const length = headers['content-length'];
  const { stream } = /** @type {any} */ (req); // of HTTP/2
  const framed = headers['transfer-encoding'] !== undefined || (length ?? '0') !== '0';
  const hasBody = method === 'PUT' || framed || stream?.endAfterHeaders === false;
  return {
    method,
    headers: /** @type {Record<string, string>} */ (Object.fromEntries(passed)),
    ...(hasBody && { body: req }),
  };
}

/**
 * Answers with what a call of the backend brings; a response that breaks off breaks off here, too.
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 * @param {(req: IncomingMessage, signal: AbortSignal) => Promise<{ statusCode: number, headers: any, body: any }>} send
 */
async function call(req, res, send) {
  const leaving = new AbortController();
  const gone = once(res, 'close').then(() => leaving.abort());
  if (req.headers.expect !== undefined) res.writeContinue();
  try {
    const { statusCode, headers, body } = await send(req, leaving.signal);
    const kept = Object.entries(headers).filter(([name]) => name.startsWith('x-') || name === 'content-length');
    res.writeHead(statusCode, Object.fromEntries(kept));
    for await (const piece of body) {
      if (!res.write(piece)) await Promise.race([once(res, 'drain'), gone]);
    }
    res.end();
  } catch (thrown) {
    const error = /** @type {any} */ (thrown);
    const { code = String(error), statusCode = 500 } = error.statusCode === undefined ? (error.cause ?? error) : error;
    const { stream } = /** @type {any} */ (res); // of HTTP/2
    if (stream !== undefined) req.resume(); // it would block its stream
    if (res.destroyed) return;
    if (res.headersSent) stream === undefined ? res.destroy() : stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else {
      // What is left of the body is not read, so a connection of HTTP/1.1 cannot go on.
      res.writeHead(statusCode, { ...(stream === undefined && { connection: 'close' }), 'x-failed': String(code) });
      res.end();
    }
  }
}

/**
 * @param {ServerResponse} emitter
 * @param {string} event
 */
function once(emitter, event) {
  return new Promise((resolve) => emitter.once(event, resolve));
}

/** @param {import('./setting.mjs').Setting['hooks']} hooks */
function lateHooks(hooks) {
  if (hooks === false) return {};
  const { requestMs, responseMs, throws } = hooks;
  const after = (/** @type {number} */ ms) => async () => {
    await new Promise((resolve) => untold.setTimeout(resolve, Math.random() * ms));
    if (Math.random() < throws) throw new Error(THROWN);
  };
  return { onRequestFields: after(requestMs), onResponseFields: after(responseMs) };
}
