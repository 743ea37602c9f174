import { expect, test } from 'vitest';
import { type HeldConnections, type ShareAnswer, ShareHolder } from '../../../src/fleet/share-holder.js';

class Connections implements HeldConnections {
  held = 0;
  limits: number[] = [];

  limit(connections: number): void {
    this.limits.push(connections);
  }
}

function start(held = 0) {
  const connections = new Connections();
  connections.held = held;
  const answers: ShareAnswer[] = [];
  return { connections, answers, holder: new ShareHolder(connections, (answer) => answers.push(answer)) };
}

test('before the first order there is no share', () => {
  expect(start().holder.share).toBeUndefined();
});

test('an order limits the connections, and is answered at once when they are no more', () => {
  const { connections, answers, holder } = start(3);
  holder.ordered(5, 1);
  expect(connections.limits).toEqual([5]);
  expect(answers).toEqual([{ turn: 1, held: 5 }]);
  expect(holder.state).toBe('holding');
});

test('each connection that closes above the share is told, and none below it', () => {
  const { connections, answers, holder } = start(4);
  holder.ordered(2, 7);
  for (const held of [3, 2, 1]) {
    connections.held = held;
    holder.closed();
  }
  expect(answers.map(({ held }) => held)).toEqual([4, 3, 2]);
  expect(answers.every(({ turn }) => turn === 7)).toBe(true);
});

test('an order that comes while connections still close is the one that counts', () => {
  const { connections, answers, holder } = start(4);
  holder.ordered(1, 1);
  holder.ordered(4, 2);
  connections.held = 2;
  holder.closed();
  expect(answers).toEqual([
    { turn: 1, held: 4 },
    { turn: 2, held: 4 },
  ]);
  expect(holder.share).toBe(4);
});
