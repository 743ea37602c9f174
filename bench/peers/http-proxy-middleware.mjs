/** http-proxy-middleware 3, the last major version for Node 20, in Express. */

import { createServer } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { agent, origin, start } from './serve.mjs';

const middleware = createProxyMiddleware({ target: origin, ws: true, ...(agent && { agent }) });
await start(createServer(express().use(middleware)).on('upgrade', middleware.upgrade));
