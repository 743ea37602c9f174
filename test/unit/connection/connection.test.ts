import { describe, expect, test } from 'vitest';
import type { askKernel } from '../../../src/connection/liveness.js';
import { Listener, OK, Rig, type RigOptions, turn } from './rig.js';

describe('reuse', () => {
  test('an exchange that ends clean hands the connection back', () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer(OK);
    expect({ listener: listener.told, owner: rig.owner.told }).toEqual({
      listener: ['head: 200', 'body', 'ended'],
      owner: ['head: 200', 'reusable'],
    });
  });

  test('it is handed back after the listener was told the end', () => {
    const rig = new Rig();
    const listener = new Listener();
    const owner: string[] = [];
    listener.during = (event) => event === 'ended' && owner.push(...rig.owner.told);
    rig.send({ listener });
    rig.answer(OK);
    expect(owner).toEqual(['head: 200']);
  });

  test.each([
    ['bytes behind the response', `${OK}HTTP/1.1 200 OK\r\n`, 'leftover'],
    [
      'a response that says close',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      'server-close',
    ],
    ['a response of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'server-close'],
    ['bytes behind a response without a body', 'HTTP/1.1 204 No Content\r\n\r\nstray', 'leftover'],
  ])('%s: the response is whole, the connection is not reused', (_what, answer, reason) => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer(answer);
    expect([listener.told.at(-1), ...rig.owner.told.slice(1)]).toEqual(['ended', `closed: ${reason}`]);
  });

  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n'],
  ])('after a response to %s without a body, %j, it may carry the next request two turns later', (method, answer) => {
    const rig = new Rig({ askKernel: () => ({ name: 'alive' }) });
    const { listener } = rig.send({ method });
    rig.answer(answer);
    const alive = [rig.connection.checkAlive()];
    rig.clock.runSoon();
    alive.push(rig.connection.checkAlive());
    rig.clock.runSoon();
    alive.push(rig.connection.checkAlive());
    expect([listener.told.at(-1), rig.owner.told[1], alive]).toEqual([
      'ended',
      'reusable',
      ['unknown', 'unknown', 'alive'],
    ]);
  });

  test('after a response with a body at once', () => {
    const rig = new Rig({ askKernel: () => ({ name: 'alive' }) });
    rig.exchange();
    expect(rig.connection.checkAlive()).toBe('alive');
  });

  test.each([0, 1])('a body where none may be kills the connection, %i turns later', (turns) => {
    const rig = new Rig();
    rig.send({ method: 'HEAD' });
    rig.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    for (let i = 0; i < turns; i += 1) rig.clock.runSoon();
    rig.answer('stray');
    expect([rig.owner.told.at(-1), rig.owner.heard]).toEqual(['closed: poisoned', 'stray']);
  });

  test('on TLS it is not alive before what was decrypted with the response has come', () => {
    const rig = new Rig({ secure: true, askKernel: () => ({ name: 'alive' }) });
    const { listener } = rig.send();
    rig.answer(OK);
    const before = rig.connection.checkAlive();
    rig.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray');
    expect([before, rig.connection.checkAlive(), rig.owner.told.at(-1), listener.told.at(-1)]).toEqual([
      'unknown',
      'closed',
      'closed: poisoned',
      'ended',
    ]);
  });

  test.each([
    ['heard of a turn after the answer is no fault', true, 'reusable', 'alive'],
    ['that never comes is', false, 'closed: unfinished-request', 'closed'],
  ])('on TLS a kernel that takes the request, %s', (_when, takesOn, told, alive) => {
    const rig = new Rig({ secure: true, askKernel: () => ({ name: 'alive' }) });
    rig.near.stopTaking();
    const { listener } = rig.send();
    rig.answer(OK);
    if (takesOn) rig.near.takeOn();
    rig.clock.advance(0);
    expect([listener.told.at(-1), rig.owner.told.at(-1), rig.connection.checkAlive()]).toEqual(['ended', told, alive]);
  });

  test('it counts its exchanges, and is fresh until the first', () => {
    const rig = new Rig();
    const seen: unknown[] = [rig.connection.fresh];
    rig.send();
    seen.push(rig.connection.fresh);
    rig.answer(OK);
    seen.push(rig.connection.fresh, rig.connection.exchanges);
    expect(seen).toEqual([true, false, false, 1]);
  });
});

