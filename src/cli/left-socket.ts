/** A unix socket that its process has left behind: one that was killed does not take it away, and nobody could listen there. */

import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** Takes the socket away when nobody listens on it. What is no socket stays. */
export async function removeLeftSocket(path: string): Promise<void> {
  // To connect to any other file is refused, too.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  if (await isRefused(path)) unlinkSync(path);
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
}
