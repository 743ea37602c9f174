/** An access log in the manner of HAProxy: a line for each request, with its timers, its bytes and how it ended. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BackendError, type BackendEvents, PooledBackend } from 'pooled-backend';

type Ended = BackendEvents['request'][0] | BackendEvents['fail'][0];

/** Who ended it and where it was then, as HAProxy's manual has it in "Session state at disconnection". */
function termination(error: BackendError | undefined): string {
  if (error === undefined) return '--';
  const last = error.attempts.at(-1);
  const where = last === undefined ? 'Q' : last.phase === 'response-body' ? 'D' : 'H';
  if (error.code === 'client_aborted') return `C${where}`;
  if (error.code === 'http_request_error') return 'PR';
  if (error.code === 'connection_limit_reached') return error.counts.length > 0 ? 'sQ' : 'RQ';
  if (error.code === 'backend_closed') return `K${where}`;
  if (error.statusCode === 504) return `s${last === undefined ? 'C' : where}`;
  if (error.code === 'http_protocol_error') return `P${where}`;
  return `S${last === undefined ? 'C' : where}`;
}

/** `Tw/Tc/Tr/Ta status bytes up/down termination attempts`. -1 is HAProxy's word for what was not reached. */
function line(ended: Ended): string {
  const failure = 'error' in ended ? ended.error : undefined;
  const { waitedMs, connectMs, responseMs = -1, durationMs, sentBytes, receivedBytes, method, path } = ended;
  const timers = [waitedMs - connectMs, connectMs, responseMs, durationMs].map(Math.round).join('/');
  const { origin = '-', attempts } =
    'error' in ended ? { ...ended.error, attempts: ended.error.attempts.length } : ended;
  const status = 'error' in ended ? ended.error.statusCode : ended.statusCode;
  return `${origin} ${timers} ${status} ${sentBytes}/${receivedBytes} ${termination(failure)} ${attempts} "${method} ${path}"`;
}

// Hangs up on what is called /cut.
const origin = createServer((req, res) => {
  if (req.url === '/cut') req.socket.destroy();
  else req.on('end', () => res.end('ok\n')).resume();
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
backend.on('request', (ended) => console.log(line(ended)));
backend.on('fail', (ended) => console.log(line(ended)));

const send = async (method: string, path: string, body?: string) =>
  (await backend.request({ method, path, ...(body === undefined ? {} : { body }) })).body.text();
await send('GET', '/');
await send('POST', '/orders', 'two apples');
await send('POST', '/cut', 'two pears').catch(() => undefined);

await backend.close();
origin.close();