describe('idle', () => {
  test('stray bytes kill it, and their beginning is told', () => {
    const rig = new Rig();
    rig.answer(`HTTP/1.1 408 Request Timeout\r\n\r\n${'x'.repeat(100)}`);
    expect([rig.owner.told, rig.owner.heard.length, rig.near.destroyed]).toEqual([['closed: poisoned'], 64, true]);
  });

  test.each([
    ['a FIN', (rig: Rig) => rig.far.end()],
    ['a RST', (rig: Rig) => rig.far.resetAndDestroy()],
  ])('%s makes it stale', async (_what, close) => {
    const rig = new Rig();
    rig.exchange();
    close(rig);
    await turn();
    expect(rig.owner.told.slice(2)).toEqual(['closed: stale']);
  });

  test('it ages by the clock that says more', () => {
    const rig = new Rig();
    rig.clock.advance(10);
    rig.clock.shiftWall(500);
    const slept = rig.connection.idleMs();
    rig.exchange();
    const handedBack = rig.connection.idleMs();
    rig.clock.shiftWall(-400);
    rig.clock.advance(20);
    expect([slept, handedBack, rig.connection.idleMs()]).toEqual([510, 0, 20]);
  });
});

describe('closing', () => {
  const closedBy = async (options: RigOptions, exchanges: number) => {
    const rig = new Rig(options);
    for (let i = 0; i < exchanges; i += 1) rig.exchange();
    rig.clock.advance(0);
    rig.connection.close('idle-timeout');
    await turn();
    return { destroyed: rig.near.destroyed, reset: rig.wasReset };
  };

  test('a clean close on plain TCP is a reset, which leaves no TIME_WAIT', async () => {
    expect(await closedBy({}, 1)).toEqual({ destroyed: true, reset: true });
  });

  test.each([
    ['TLS', { secure: true }, 1],
    ['a unix socket', { isLocal: true }, 1],
    ['a connection that never carried a request', {}, 0],
  ] as const)('never on %s', async (_what, options, exchanges) => {
    expect(await closedBy(options, exchanges)).toEqual({ destroyed: true, reset: false });
  });

  test('nor in the middle of an exchange', async () => {
    const rig = new Rig();
    rig.exchange();
    rig.send();
    rig.connection.close('destroyed');
    await turn();
    expect([rig.near.destroyed, rig.wasReset]).toEqual([true, false]);
  });

  test('is told once, whatever follows', async () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.connection.close('destroyed');
    rig.connection.close('drained');
    rig.answer(OK);
    rig.far.resetAndDestroy();
    rig.clock.advance(10_000);
    await turn();
    expect([rig.owner.told, listener.told]).toEqual([['closed: destroyed'], []]);
  });

  test('leaves no deadline behind', () => {
    const rig = new Rig();
    rig.send();
    const before = rig.deadlines.size;
    rig.connection.close('destroyed');
    expect([before, rig.deadlines.size]).toEqual([1, 0]);
  });
});

