/** The buttons of the status page, by raw requests: who is let in, and who is not. */

import { once } from 'node:events';
import { connect, createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { PooledBackend, StatusHandlerOptions } from 'pooled-backend';
import { Agent, request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authority, cert, key } from '../wire/certificate.js';
import { listen, serve, startBackend, startOrigin } from './setting.js';

interface Site {
  readonly backend: PooledBackend;
  readonly origin: string;
  readonly url: string;
}

async function started(actions: StatusHandlerOptions['actions'] = () => true): Promise<Site> {
  const backend = startBackend(await startOrigin());
  const url = `http://127.0.0.1:${await serve(backend.statusHandler({ actions }))}`;
  return { backend, origin: backend.origins.names[0] ?? '', url };
}

/** What a browser that has loaded the page sends along. */
async function fieldsOfPage(url: string, before: Record<string, string> = {}): Promise<Record<string, string>> {
  const { headers, body } = await request(url, { headers: { accept: 'text/html', ...before } });
  const token = /<meta name="status-token" content="([^"]+)">/.exec(await body.text())?.[1];
  const cookie = before.cookie ?? String(headers['set-cookie'] ?? '').split(';')[0];
  return {
    origin: url,
    'sec-fetch-site': 'same-origin',
    ...(cookie && { cookie }),
    ...(token !== undefined && { 'x-status-token': token }),
  };
}

async function post(url: string, query: Record<string, string>, headers: Record<string, string>) {
  const { statusCode, body } = await request(`${url}/?${new URLSearchParams(query)}`, { method: 'POST', headers });
  return { status: statusCode, text: (await body.text()).trim() };
}

const now = ({ backend }: Site) => backend.stats().origins.map(({ service, weight }) => `${service} ${weight}`);

