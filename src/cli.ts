#!/usr/bin/env node
/** `npx pooled-backend`: runs a gateway that needs no program. */

import { main } from './cli/main.js';

// The reader of stdout or stderr may be gone (EPIPE). Clients are served anyway.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

void main({
  argv: process.argv.slice(2),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  exit: (code) => {
    process.exitCode = code;
    // Writes to a pipe are asynchronous: the process must not exit before they are done.
    process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
  },
  onSignal: (listener) => {
    process.on('SIGTERM', listener);
    process.on('SIGINT', listener);
  },
});
