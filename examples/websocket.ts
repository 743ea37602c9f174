/** WebSocket: one line on the server, beside the ordinary requests; then a shutdown that leaves nobody hanging. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledBackend } from 'pooled-backend';
import { WebSocket, WebSocketServer } from 'ws';

// The origin: a chat room that greets, and says goodbye.
const origin = createServer((_req, res) => res.end('a plain page\n'));
const room = new WebSocketServer({ server: origin });
room.on('connection', (member, req) => {
  member.send(`welcome to ${req.url}, you who came from ${req.headers['x-forwarded-for']}`);
  member.on('message', (message) => {
    for (const other of room.clients) other.send(String(message));
  });
});
origin.listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend({
  origins: [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`],
  maxConnections: 1_000, // a tunnel holds its connection for as long as it lasts
});
const front = createServer(backend.handler());
front.on('upgrade', backend.upgradeHandler({ protocols: ['websocket'], idleTimeout: 120_000 }));
front.listen(0, '127.0.0.1');
await once(front, 'listening');
const { port } = front.address() as AddressInfo;

const member = new WebSocket(`ws://127.0.0.1:${port}/rooms/7`);
const heard = async (): Promise<string> => String((await once(member, 'message'))[0]);
console.log(await heard());
member.send('hello, room');
console.log(await heard());
const page = await fetch(`http://127.0.0.1:${port}/`);
console.log((await page.text()).trim());
console.log(backend.stats().origins[0]?.tunnels);

// Tell the members first, give them a moment, and end who is left.
const closed = once(member, 'close');
front.close();
for (const one of room.clients) one.close(1001, 'going away');
await backend.close({ timeout: 5_000 });
console.log('closed with', (await closed)[0], backend.stats().origins[0]?.tunnels);
origin.close();
