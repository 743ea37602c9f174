#!/usr/bin/env node
/** `npx pooled-backend`: runs a gateway that needs no program. */

import { main } from './cli/main.js';
import { systemClock } from './time/clock.js';

/** Bytes of the log that may wait for their reader. If it stops to read, what comes beyond them is lost. */
const LOG_BYTES = 2 ** 20;
/** How long the end of the process waits for that reader. */
const LAST_LINES_MS = 1_000;

// The reader of stdout or stderr may be gone (EPIPE). Clients are served anyway.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

void main({
  argv: process.argv.slice(2),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void (process.stderr.writableLength < LOG_BYTES && process.stderr.write(text)),
  exit: (code) => {
    process.exitCode = code;
    systemClock.after(LAST_LINES_MS, () => process.exit(code));
    // Writes to a pipe are asynchronous: the process must not exit before they are done.
    process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
  },
  onSignal: (listener) => {
    process.on('SIGTERM', listener);
    process.on('SIGINT', listener);
  },
});