describe('whoever is allowed', () => {
  test('drains an origin, makes it ready, and changes its weight', async () => {
    const site = await started();
    const { url, origin } = site;
    const page = await fieldsOfPage(url);
    expect(await post(url, { action: 'drain', origin }, page)).toEqual({
      status: 200,
      text: `${origin} gets no more requests`,
    });
    expect(now(site)).toEqual(['draining 1']);
    expect(await post(url, { action: 'ready', origin }, page)).toMatchObject({ status: 200 });
    expect(await post(url, { action: 'weight', origin, weight: '7' }, page)).toMatchObject({ status: 200 });
    expect(now(site)).toEqual(['serving 7']);
  });

  test('may use two pages of one browser side by side', async () => {
    const site = await started();
    const first = await fieldsOfPage(site.url);
    const second = await fieldsOfPage(site.url, { cookie: `other=1; ${first.cookie}; more=2` });
    for (const page of [first, second]) {
      expect((await post(site.url, { action: 'drain', origin: site.origin }, page)).status).toBe(200);
    }
  });

  test('needs no Sec-Fetch-Site, which browsers send to trustworthy addresses only', async () => {
    const site = await started();
    const { 'sec-fetch-site': _, ...page } = await fieldsOfPage(site.url);
    expect((await post(site.url, { action: 'drain', origin: site.origin }, page)).status).toBe(200);
  });

  test('may come by HTTP/2', async () => {
    const backend = startBackend(await startOrigin());
    const status = backend.statusHandler({ actions: async () => true });
    const server = createHttp2Server((req, res) => status(req, res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const session = connect(origin);
    onTestFinished(() => {
      session.destroy();
      server.close();
    });
    const exchange = async (headers: IncomingHttpHeaders) => {
      const stream = session.request(headers);
      const answered = once(stream, 'response');
      let text = '';
      for await (const piece of stream.setEncoding('utf8')) text += piece;
      return { fields: (await answered)[0] as IncomingHttpHeaders, text };
    };
    const page = await exchange({ ':path': '/', accept: 'text/html' });
    const cookie = String(page.fields['set-cookie']).split(';')[0] ?? '';
    const token = /name="status-token" content="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const path = `/?${new URLSearchParams({ action: 'drain', origin: backend.origins.names[0] ?? '' })}`;
    await exchange({ ':method': 'POST', ':path': path, origin, cookie, 'x-status-token': token });
    expect(backend.stats().origins[0]?.service).toBe('draining');
  });
});

describe('is refused with 403, and changes nothing:', () => {
  const without = (name: string) => (page: Record<string, string>) => {
    const { [name]: _, ...rest } = page;
    return rest;
  };
  test.each<[string, (page: Record<string, string>) => Record<string, string>]>([
    ['no token', without('x-status-token')],
    ['another token', (page) => ({ ...page, 'x-status-token': 'A'.repeat(43) })],
    ['a shorter token', (page) => ({ ...page, 'x-status-token': 'A' })],
    ['no cookie', without('cookie')],
    ['the cookie of another browser', (page) => ({ ...page, cookie: `pooled-backend-status=${'A'.repeat(43)}` })],
    ['no Origin', without('origin')],
    ['the Origin of another site', (page) => ({ ...page, origin: 'https://evil.example' })],
    ['the Origin of another port', (page) => ({ ...page, origin: 'http://127.0.0.1:1' })],
    ['an Origin that is kept secret', (page) => ({ ...page, origin: 'null' })],
    ['a request of another site', (page) => ({ ...page, 'sec-fetch-site': 'cross-site' })],
    ['a request of a neighbouring site', (page) => ({ ...page, 'sec-fetch-site': 'same-site' })],
    ['a request that a person has typed', (page) => ({ ...page, 'sec-fetch-site': 'none' })],
    ['nothing at all', () => ({})],
  ])('%s', async (_what, change) => {
    const site = await started();
    const answer = await post(site.url, { action: 'drain', origin: site.origin }, change(await fieldsOfPage(site.url)));
    expect([answer.status, now(site)]).toEqual([403, ['serving 1']]);
  });

  test('a token of another process, or of a page from before a restart', async () => {
    const [site, other] = [await started(), await started()];
    const page = { ...(await fieldsOfPage(other.url)), origin: site.url };
    const answer = await post(site.url, { action: 'drain', origin: site.origin }, page);
    expect([answer, now(site)]).toEqual([
      { status: 403, text: 'this page is of another time or process: load it again' },
      ['serving 1'],
    ]);
  });

  test('somebody who may no longer', async () => {
    let isOperator = true;
    const site = await started(() => isOperator);
    const page = await fieldsOfPage(site.url);
    isOperator = false;
    const answer = await post(site.url, { action: 'drain', origin: site.origin }, page);
    expect([answer, now(site)]).toEqual([{ status: 403, text: 'you may only look' }, ['serving 1']]);
  });

  test.each<[string, StatusHandlerOptions['actions']]>([
    ['no', () => false],
    ['no, later', async () => false],
    ['something that is not yes', (() => 'no') as never],
  ])('somebody of whom authorise says %s: the page has no token and sets no cookie', async (_what, actions) => {
    const site = await started(actions);
    const page = await fieldsOfPage(site.url);
    expect(Object.keys(page)).toEqual(['origin', 'sec-fetch-site']);
    expect((await post(site.url, { action: 'drain', origin: site.origin }, page)).status).toBe(403);
  });
});

test('a GET changes nothing, whatever it asks for', async () => {
  const site = await started();
  const query = new URLSearchParams({ action: 'drain', origin: site.origin });
  const { statusCode } = await request(`${site.url}/?${query}`, { headers: await fieldsOfPage(site.url) });
  expect([statusCode, now(site)]).toEqual([200, ['serving 1']]);
});

test.each(['PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
  const { statusCode, headers } = await request((await started()).url, { method: method as 'PUT' });
  expect([statusCode, headers.allow]).toEqual([405, 'GET, HEAD, POST']);
});

test.each([
  ['another action', { action: 'remove' }, 'action must be drain, ready or weight'],
  ['an action that every object has', { action: 'toString' }, 'action must be drain, ready or weight'],
  ['no action', {}, 'action must be drain, ready or weight'],
  ['an origin that is none', { action: 'drain', origin: 'http://elsewhere' }, 'url must be one of the origins'],
  ['a name that is no URL', { action: 'drain', origin: '' }, 'url must be'],
  ['no weight', { action: 'weight' }, 'weight must be an integer from 0 to 256'],
  ['a weight that is too large', { action: 'weight', weight: '257' }, 'weight must be an integer from 0 to 256'],
  ['a weight that is no number', { action: 'weight', weight: '1e1' }, 'weight must be an integer from 0 to 256'],
])('%s is refused with 400 and says why', async (_what, query, message) => {
  const site = await started();
  const { origin } = site;
  const answer = await post(site.url, { origin, ...query } as Record<string, string>, await fieldsOfPage(site.url));
  expect([answer.status, now(site)]).toEqual([400, ['serving 1']]);
  expect(answer.text).toContain(message);
});

test('authorise that fails lets nobody in, tells nobody why, and warns its owner', async () => {
  const site = await started(() => Promise.reject(new Error('the directory is away')));
  const warned = once(process, 'warning');
  const { statusCode, body } = await request(site.url, { headers: { accept: 'text/html' } });
  expect([statusCode, await body.text()]).toEqual([500, 'it could not be found out whether you may do this\n']);
  expect(String((await warned)[0])).toContain('the directory is away');
});

test('authorise that throws is one that fails', async () => {
  const site = await started(() => {
    throw new Error('no');
  });
  expect((await request(site.url, { headers: { accept: 'text/html' } })).statusCode).toBe(500);
});

test('the cookie is hidden from scripts and from other sites', async () => {
  const { headers } = await request((await started()).url, { headers: { accept: 'text/html' } });
  expect(headers['set-cookie']).toMatch(/^pooled-backend-status=[\w-]{43}; HttpOnly; SameSite=Strict$/);
});

test('over TLS the cookie has another name, or a page of the same host without TLS could not get its own', async () => {
  const backend = startBackend(await startOrigin());
  const server = createTlsServer({ cert, key }, backend.statusHandler({ actions: () => true }));
  const dispatcher = new Agent({ connect: { ca: authority } });
  onTestFinished(() => dispatcher.close());
  const url = `https://localhost:${await listen(server)}`;
  const { headers, body } = await request(url, { dispatcher, headers: { accept: 'text/html' } });
  const token = /<meta name="status-token" content="([^"]+)">/.exec(await body.text())?.[1];
  const cookie = String(headers['set-cookie']);
  expect(cookie).toMatch(/^__Secure-pooled-backend-status=[\w-]{43}; HttpOnly; SameSite=Strict; Secure$/);
  const fields = { origin: url, cookie: `pooled-backend-status=${'A'.repeat(43)}; ${cookie.split(';')[0]}` };
  const asked = await request(`${url}/?action=drain&origin=${backend.origins.names[0]}`, {
    ...{ dispatcher, method: 'POST', headers: { ...fields, 'x-status-token': String(token) } },
  });
  await asked.body.dump();
  expect(asked.statusCode).toBe(200);
});

test('the data can be read without a token, and has none', async () => {
  const { url } = await started();
  const { body, headers } = await request(`${url}/?format=json`);
  expect([headers['set-cookie'], JSON.stringify(await body.json()).includes('token')]).toEqual([undefined, false]);
});
