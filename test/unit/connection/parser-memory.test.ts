/** The memory of parsers is bounded: what a path forgets to free is missed before all paths have been walked. */

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Connection } from '../../../src/connection/connection.js';
import type { Intake } from '../../../src/connection/dial.js';
import type { Exchange } from '../../../src/connection/exchange.js';
import type { OpenSocket } from '../../../src/connection/open-socket.js';
import { Llhttp, MAX_PARSERS, readWindow } from '../../../src/http1/llhttp.js';
import { RepeatedHead } from '../../../src/http1/repeated-head.js';
import { ManualClock } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';
import { LIMITS, Listener, OK, Owner, TIMEOUTS } from './rig.js';

const CONNECTIONS = 1_000;

/** A socket that takes everything and says what it is told to say. */
class DumbSocket implements OpenSocket {
  destroyed = false;
  errored: Error | null = null;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  readonly writableEnded = false;
  readonly writableFinished = false;
  allowHalfOpen = false;
  readonly listeners: Record<string, (error: Error) => void> = {};

  write(): boolean {
    return true;
  }
  cork(): void {}
  uncork(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
  resetAndDestroy(): void {
    this.destroyed = true;
  }
  on(event: string, listener: (error: Error) => void): void {
    this.listeners[event] = listener;
  }
}

class Line {
  readonly socket = new DumbSocket();
  readonly intake: Intake = { receive: () => false };
  readonly listener = new Listener();
  readonly connection: Connection;

  constructor(clock: ManualClock, deadlines: Deadlines) {
    const { socket, intake } = this;
    const repeated = new RepeatedHead();
    const setting = { origin: 'http://o', secure: false, clock, deadlines, limits: LIMITS, repeated };
    this.connection = new Connection({ socket, intake, spokeFirst: false, askKernel: undefined }, setting, new Owner());
  }

  send(upgrade?: string): Exchange {
    const request = { method: 'GET', upgrade, timeouts: TIMEOUTS };
    const exchange = this.connection.begin(request, undefined, this.listener);
    exchange.start('GET / HTTP/1.1\r\n\r\n');
    return exchange;
  }

  hear(text: string): void {
    this.intake.receive(readWindow().write(text, 'latin1'));
  }

  say(event: 'end' | 'close' | 'error'): void {
    this.socket.listeners[event]?.(new Error('read ECONNRESET'));
  }
}

const HALF = OK.slice(0, -1);

const PATHS: Readonly<Record<string, (line: Line, clock: ManualClock) => void>> = {
  'closed while fresh': (line) => line.connection.close('drained'),
  'poisoned while fresh': (line) => line.hear('stray'),
  'refused first write': (line) => {
    line.socket.errored = new Error('write EPIPE');
    line.send();
  },
  'closed while idle, twice': (line) => {
    line.send();
    line.hear(OK);
    line.connection.close('idle-timeout');
    line.connection.close('drained');
  },
  'stale while idle': (line) => {
    line.send();
    line.hear(OK);
    line.say('end');
    line.say('close');
  },
  'closed by the server at the end': (line) => {
    line.send();
    line.hear('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n');
    line.say('close');
  },
  'a body until the close': (line) => {
    line.send();
    line.hear('HTTP/1.1 200 OK\r\n\r\nbody');
    line.say('end');
  },
  truncated: (line) => {
    line.send();
    line.hear(HALF);
    line.say('end');
  },
  reset: (line) => {
    line.send();
    line.say('error');
    line.say('close');
  },
  garbage: (line) => {
    line.send();
    line.hear('garbage');
    line.hear('more');
  },
  'timed out': (line, clock) => {
    line.send();
    clock.advance(2_000);
  },
  abandoned: (line) => line.send().abandon(),
  'abandoned within a read': (line) => {
    const exchange = line.send();
    line.listener.during = () => exchange.abandon();
    line.hear('HTTP/1.1 200 OK\r\n\r\nbody');
    line.hear('more');
  },
  'closed within a read': (line) => {
    line.send();
    line.listener.during = () => line.connection.close('destroyed');
    line.hear(OK);
  },
  'a listener that throws': (line) => {
    line.send();
    line.listener.during = () => {
      throw new Error('boom');
    };
    expect(() => line.hear(OK)).toThrow('boom');
  },
  'a listener that closes and throws': (line) => {
    line.send();
    line.listener.during = () => {
      line.connection.close('destroyed');
      throw new Error('boom');
    };
    expect(() => line.hear(OK)).toThrow('boom');
  },
};

// Nearly all the room is taken, so that one more than there is room for shows the first that was not freed.
let others: readonly Llhttp[] = [];
beforeAll(() => {
  others = Array.from({ length: MAX_PARSERS - CONNECTIONS }, () => new Llhttp());
});
afterAll(() => {
  for (const other of others) other.free();
});

test.each(Object.entries(PATHS))('%s: the parser is freed', (_name, path) => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  for (let i = 0; i <= CONNECTIONS; i += 1) {
    const line = new Line(clock, deadlines);
    path(line, clock);
    if (!line.connection.closed) throw new Error('it is still open');
  }
  expect(deadlines.size).toBe(0);
});

test('a tunnel has no parser', () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const lines: Line[] = [];
  onTestFinished(() => {
    for (const line of lines) line.connection.close('destroyed');
  });
  for (let i = 0; i <= CONNECTIONS; i += 1) {
    const line = new Line(clock, deadlines);
    lines.push(line);
    Object.assign(line.listener, { exchangeSwitched: () => undefined }); // or else the tunnel is destroyed
    line.send('chat');
    line.hear('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n');
  }
  expect(lines.filter(({ connection }) => connection.closed || connection.tunnel === undefined)).toEqual([]);
});
