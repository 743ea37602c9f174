/** Serves the status of a backend as a page, a stream of events, JSON and CSV; and carries out the actions of the page. */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { messageOf } from '../errors.js';
import { streamEvents } from './event-stream.js';
import type { StatusActions } from './status-actions.js';
import { statusCsv } from './status-csv.js';
import type { StatusFeed } from './status-feed.js';
import { contentSecurityPolicy, statusPage } from './status-page.js';

/**
 * Serves the status of a backend. GET and HEAD of any path return the page. `?format=json`, `?format=csv` and
 * `?format=events`, or `;json` and `;csv` after the path or the query, return the data. POST is used by the buttons of
 * the page if `actions` allows them.
 */
export interface StatusHandler {
  (req: IncomingMessage, res: ServerResponse): void;
  (req: Http2ServerRequest, res: Http2ServerResponse): void;
  (request: FastifyRequest, reply: FastifyReply): void;
}

/** What Fastify gives the handler of a route, as far as it is used here. */
type FastifyRequest = { readonly raw: IncomingMessage };
type FastifyReply = { readonly raw: ServerResponse; hijack(): unknown };

type Format = 'html' | 'json' | 'csv' | 'events';

const TYPES: Readonly<Record<Format, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
  csv: 'text/plain; charset=utf-8', // as HAProxy does
  events: 'text/event-stream; charset=utf-8',
};

const FIELDS: Readonly<Record<string, string>> = {
  // `no-transform`: a proxy that compresses a stream holds its events back.
  'Cache-Control': 'no-store, no-transform',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  Vary: 'Accept',
};

export function createStatusHandler(feed: StatusFeed, title: string, actions?: StatusActions): StatusHandler {
  function handle(req: IncomingMessage, res: ServerResponse): void {
    if (res.destroyed || res.writableEnded) return;
    const url = req.url ?? '/';
    const query = new URLSearchParams(/\?.*/.exec(url)?.[0]);
    const format = formatOf(url, query, req.headers.accept);
    for (const [name, value] of Object.entries(FIELDS)) res.setHeader(name, value);
    if (req.method === 'POST' && actions !== undefined) judged(res, act(actions, req, res, query));
    else if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', actions === undefined ? 'GET, HEAD' : 'GET, HEAD, POST');
      say(res, 405, 'the status can be read: GET or HEAD');
    } else if (format === undefined) say(res, 400, 'format must be html, json, csv or events');
    else answer(req, res, format, query.has('watch'));
  }

  function answer(req: IncomingMessage, res: ServerResponse, format: Format, isPolling: boolean): void {
    switch (format) {
      case 'html':
        if (actions === undefined) sendPage(req, res, title);
        else
          judged(
            res,
            actions.tokenFor(req, res).then((token) => sendPage(req, res, title, token)),
          );
        return;
      case 'json':
        send(req, res, format, `${isPolling ? feed.poll() : JSON.stringify(feed.full())}\n`);
        return;
      case 'csv':
        send(req, res, format, statusCsv(feed.full()));
        return;
      case 'events':
        stream(req, res);
    }
  }

  function stream(req: IncomingMessage, res: ServerResponse): void {
    if (feed.closed) {
      res.statusCode = 204; // after 204 a browser does not connect again
      res.end();
    } else if (feed.isFull) {
      res.setHeader('Retry-After', '10');
      say(res, 503, 'too many watch: use ?format=json');
    } else {
      res.setHeader('Content-Type', TYPES.events);
      res.setHeader('X-Accel-Buffering', 'no'); // otherwise nginx buffers the stream
      if (req.method === 'HEAD') res.end();
      else streamEvents(res, feed);
    }
  }

  function serve(req: IncomingMessage | FastifyRequest, res: ServerResponse | FastifyReply): void {
    if ('hijack' in res) {
      res.hijack(); // the page writes to the response itself
      handle((req as FastifyRequest).raw, res.raw);
    } else handle(req as IncomingMessage, res);
  }

  // The compatibility API of node:http2 has all members that are used here.
  return serve as StatusHandler;
}

function sendPage(req: IncomingMessage, res: ServerResponse, title: string, token?: string): void {
  if (res.headersSent || res.destroyed) return; // the client has left while `actions` was awaited
  const nonce = randomBytes(16).toString('base64');
  res.setHeader('Content-Security-Policy', contentSecurityPolicy(nonce));
  send(req, res, 'html', statusPage(title, nonce, token));
}

async function act(
  actions: StatusActions,
  req: IncomingMessage,
  res: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const { status, text } = await actions.act(req, query);
  say(res, status, text);
}

/** The owner's `authorise` may throw. Then the request is refused, and the owner gets a warning that says why. */
function judged(res: ServerResponse, answered: Promise<void>): void {
  answered.catch((error: unknown) => {
    say(res, 500, 'it could not be found out whether you may do this');
    process.emitWarning(`the option actions of a status page threw: ${messageOf(error)}`, 'PooledBackendWarning');
  });
}

function send(req: IncomingMessage, res: ServerResponse, format: Format, text: string): void {
  res.setHeader('Content-Type', TYPES[format]);
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(req.method === 'HEAD' ? undefined : text);
}

/** Answers in plain text. */
function say(res: ServerResponse, status: number, text: string): void {
  if (res.headersSent || res.destroyed) return;
  res.statusCode = status;
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(text) + 1);
  res.end(`${text}\n`);
}

/** The format is decided by the query, else as for HAProxy (`/;csv`, `/haproxy?stats;csv`), else by what the client accepts. */
function formatOf(url: string, query: URLSearchParams, accept = '*/*'): Format | undefined {
  const asked = query.get('format') ?? /;(csv|json)(?=[;?]|$)/.exec(url)?.[1];
  if (asked !== undefined) return isFormat(asked) ? asked : undefined;
  if (/\btext\/html\b/.test(accept)) return 'html';
  if (/\btext\/event-stream\b/.test(accept)) return 'events';
  return /\bapplication\/json\b/.test(accept) ? 'json' : 'html';
}

function isFormat(text: string): text is Format {
  return Object.hasOwn(TYPES, text);
}
