/** Servers that take no connections any more. */

/** Servers that were seen to listen. A server that never listens gets its connections from somebody else: it is not closing. */
const listened = new WeakSet<object>();

/** Servers that are about to be closed. */
const leaving = new WeakSet<object>();

/** From now on each response ends its connection, as if the server listened no more. */
export function noteLeaving(server: object): void {
  leaving.add(server);
}

/** It is closed. If it listens again, its connections last. */
export function forgetLeaving(server: object): void {
  leaving.delete(server);
}

/** Whether each of its responses was marked as the last of its connection, whatever the app thinks. */
export function saysFarewell(server: object | undefined): boolean {
  return server !== undefined && leaving.has(server);
}

/** To be called for each request, so that the end of listening can be told from a server that never listens. */
export function noteListening(server: object | undefined): void {
  if (server !== undefined && !listened.has(server) && isListening(server)) listened.add(server);
}

export function isLeaving(server: object | undefined): boolean {
  return saysFarewell(server) || (server !== undefined && !isListening(server) && listened.has(server));
}

function isListening(server: object): boolean {
  return 'listening' in server && server.listening === true;
}

/** The server of node:http. A socket that is not one of the kernel's may have none. */
export function serverOf({ socket }: { readonly socket: object }): object | undefined {
  const server = 'server' in socket ? socket.server : undefined;
  return typeof server === 'object' && server !== null ? server : undefined;
}
