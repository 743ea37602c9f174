#!/usr/bin/env node
/**
 * `npm run demo`: shows with real processes and real sockets what pooled-backend is for.
 * A fresh clone needs no other command: what is missing is installed and built first.
 */

import { ensureBuilt } from '../rig/built.mjs';
import { demo } from './demo.mjs';
import { readOptions } from './options.mjs';

const options = readOptions(process.argv.slice(2));
ensureBuilt();
process.exitCode = await demo(options);