describe('a broken response', () => {
  test.each([
    ['before any byte', '', 'closed: silent', 'connection_terminated', 'nothing'],
    ['in the head', 'HTTP/1.1 200', 'closed: failed', 'connection_terminated', 'some'],
    ['after an interim response', 'HTTP/1.1 102 P\r\n\r\n', 'closed: failed', 'connection_terminated', 'some'],
    ['in the body', OK.slice(0, -1), 'closed: failed', 'http_response_incomplete', 'some'],
    [
      'in the chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
      'closed: failed',
      'http_response_incomplete',
      'some',
    ],
  ])('a close %s', async (_where, text, reason, code, received) => {
    for (const breakOff of [(rig: Rig) => rig.far.end(), (rig: Rig) => rig.far.resetAndDestroy()]) {
      const rig = new Rig();
      const { exchange, listener } = rig.send();
      if (text !== '') rig.answer(text);
      breakOff(rig);
      await turn();
      expect([listener.told.at(-1), rig.owner.told.at(-1), listener.error?.code, exchange.received]).toEqual([
        'failed: closed',
        reason,
        code,
        received,
      ]);
    }
  });

  test('a body that lasts until the close ends with a FIN', async () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer('HTTP/1.1 200 OK\r\n\r\nall of it');
    rig.far.end();
    await turn();
    expect([listener.told, listener.body, rig.owner.told]).toEqual([
      ['head: 200', 'body', 'ended'],
      'all of it',
      ['head: 200', 'closed: server-close'],
    ]);
  });

  test('but not with a RST', async () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer('HTTP/1.1 200 OK\r\n\r\nnot all');
    rig.far.resetAndDestroy();
    await turn();
    expect([listener.told.at(-1), listener.error?.code]).toEqual(['failed: closed', 'http_response_incomplete']);
  });

  test('what is no HTTP is refused, and counts as received', () => {
    const rig = new Rig();
    const { exchange, listener } = rig.send();
    rig.answer('SSH-2.0-OpenSSH\r\n');
    expect([listener.told, listener.error?.code, exchange.received, exchange.phase, rig.owner.told]).toEqual([
      ['failed: garbage'],
      'http_protocol_error',
      'some',
      'response-head',
      ['closed: garbage'],
    ]);
  });

  test('bytes that came before what is refused are passed on, and the end is a failure', () => {
    const rig = new Rig();
    const { listener } = rig.send();
    rig.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n');
    expect([listener.told, listener.body]).toEqual([['head: 200', 'body', 'failed: garbage'], 'ok']);
  });

  test('trailers are told with the end, and not with the next one', () => {
    const rig = new Rig();
    const first = rig.send();
    rig.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n');
    const second = rig.send();
    rig.answer(OK);
    expect([first.listener.told.at(-1), second.listener.told.at(-1)]).toEqual(['ended: A b', 'ended']);
  });
});

describe('a listener that throws', () => {
  const boom = new Error('boom');

  test.each(['head: 200', 'body'])('in %s: its exchange fails, lest half a body look whole', (when) => {
    const rig = new Rig();
    const listener = new Listener();
    listener.during = (event) => {
      if (event === when) throw boom;
    };
    rig.send({ listener });
    let thrown: unknown;
    rig.far.on('error', () => undefined);
    try {
      rig.answer(OK);
    } catch (error) {
      thrown = error;
    }
    expect([thrown, listener.told.at(-1), rig.owner.told.at(-1)]).toEqual([boom, 'failed: garbage', 'closed: garbage']);
  });

  test('at the end: the connection is handed back nevertheless', () => {
    const rig = new Rig();
    const listener = new Listener();
    listener.during = (event) => {
      if (event === 'ended') throw boom;
    };
    rig.send({ listener });
    expect(() => rig.answer(OK)).toThrow(boom);
    expect(rig.owner.told.at(-1)).toBe('reusable');
  });
});

