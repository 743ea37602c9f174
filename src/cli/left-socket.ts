/** A unix socket that its process has left behind: one that was killed does not take it away, and nobody could listen there. */

import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** Takes the socket away when nobody listens on it. What is no socket stays. */
export async function removeLeftSocket(path: string): Promise<void> {
  const found = lookedAt(path);
  // To connect to any other file is refused, too.
  if (found?.isSocket() !== true || !(await isRefused(path))) return;
  // Another that starts here at the same time may have put its own in the place.
  const now = lookedAt(path);
  if (now?.ino === found.ino && now.ctimeMs === found.ctimeMs) unlinkSync(path);
}

function lookedAt(path: string) {
  return lstatSync(path, { throwIfNoEntry: false });
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
