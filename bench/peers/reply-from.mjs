/** @fastify/reply-from over undici, its default, in Fastify. */

import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';
import { origin, start } from './serve.mjs';

const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
app.register(replyFrom, { base: origin });
app.all('/*', (request, reply) => reply.from(request.raw.url));
await app.ready();
await start(app.server);
