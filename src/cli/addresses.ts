/** Where the command listens: ports, hosts and Unix sockets, as text. */

/** What `server.listen` takes. */
export type Address =
  | { readonly kind: 'port'; readonly port: number; readonly host: string | undefined }
  | { readonly kind: 'socket'; readonly path: string };

/** Where a page of the command is served: the status page, or the metrics. */
export type Place =
  | { readonly kind: 'off' }
  | { readonly kind: 'path'; readonly path: string }
  /** `isDefault`: the address was not given by the user. */
  | { readonly kind: 'address'; readonly address: Address; readonly isDefault: boolean };

const LOOPBACK = '127.0.0.1';
const EVERYWHERE = '*';

/** The longest path of a Unix socket. Of a longer one Node drops the end, and listens there. */
export const LONGEST_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** `undefined` when it is none. */
export function addressOf(value: unknown, defaultHost?: string): Address | undefined {
  const text = String(value);
  if (text.startsWith('\\\\')) return { kind: 'socket', path: text }; // a named pipe of Windows
  if (text.startsWith('/') || text.startsWith('./'))
    return Buffer.byteLength(text) > LONGEST_PATH_BYTES ? undefined : { kind: 'socket', path: text };
  const [, bracketed, host = bracketed, digits] = /^(?:(?:\[([^\]]+)\]|([^:\s]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (!(port <= 65_535)) return undefined;
  return { kind: 'port', port, host: host === EVERYWHERE ? undefined : (host ?? defaultHost) };
}

/** `undefined` when it is none. */
export function placeOf(value: unknown): Place | undefined {
  if (value === false || value === 'off' || value === 'false') return { kind: 'off' };
  if (typeof value === 'string' && value.startsWith('/')) {
    return /^\/[^\s?#;]*$/.test(value) ? { kind: 'path', path: value.replace(/(?!^)\/+$/, '') } : undefined;
  }
  const address = addressOf(value, LOOPBACK);
  return address && { kind: 'address', address, isDefault: false };
}

/** The port after that of the clients, on loopback only. */
export function placeBeside(listen: Address | undefined): Place {
  if (listen?.kind !== 'port' || listen.port === 65_535) return { kind: 'off' };
  const port = listen.port === 0 ? 0 : listen.port + 1;
  return { kind: 'address', address: { kind: 'port', port, host: LOOPBACK }, isDefault: true };
}

/** Whether two pages have the same place, so that only one can be served. A default address never collides: it gives way. */
export function meet(one: Place, other: Place): boolean {
  if (one.kind === 'path') return other.kind === 'path' && one.path === other.path;
  if (one.kind === 'off' || other.kind !== 'address' || one.isDefault || other.isDefault) return false;
  const [a, b] = [one.address, other.address];
  if (a.kind === 'socket') return b.kind === 'socket' && a.path === b.path;
  return b.kind === 'port' && a.port === b.port && a.port !== 0 && (covers(a.host, b.host) || covers(b.host, a.host));
}

function covers(wide: string | undefined, host: string | undefined): boolean {
  if (wide === undefined || wide === '::' || wide === host) return true;
  return wide === '0.0.0.0' && host?.includes(':') === false;
}

/** The address as text, as a user would write it. */
export function shownAddress(address: Address): string {
  if (address.kind === 'socket') return address.path;
  const { host = EVERYWHERE, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
