/** `autoRewrite`, `hostRewrite` and `protocolRewrite`. */

import type { IncomingMessage } from 'node:http';
import type { ProxyMiddlewareOptions } from './options.js';

type Choice = Pick<ProxyMiddlewareOptions, 'autoRewrite' | 'hostRewrite' | 'protocolRewrite'>;

const ABSOLUTE = /^(https?):\/\/([^/?#]*)(.*)$/is;

/** A hook for `rewriteLocation` that changes URLs of the target only; `false` if none of the three options is given. */
export function locationHook(
  { autoRewrite = false, hostRewrite, protocolRewrite }: Choice,
  targetHost: string,
): false | ((url: string, req: IncomingMessage) => string | undefined) {
  if (!autoRewrite && hostRewrite === undefined && protocolRewrite === undefined) return false;
  return (url, req) => {
    const [, scheme = '', host = '', rest = ''] = ABSOLUTE.exec(url) ?? [];
    if (host.toLowerCase() !== targetHost) return undefined;
    const place = hostRewrite ?? (autoRewrite ? req.headers.host : undefined) ?? host;
    return `${protocolRewrite?.replace(':', '') ?? scheme}://${place}${rest}`;
  };
}
