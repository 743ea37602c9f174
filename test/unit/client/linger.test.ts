import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { ManualClock } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { lingerOnClose } from '../../../src/client/linger.js';
import { Deadlines } from '../../../src/time/deadlines.js';

/** The connection of a client whose upload is not over, at the moment at which its response is. */
function answered(headers: Record<string, string> = { 'content-length': '100000' }) {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const closes: string[] = [];
  const socket = Object.assign(new PassThrough(), { destroySoon: () => void closes.push('closed') });
  socket.on('close', () => closes.push('destroyed'));
  const body = new PassThrough();
  const req = Object.assign(body, { socket, headers, httpVersionMajor: 1, complete: false });
  lingerOnClose(req as unknown as IncomingMessage, deadlines);
  socket.destroySoon();
  const advance = async (ms: number) => {
    clock.advance(ms);
    clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { body, closes, advance, deadlines, socket };
}

describe('a connection that lingers', () => {
  test('ends when nothing more comes for two seconds', async () => {
    const { closes, advance } = answered();
    await advance(1_900);
    expect(closes).toEqual([]);
    await advance(200);
    expect(closes).toEqual(['destroyed']);
  });

  test('does so, too, when a lenient server has let a length of 0 through beside chunks', async () => {
    const { closes, advance } = answered({ 'content-length': '0', 'transfer-encoding': 'chunked' });
    await advance(1_900);
    expect(closes).toEqual([]);
  });

  test('stays as long as the upload comes, but for half a minute at most', async () => {
    const { body, closes, advance } = answered();
    for (let second = 1; second < 30; second += 1) {
      body.write('more');
      await advance(1_000);
      expect(closes).toEqual([]);
    }
    body.write('more');
    await advance(1_100);
    expect(closes).toEqual(['destroyed']);
  });

  test('closes at once when the upload has ended, and leaves no timer', async () => {
    const { body, closes, advance, deadlines, socket } = answered();
    body.end();
    await advance(1);
    expect(closes).toContain('closed');
    socket.destroy();
    await advance(1);
    expect(deadlines.size).toBe(0);
  });
});