describe('liveness', () => {
  const ask = (liveness: ReturnType<typeof askKernel>) => () => liveness;
  const alert12 = Buffer.from([21, 3, 3, 0, 2, 1, 0]);
  const alert13 = Buffer.concat([Buffer.from([23, 3, 3, 0, 19]), Buffer.alloc(19)]);
  const record = Buffer.concat([Buffer.from([23, 3, 3, 0, 40]), Buffer.alloc(40)]);

  test.each([
    ['alive', {}, ask({ name: 'alive' }), 'alive', undefined],
    ['stale', {}, ask({ name: 'stale' }), 'closed', 'closed: stale'],
    ['poisoned', {}, ask({ name: 'poisoned', bytes: Buffer.from('HTTP/1.1 408') }), 'closed', 'closed: poisoned'],
    ['unknown', {}, ask({ name: 'unknown' }), 'unknown', undefined],
    ['not to be known', {}, undefined, 'unknown', undefined],
    ['bytes on TLS', { secure: true }, ask({ name: 'poisoned', bytes: record }), 'closed', 'closed: poisoned'],
    ['the close of TLS 1.2', { secure: true }, ask({ name: 'poisoned', bytes: alert12 }), 'closed', 'closed: stale'],
    ['the close of TLS 1.3', { secure: true }, ask({ name: 'poisoned', bytes: alert13 }), 'closed', 'closed: stale'],
    ['the same bytes on TCP', {}, ask({ name: 'poisoned', bytes: alert13 }), 'closed', 'closed: poisoned'],
  ])('%s', (_what, options, asked, alive, told) => {
    const rig = new Rig({ ...options, askKernel: asked });
    rig.exchange();
    rig.clock.advance(0);
    const before = rig.owner.told.length;
    expect([rig.connection.checkAlive(), rig.owner.told[before]]).toEqual([alive, told]);
  });

  test('what was heard is told, but nothing of what is encrypted', () => {
    const heard = [false, true].map((secure) => {
      const rig = new Rig({ secure, askKernel: ask({ name: 'poisoned', bytes: Buffer.from('HTTP/1.1 408 T') }) });
      rig.exchange();
      rig.clock.advance(0);
      rig.connection.checkAlive();
      return rig.owner.heard;
    });
    expect(heard).toEqual(['HTTP/1.1 408 T', '']);
  });

  test('on TLS the kernel is never asked before the first response: session tickets are bytes too', () => {
    let asked = 0;
    const rig = new Rig({
      secure: true,
      askKernel: () => {
        asked += 1;
        return { name: 'alive' };
      },
    });
    expect([rig.connection.checkAlive(), asked]).toEqual(['unknown', 0]);
    rig.exchange();
    rig.clock.advance(0);
    expect([rig.connection.checkAlive(), asked]).toEqual(['alive', 1]);
  });

  test('a socket that was destroyed is not alive, and the owner knows', () => {
    const rig = new Rig({ askKernel: ask({ name: 'alive' }) });
    rig.near.destroy();
    expect([rig.connection.checkAlive(), rig.owner.told]).toEqual(['closed', ['closed: stale']]);
  });

  test('two turns are two turns', () => {
    const rig = new Rig();
    let called = 0;
    rig.connection.afterTwoTurns(() => {
      called += 1;
    });
    rig.clock.runSoon();
    const first = called;
    rig.clock.runSoon();
    expect([first, called]).toEqual([0, 1]);
  });
});

describe('Keep-Alive: max', () => {
  const left = (...hints: (number | undefined)[]) => {
    const rig = new Rig();
    return hints.map((max) => {
      rig.send();
      if (max !== undefined) rig.connection.allowance.heard(max, rig.connection.exchanges);
      rig.answer(OK);
      return rig.connection.allowance.leftAfter(rig.connection.exchanges);
    });
  };

  test('a number that is repeated is the total', () => {
    expect(left(3, 3, 3)).toEqual([2, 1, 0]);
  });

  test('a number that falls counts down', () => {
    expect(left(5, 4, 3, 3)).toEqual([4, 4, 3, 3]);
  });

  test('a number that is said once holds for what follows', () => {
    expect(left(3, undefined, undefined)).toEqual([2, 1, 0]);
  });

  test('without one there is no end', () => {
    expect(left(undefined)).toEqual([Number.POSITIVE_INFINITY]);
  });

  test('0 is the end', () => {
    expect(left(0)[0]).toBeLessThanOrEqual(0);
  });
});
