/** `pooled-backend/fastify`: a plugin for Fastify 5. */

import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, preParsingHookHandler } from 'fastify';
import { type HandlerOptions, PooledBackend, type PooledBackendOptions } from 'pooled-backend';
import { answerFailure } from '../client/error-answer.js';
import { continueWhenRead } from '../client/interim.js';
import { setMountPrefix } from '../mount/mount-prefix.js';
import { systemClock } from '../time/clock.js';
import { Deadlines } from '../time/deadlines.js';

/** Options that only a mount has; all others are a backend's too. */
type MountOnly = Exclude<keyof HandlerOptions, keyof PooledBackendOptions>;

interface Common {
  /** Prefix of the routes. Removed from the path that is sent, unless `rewritePrefix` replaces it. @default '' */
  readonly prefix?: string | undefined;
  /** Sent in place of `prefix`. @default '' */
  readonly rewritePrefix?: string | undefined;
  /** An existing backend. @default one made from the other options */
  readonly backend?: PooledBackend | undefined;
}

/** Options for mounting an existing backend. Closing it is up to you. */
export interface GivenBackend extends Common, HandlerOptions {
  /** The existing backend. It is not closed with the server. */
  readonly backend: PooledBackend;
}

/** Options for a backend that the plugin creates, and closes together with the server. */
export interface OwnedBackend extends Common, PooledBackendOptions, Pick<HandlerOptions, MountOnly> {
  /** Not given. */
  readonly backend?: undefined;
}

/** Options of the plugin: either an existing `backend` with the options of a mount, or the options of a new backend. */
export type FastifyPooledBackendOptions = GivenBackend | OwnedBackend;

const MOUNT_ONLY: ReadonlySet<string> = new Set<MountOnly>([
  'expectTimeout',
  'host',
  'forwarded',
  'trustProxy',
  'rewritePath',
  'rewriteLocation',
  'cookieDomainRewrite',
  'cookiePathRewrite',
  'onRequestFields',
  'onResponseFields',
  'onInformation',
]);

const FASTIFYS_OWN: ReadonlySet<string> = new Set(['backend', 'prefix', 'rewritePrefix', 'logLevel', 'logSerializers']);

const plugin: FastifyPluginAsync<FastifyPooledBackendOptions> = async (fastify, options) => {
  const backend = givenBackend(options) ?? ownBackend(fastify, options);
  const deadlines = new Deadlines(systemClock);
  const handle = backend.handler(mountOptions(fastify, options));
  passBodiesThrough(fastify);
  letExpectThrough(fastify.server);

  const relay = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    undoDecoding(request.raw);
    // Fields that hooks of Fastify have set are not on the response of node:http yet.
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    handle(request.raw, reply.raw, (error) => {
      request.log.warn({ err: error }, 'the backend did not answer');
      answerFailure(request.raw, reply.raw, error, deadlines);
    });
  };
  // At the root, `/*` also means `/`, and the user may have a route of their own for `/`.
  for (const url of fastify.prefix.replace(/\/$/, '') === '' ? ['/*'] : ['/', '/*']) {
    const method = fastify.supportedMethods.filter((one) => !isTaken(fastify, one, url));
    fastify.route({ method, url, exposeHeadRoute: false, preParsing: hideDoubtfulType, handler: relay });
  }
};

/**
 * Fastify plugin that relays all requests under `prefix` to a backend. It has its own scope: hooks of the server run,
 * its body parsers do not. Failures are logged as warnings and answered with 502, 503 or 504. `onSend` hooks (so
 * @fastify/compress, too) and error handlers are not called, because the response is the origin's: change its fields
 * with `onResponseFields`.
 *
 * @example
 * ```ts
 * app.register(fastifyPooledBackend, { prefix: '/api', origins: ['http://127.0.0.1:9001'] });
 * ```
 */
export const fastifyPooledBackend: typeof plugin = Object.assign(plugin, {
  [Symbol.for('fastify.display-name')]: 'pooled-backend',
  [Symbol.for('plugin-meta')]: { name: 'pooled-backend', fastify: '5.x' },
});

/** Recognises a backend by its methods: another copy of the library may have made it. */
function givenBackend({ backend }: FastifyPooledBackendOptions): PooledBackend | undefined {
  if (backend === undefined || typeof Object(backend).handler === 'function') return backend;
  throw new TypeError('backend must be a PooledBackend: for a new one pass its options, such as origins, without it');
}

function ownBackend(fastify: FastifyInstance, options: FastifyPooledBackendOptions): PooledBackend {
  const own = picked(options, (name) => !FASTIFYS_OWN.has(name) && !MOUNT_ONLY.has(name));
  const backend = new PooledBackend(own as unknown as PooledBackendOptions);
  fastify.addHook('onClose', () => backend.close());
  return backend;
}

