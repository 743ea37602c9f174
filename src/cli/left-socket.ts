/** Removes a Unix socket that a killed process has left behind: otherwise listening there would fail. */

import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** Removes the socket if no process listens on it. Anything other than a socket stays. */
export async function removeLeftSocket(path: string): Promise<void> {
  const found = lookedAt(path);
  // Connecting to a file that is not a socket is refused, too.
  if (found?.isSocket() !== true || !(await isRefused(path))) return;
  // Another process that starts at the same time may have replaced the socket by its own.
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
