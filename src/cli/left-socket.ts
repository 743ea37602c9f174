/** Removes a Unix socket that a killed process has left behind: otherwise listening there would fail. Says why it fails nevertheless. */

import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** Removes the socket if no process listens on it. Anything other than a socket stays. */
export async function removeLeftSocket(path: string): Promise<void> {
  const found = lookedAt(path);
  // Connecting to a file that is not a socket is refused, too.
  if (found?.isSocket() !== true || !(await isRefused(path))) return;
  // Another process that starts at the same time may have replaced the socket by its own.
  const now = lookedAt(path);
  if (now?.ino === found.ino && now.ctimeMs === found.ctimeMs) unlinkSync(path);
}

/** Why listening on the path failed with this code, where the code alone would mislead. */
export function whyNoSocket(path: string, code: string | undefined): string | undefined {
  // libuv says EACCES, as Windows does.
  if (code === 'EACCES' && isMissing(dirname(path))) return 'its folder does not exist (ENOENT)';
  if (code === 'EADDRINUSE' && lookedAt(path)?.isSocket() === false)
    return 'it exists and is not a socket (EADDRINUSE)';
  return undefined;
}

function isMissing(folder: string): boolean {
  try {
    return lookedAt(folder) === undefined;
  } catch {
    return false; // it may not be looked at
  }
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
