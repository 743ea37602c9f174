/** What it costs to pass a small response to its client through node:http, without the kernel. */

import { AsyncResource } from 'node:async_hooks';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { ResponseBody } from '../../src/call/response-body.js';
import { endWith } from '../../src/client/writes.js';
import { relayedFields } from '../../src/mount/response/response-fields.js';
import { writeResponseHead } from '../../src/mount/response/response-head.js';
import type { Case } from './measure.js';
import { repeated, seen } from './values.js';

const BODY = Buffer.alloc(100, 'x');

const HEAD = {
  ...({ statusCode: 200, statusText: 'OK', minorVersion: 1, framing: { kind: 'length', bytes: 100 } } as const),
  ...({ persistent: true } as const),
  rawHeaders: ['Content-Type', 'text/plain', 'Connection', 'keep-alive', 'Content-Length', '100'],
};

/** Accepts everything at once, like a socket whose kernel buffer has room. */
class SilentSocket extends Socket {
  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    callback();
  }

  override _writev(_chunks: unknown, callback: () => void): void {
    callback();
  }
}

export function relayCases(): Case[] {
  return [
    relayed('relay of a small response: head and body in one string', (res) => endWith(res, BODY.toString('latin1'))),
    relayed('relay of a small response: end(text)', (res) => void res.end(BODY.toString('latin1'), 'latin1')),
    relayed('relay of a small response: write(bytes), end()', (res) => {
      res.write(BODY);
      res.end();
    }),
  ];
}

/** node:http finishes a response one tick later, so each round ends with a turn of the event loop. */
function relayed(name: string, end: (res: ServerResponse) => void): Case {
  return {
    name,
    async run(times) {
      for (let i = 0; i < times; i += 1) {
        const socket = new SilentSocket();
        const res = new ServerResponse(new IncomingMessage(socket));
        res.assignSocket(socket);
        writeResponseHead(res, { head: HEAD, fields: relayedFields(HEAD, false), closes: false });
        end(res);
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}

const NOBODY = { wanted() {}, dropped() {} };

function completeBody(): ResponseBody {
  const body = new ResponseBody(NOBODY);
  body.push(BODY);
  body.complete();
  return body;
}

export function bodyCases(): Case[] {
  return [
    read('response body: text of one that is complete', (body) => body.text()),
    read('response body: the same by an iterator', async (body) => {
      const pieces: Buffer[] = [];
      for await (const piece of body) pieces.push(piece);
      return new TextDecoder().decode(Buffer.concat(pieces));
    }),
  ];
}

function read(name: string, text: (body: ResponseBody) => Promise<string>): Case {
  return {
    name,
    async run(times) {
      for (let i = 0; i < times; i += 1) seen.last = await text(completeBody());
    },
  };
}

export function objectCases(): Case[] {
  const scope = new AsyncResource('Benchmark');
  const nothing = (): void => undefined;
  return [
    repeated('context: made for a request', () => {
      seen.last = new AsyncResource('PooledRequest');
    }),
    repeated('context: entered once', () => scope.runInAsyncScope(nothing)),
  ];
}
