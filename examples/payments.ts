/** A payment service that books the money and dies before it answers: what a plain POST learns, and one with a key. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BackendError, PooledBackend } from 'pooled-backend';

// Remembers what it has booked by key, as services do that honour the Idempotency-Key field.
let booked = 0;
const receipts = new Map<string, string>();
const service = createServer((req, res) => {
  const key = String(req.headers['idempotency-key'] ?? `no key ${booked}`);
  const known = receipts.get(key);
  if (known !== undefined) {
    res.end(known);
    return;
  }
  booked += 1;
  receipts.set(key, `receipt ${booked}\n`);
  req.socket.destroy(); // the money is gone, the answer too
}).listen(0, '127.0.0.1');
await once(service, 'listening');

const origins = [`http://127.0.0.1:${(service.address() as AddressInfo).port}`];
const payment = { method: 'POST', path: '/payments', body: '{"amount":100}' };

// By default a POST is sent once. The error says that nobody knows whether it was processed.
const careful = new PooledBackend({ origins });
try {
  await careful.request(payment);
} catch (error) {
  if (!BackendError.is(error)) throw error;
  console.log(`without a key: ${error.code}, delivery ${error.delivery}, sent ${error.attempts.length} time`);
}
console.log(`booked ${booked} time`);

// The owner of the service declares that it honours keys. Now the question may be asked again.
const declared = new PooledBackend({ origins, idempotencyKey: 'honoured' });
const headers = { 'Idempotency-Key': crypto.randomUUID() };
const { statusCode, body, attempts } = await declared.request({ ...payment, headers });
console.log(`with a key: ${statusCode}, ${(await body.text()).trim()}, sent ${attempts.length} times`);
console.log(`booked ${booked} times, once for each payment`);

await Promise.all([careful.close(), declared.close()]);
service.close();
