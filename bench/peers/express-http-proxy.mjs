/** express-http-proxy in Express. */

import { createServer } from 'node:http';
import express from 'express';
import proxy from 'express-http-proxy';
import { origin, start } from './serve.mjs';

await start(createServer(express().use(proxy(origin))));