function mountOptions(fastify: FastifyInstance, options: FastifyPooledBackendOptions): HandlerOptions {
  const { prefix } = fastify;
  const given = options.backend !== undefined;
  const mount: HandlerOptions = picked(options, (name) => !FASTIFYS_OWN.has(name) && (given || MOUNT_ONLY.has(name)));
  const { rewritePrefix = '' } = options;
  if (typeof rewritePrefix !== 'string') throw new TypeError(`rewritePrefix must be a string, got ${rewritePrefix}`);
  const { rewritePath } = mount;
  if (prefix.replace(/\/$/, '') === '' && rewritePrefix === '') return mount;
  const pattern = prefixPattern(fastify);
  return {
    ...mount,
    rewritePath: (path, req) => {
      const { length } = pattern.exec(path)?.[0] ?? '';
      const moved = movedPath(path, length, rewritePrefix);
      if (mount.rewriteLocation === true)
        setMountPrefix(req, { public: path.slice(0, length), sent: rewritePrefix.replace(/\/$/, '') });
      return rewritePath === undefined ? moved : rewritePath(moved, req);
    },
  };
}

/** Matches the part of a path that is the prefix. It counts segments, because the router also accepts a prefix that is percent-encoded. */
function prefixPattern(fastify: FastifyInstance): RegExp {
  // Unless the router ignores duplicate slashes, the text between two slashes is a segment even if it is empty: a parameter may be empty.
  const slash = isOn(fastify, 'ignoreDuplicateSlashes') ? '/+' : '/';
  const pathEnd = isOn(fastify, 'useSemicolonDelimiter') ? '?#;' : '?#';
  const segments = fastify.prefix.replace(new RegExp(`${slash}$`), '').split(new RegExp(slash)).length - 1;
  return new RegExp(`^(?:${slash}[^/${pathEnd}]*){0,${segments}}`);
}

type RouterOption = 'ignoreDuplicateSlashes' | 'useSemicolonDelimiter';

/** Fastify accepts options of its router among its own, too. */
function isOn({ initialConfig }: FastifyInstance, option: RouterOption): boolean {
  return initialConfig[option] === true || Reflect.get(initialConfig.routerOptions ?? {}, option) === true;
}

function movedPath(path: string, at: number, rewritePrefix: string): string {
  const moved = rewritePrefix.replace(/\/$/, '') + path.slice(at);
  return moved.startsWith('/') ? moved : `/${moved}`;
}

/** Routes every method that node:http can parse, and lets Fastify read no body. */
function passBodiesThrough(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request, _payload, done) => {
    if (request.headers['content-type'] === STAND_IN) showType(request, request.raw.headers['content-type']);
    done(null);
  });
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method);
  }
}

const WITH_BODY: ReadonlySet<string> = new Set(['DELETE', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY']);
const STAND_IN = 'application/octet-stream';
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/**
 * Fastify refuses a Content-Type that is not a media type, and a QUERY without one, before it calls any parser. But only the origin has to
 * understand what is sent. So until our parser has the request, it shows a type that passes.
 */
const hideDoubtfulType: preParsingHookHandler = (request, _reply, payload, done) => {
  const type = request.headers['content-type'];
  const passes = type === undefined ? request.method !== 'QUERY' : MEDIA_TYPE.test(type);
  if (!passes && WITH_BODY.has(request.method)) showType(request, STAND_IN);
  done(null, payload);
};

function showType(request: FastifyRequest, type: string | undefined): void {
  request.headers = { ...request.headers, 'content-type': type };
}

/** @fastify/express leaves the path decoded. An origin would decode it once more: it would take `%252e` for a dot. */
function undoDecoding(req: IncomingMessage & { readonly originalUrl?: unknown }): void {
  const { originalUrl, url } = req;
  if (typeof originalUrl === 'string' && originalUrl !== url && decoded(originalUrl) === url) req.url = originalUrl;
}

function decoded(url: string): string | undefined {
  try {
    return decodeURI(url);
  } catch {
    return undefined;
  }
}

/**
 * Keeps node:http from answering `Expect: 100-continue` before a route is found. For other routes it is answered when they begin to read
 * the body. A server that already listens for it knows what it wants.
 */
function letExpectThrough(server: FastifyInstance['server']): void {
  if (server.listenerCount('checkContinue') > 0) return;
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    continueWhenRead(req, res);
    server.emit('request', req, res);
  });
}

/**
 * Whether somebody else has this route. @fastify/cors, for example, has one for OPTIONS of everything, which would collide with a mount
 * without a prefix.
 */
function isTaken(fastify: FastifyInstance, method: string, url: string): boolean {
  if (url !== '/*') return false;
  const whole = fastify.prefix.replace(/\/$/, '') + url;
  return [whole, ...(whole === '/*' ? ['*'] : [])].some((one) => fastify.hasRoute({ method, url: one }));
}

function picked(options: object, takes: (name: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => takes(name)));
}
