import { describe, expect, test } from 'vitest';
import type { ExchangeListener } from '../../../src/connection/exchange.js';
import type { Tunnel, TunnelListener } from '../../../src/connection/tunnel.js';
import { Listener, OK, Rig, TIMEOUTS, turn } from './rig.js';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n';

/** Keeps the tunnel, and begins nothing. */
class Switching extends Listener implements ExchangeListener {
  tunnel: Tunnel | undefined;

  exchangeSwitched(_head: unknown, tunnel: Tunnel): void {
    this.told.push('switched');
    this.tunnel = tunnel;
  }
}

/** Writes down what the owner of a tunnel is told. */
class Ear implements TunnelListener {
  readonly told: string[] = [];
  takes = true;

  tunnelBytes(bytes: Buffer): boolean {
    this.told.push(`bytes: ${bytes.toString('latin1')}`);
    return this.takes;
  }

  tunnelEnded(): void {
    this.told.push('ended');
  }

  tunnelDrained(): void {
    this.told.push('drained');
  }

  tunnelClosed(): void {
    this.told.push('closed');
  }
}

function asked(rig: Rig, upgrade: string | undefined, listener: Listener = new Switching()): Switching {
  const request = { method: 'GET', upgrade, timeouts: TIMEOUTS };
  rig.connection.begin(request, undefined, listener).start('GET / HTTP/1.1\r\n\r\n');
  return listener as Switching;
}

function begun(rig: Rig): { tunnel: Tunnel; ear: Ear } {
  asked(rig, 'a');
  rig.answer(SWITCH);
  const { tunnel } = rig.connection;
  if (tunnel === undefined) throw new Error('the connection has no tunnel');
  const ear = new Ear();
  tunnel.begin(ear);
  return { tunnel, ear };
}

describe('the switch', () => {
  test('the exchange ends with it, and no timeout of a request is left', () => {
    const rig = new Rig();
    const listener = asked(rig, 'a');
    rig.answer(SWITCH);
    rig.clock.advance(1_000_000);
    expect(listener.told).toEqual(['switched']);
    expect(rig.owner.told).toEqual(['head: 101']);
    expect(rig.deadlines.size).toBe(0);
    expect(rig.connection).toMatchObject({ closed: false, exchanges: 1, fresh: false });
  });

  test.each([
    ['another protocol', SWITCH.replace('Upgrade: a', 'Upgrade: b')],
    ['none', SWITCH.replace('Upgrade: a\r\n', '')],
  ])('to %s it fails the exchange', (_what, head) => {
    const rig = new Rig();
    const listener = asked(rig, 'a');
    rig.answer(`${head}bytes`);
    expect(listener.told).toEqual(['failed: garbage']);
    expect(listener.error?.code).toBe('http_upgrade_failed');
    expect(rig.owner.told).toEqual(['head: 101', 'closed: garbage']);
  });

  test('without being asked for it fails the exchange', () => {
    const rig = new Rig();
    const listener = asked(rig, undefined);
    rig.answer(SWITCH);
    expect(listener.error?.code).toBe('http_protocol_error');
  });

  test('for a listener that knows no tunnels the connection is closed', () => {
    const rig = new Rig();
    asked(rig, 'a', new Listener());
    rig.answer(SWITCH);
    expect(rig.owner.told).toEqual(['head: 101', 'closed: upgraded']);
  });

  test('a response without it ends the connection: its origin may read no HTTP there any more', () => {
    const rig = new Rig();
    const listener = asked(rig, 'a');
    rig.answer(OK);
    expect(listener.told).toEqual(['head: 200', 'body', 'ended']);
    expect(rig.owner.told).toEqual(['head: 200', 'closed: server-close']);
  });
});

describe('a tunnel', () => {
  test('begins with what came behind the 101, and what came since', () => {
    const rig = new Rig();
    const listener = asked(rig, 'a');
    rig.answer(`${SWITCH}one`, 'two', 'three');
    const ear = new Ear();
    listener.tunnel?.begin(ear);
    expect(ear.told.join()).toBe('bytes: onetwo,bytes: three');
  });

  test('that begins late is told of an end and of a close that were before', async () => {
    const rig = new Rig();
    const early = asked(rig, 'a');
    rig.answer(SWITCH);
    rig.far.end();
    await turn();
    const ear = new Ear();
    early.tunnel?.begin(ear);
    expect(ear.told).toEqual(['ended']);
    const other = new Rig();
    const late = asked(other, 'a');
    other.answer(SWITCH);
    other.connection.close('destroyed');
    late.tunnel?.begin(ear);
    expect(ear.told).toEqual(['ended', 'closed']);
  });

  test('stops to read when its listener takes no more', () => {
    const rig = new Rig();
    const { tunnel, ear } = begun(rig);
    ear.takes = false;
    rig.answer('one', 'two', 'three');
    expect(ear.told).toEqual(['bytes: one']);
    ear.takes = true;
    tunnel.resume();
    expect(ear.told).toEqual(['bytes: one', 'bytes: two', 'bytes: three']);
  });

  test('of TLS gives out what was read already, and stays stopped', () => {
    const rig = new Rig();
    const { ear } = begun(rig);
    ear.takes = false;
    rig.answer('one', 'two');
    ear.takes = true;
    rig.decrypted('more');
    expect(ear.told).toEqual(['bytes: one', 'bytes: more']);
  });

  test('says when the origin takes no more, and when it does again', async () => {
    const rig = new Rig();
    const { tunnel, ear } = begun(rig);
    rig.near.stopTaking();
    expect(tunnel.write(Buffer.alloc(100_000))).toBe(false);
    rig.near.takeOn();
    await turn();
    expect(ear.told).toEqual(['drained']);
    expect(tunnel.write(Buffer.from('x'))).toBe(true);
  });

  test('the origin may end its half first, and is written to', async () => {
    const rig = new Rig();
    const { tunnel, ear } = begun(rig);
    rig.far.end();
    await turn();
    expect(ear.told).toEqual(['ended']);
    tunnel.write(Buffer.from('still'));
    tunnel.end();
    await turn();
    expect(rig.heard.endsWith('still')).toBe(true);
    expect(ear.told).toEqual(['ended', 'closed']);
    expect(rig.owner.told.at(-1)).toBe('closed: upgraded');
  });

  test('that was ended writes no more', async () => {
    const rig = new Rig();
    const { tunnel } = begun(rig);
    tunnel.end();
    expect(tunnel.write(Buffer.from('late'))).toBe(true);
    await turn();
    expect(rig.heard).not.toContain('late');
  });

  test('that is destroyed resets the origin', async () => {
    const rig = new Rig();
    const { tunnel, ear } = begun(rig);
    tunnel.destroy();
    tunnel.destroy();
    await turn();
    expect(ear.told).toEqual(['closed']);
    expect(rig.wasReset).toBe(true);
  });

  test('a reset by the origin closes it', async () => {
    const rig = new Rig();
    const { ear } = begun(rig);
    rig.far.resetAndDestroy();
    await turn();
    expect(ear.told).toEqual(['closed']);
    expect(rig.owner.told.at(-1)).toBe('closed: upgraded');
  });
});
