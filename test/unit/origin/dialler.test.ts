import { expect, test } from 'vitest';
import type { Timer } from '../../../src/clock.js';
import { ManualClock } from '../../../src/testing/index.js';
import { House, requester } from '../../house.js';

test('a dial that is under way counts as dialling, and as nothing once its origin is closed', async () => {
  const house = await House.open();
  await house.sent();
  const before = house.originStats().connections.dialling;
  house.destroy();
  expect([before, house.originStats().connections.dialling, house.dials[0]?.state]).toEqual([1, 0, 'abandoned']);
});

test('a dial that cannot even begin is a failed dial: its slot is empty again and its request fails at once', async () => {
  const house = await House.open({
    maxConnections: 1,
    startDial: () => {
      throw new TypeError('PEM routines: no start line');
    },
  });
  const callers = [await house.sent(), await house.sent()];
  await house.advance(60);
  expect(callers.map((caller) => caller.outcome)).toEqual(['proxy_configuration_error', 'proxy_configuration_error']);
  expect(house.originStats()).toMatchObject({ connections: { dialling: 0, busy: 0 }, dialsFailed: 2 });
});

test('a dial is made in the context of the backend: its socket must not keep that of the request which needed it', async () => {
  const contexts: (string | undefined)[] = [];
  const startDial = () => {
    contexts.push(requester.getStore());
    return { abandon: () => undefined };
  };
  const house = await House.open({ startDial });
  await house.sent();
  expect(contexts).toEqual([undefined]);
});

/** Node counts in whole milliseconds, so that timers fire up to two of them early. */
class EarlyClock extends ManualClock {
  override after(ms: number, call: () => void): Timer {
    return super.after(Math.max(1, Math.floor(ms)) - 0.9, call);
  }
}

test('the wait after a failed dial ends with another dial though timers fire early', async () => {
  const house = await House.open({ clock: new EarlyClock() });
  await house.sent();
  await house.refuse();
  await house.advance(26);
  expect(house.dialling.length).toBe(1);
});
