/** The part of a path by which a framework has found the mount, and what is sent to the origin instead. */

import type { IncomingMessage } from 'node:http';

export interface MountPrefix {
  /** As clients know it: `/api`, empty at the root. */
  readonly public: string;
  /** As the origin knows it; empty when it is stripped. */
  readonly sent: string;
}

// Found by name, because the plugin for Fastify is a bundle of its own.
const MOUNT_PREFIX = Symbol.for('pooled-backend.mountPrefix');

/** For frameworks that strip nothing from `req.url` themselves. */
export function setMountPrefix(req: IncomingMessage, prefix: MountPrefix): void {
  Reflect.set(req, MOUNT_PREFIX, prefix);
}

/**
 * What was set, which is right whatever a hook makes of the path; else what Express or Connect has stripped, unless the path was changed.
 * `undefined` at the root.
 */
export function mountPrefix(req: IncomingMessage, pathChanged: boolean): MountPrefix | undefined {
  const set: unknown = Reflect.get(req, MOUNT_PREFIX);
  if (isMountPrefix(set)) return set;
  return pathChanged ? undefined : strippedPrefix(req);
}

function strippedPrefix(req: IncomingMessage): MountPrefix | undefined {
  const baseUrl: unknown = Reflect.get(req, 'baseUrl');
  if (typeof baseUrl === 'string') return baseUrl === '' ? undefined : { public: baseUrl, sent: '' };
  const originalUrl: unknown = Reflect.get(req, 'originalUrl');
  const { url = '' } = req;
  if (typeof originalUrl !== 'string' || originalUrl === url) return undefined;
  // When Connect strips `/api` from `/api` or `/api?a`, it puts a slash in front of what is left.
  const left = !originalUrl.endsWith(url) && /^\/(\?|$)/.test(url) ? url.slice(1) : url;
  if (!originalUrl.endsWith(left)) return undefined;
  return { public: originalUrl.slice(0, originalUrl.length - left.length), sent: '' };
}

function isMountPrefix(value: unknown): value is MountPrefix {
  return typeof value === 'object' && value !== null && 'public' in value && 'sent' in value;
}
