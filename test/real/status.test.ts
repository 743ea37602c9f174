import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createLine, type Socket } from 'node:net';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page, Route } from 'playwright-core';
import { PooledBackend, type StatusHandlerOptions } from 'pooled-backend';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../../bench/rig/listen.mjs';
import type { FullReport } from '../../src/status/report.js';
import { findBrowser, startBrowser } from './browser.js';

const required = process.env.REQUIRE_REAL_SERVERS === '1';
const LIMIT_MS = 60_000;
const PHONE = { width: 360, height: 740 };

interface SiteOptions {
  /** How many. */
  readonly origins?: number;
  readonly maxConnections?: number;
  readonly actions?: StatusHandlerOptions['actions'];
}

/** Some origins, two unless it is said, a backend in front of them, and its status page at a path of somebody's choice. */
class Site {
  readonly backend: PooledBackend;
  readonly origins: readonly string[];
  readonly url: string;
  readonly #stop: (index: number) => Promise<void>;

  private constructor(backend: PooledBackend, origins: readonly string[], url: string, stop: Site['stop']) {
    this.backend = backend;
    this.origins = origins;
    this.url = url;
    this.#stop = stop;
  }

  static async open({ origins: number = 2, maxConnections = 20, actions }: SiteOptions = {}): Promise<Site> {
    const servers = Array.from({ length: number }, () =>
      createServer((_req, res) => void setTimeout(() => res.end('ok'), 2)),
    );
    for (const server of servers) server.keepAliveTimeout = 60_000; // a browser may take longer to start than 5 s
    const ports = await Promise.all(servers.map((server) => listen(server)));
    const origins = ports.map((port) => `http://127.0.0.1:${port}`);
    const backend = new PooledBackend({ origins, maxConnections, ejection: { failures: 2, time: 60_000 } });
    const status = createServer(backend.statusHandler({ title: 'the shop', interval: 100, actions }));
    const stop = async (index: number) => {
      servers[index]?.closeAllConnections();
      await new Promise((resolve) => servers[index]?.close(resolve));
    };
    onTestFinished(async () => {
      status.closeAllConnections();
      status.close();
      await backend.close({ timeout: 1000 });
      for (const server of servers) server.closeAllConnections();
      for (const server of servers) server.close();
    });
    return new Site(backend, origins, `http://127.0.0.1:${await listen(status)}/ops/status`, stop);
  }

  /** Ends one of the origins. */
  stop(index: number): Promise<void> {
    return this.#stop(index);
  }

  async send(requests: number, method = 'GET'): Promise<void> {
    const send = async () => {
      const { body } = await this.backend.request({ method, path: '/' });
      await body.text();
    };
    await Promise.allSettled(Array.from({ length: requests }, send));
  }

  /** Sends until the test is over. */
  keepBusy(): void {
    let over = false;
    onTestFinished(() => {
      over = true;
    });
    void (async () => {
      for (let turn = 0; !over; turn += 1) await this.send(12, turn % 4 === 0 ? 'POST' : 'GET');
    })();
  }

  get listeners(): number {
    return this.backend.eventNames().reduce((all, name) => all + this.backend.listenerCount(name), 0);
  }
}

describe.skipIf(findBrowser() === undefined && !required)('the status page in Chromium', { timeout: LIMIT_MS }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  }, LIMIT_MS);
  afterAll(() => browser.close());

  /** A page that must not complain of anything. */
  async function visit(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    await page.goto(url);
    return page;
  }

  const live = (page: Page) => page.locator('#feed[data-feed="live"]').waitFor();
  const reused = (page: Page) =>
    page.locator('#origins .card').first().locator('i[data-state="idle"], i[data-state="busy"]');

  test('shows the backend live, and each connection by its state', async () => {
    const site = await Site.open();
    await site.send(40);
    const page = await visit(site.url);
    await live(page);
    expect(await page.title()).toBe('the shop');
    expect(await page.locator('#verdict').innerText()).toContain('All 2 origins are well');
    expect(await page.locator('#origins .card').count()).toBe(2);
    expect(await page.locator('#origins .card').first().locator('.strip i').count()).toBe(20);
    await reused(page).first().waitFor();
    const total = page.locator('.tile', { hasText: 'Requests' }).locator('dd').nth(1);
    const before = Number(await total.innerText());
    await site.send(25);
    await page
      .locator('.tile', { hasText: 'Requests' })
      .locator('dd', { hasText: String(before + 25) })
      .waitFor();
  });

  test('shows the connections of a large pool without its empty places', async () => {
    const site = await Site.open({ maxConnections: 2000 });
    await site.send(30);
    const page = await visit(site.url);
    await live(page);
    const open = site.backend.stats().origins[0]?.connections.open ?? 0;
    await expect.poll(() => page.locator('#origins .card').first().locator('.strip i').count()).toBe(open);
    expect(open).toBeGreaterThan(5);
  });

  test('shows which origin is out, why and since when, and says it aloud', async () => {
    const site = await Site.open();
    const page = await visit(site.url);
    await live(page);
    await site.stop(1);
    site.keepBusy();
    const card = page.locator('.card[data-mood="bad"]');
    await card.waitFor();
    expect(await card.innerText()).toMatch(/ejected\s+for .*connection_refused/s);
    expect(await page.locator('[role=status]').innerText()).toContain('1 of 2 origins is out');
    await page.locator('#news li', { hasText: 'ejected for' }).waitFor();
  });

  test.each([undefined, PHONE])('many origins are rows, those that are out before the others: %j', async (viewport) => {
    const site = await Site.open({ origins: 14, actions: () => true });
    const page = await visit(site.url, { ...(viewport && { viewport }) });
    await live(page);
    await site.stop(12);
    site.keepBusy();
    const first = page.locator('#origins.many .card').first();
    await first.filter({ has: page.locator('[data-mood="bad"]') }).waitFor();
    expect(await first.innerText()).toContain(site.origins[12]);
    expect(await page.locator('#origins .card').count()).toBe(14);
    expect(await page.locator('#origins .heat').first().isVisible()).toBe(false);
    expect(await page.locator('#origins canvas').first().getAttribute('aria-label')).toBe('Latency: nothing yet');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(viewport?.width ?? 1280);
    expect(await complaintsOfAxe(page)).toEqual([]);
  });

  test.each([
    [64, 'charts: the last'],
    [65, 'charts: the first 64 origins, the last'],
  ])('says which of %i origins the charts are of', async (origins, said) => {
    const site = await Site.open({ origins, maxConnections: 1 });
    const page = await visit(site.url);
    await live(page);
    await page.locator('#stretch', { hasText: said }).waitFor();
  });

  test('the focus stays where it is when rows change places', async () => {
    const site = await Site.open({ origins: 14 });
    const page = await visit(site.url);
    await live(page);
    await site.stop(12);
    site.keepBusy();
    const first = page.locator('#origins .card').first();
    const [name = ''] = site.origins.slice(12);
    await first.filter({ hasText: name }).waitFor();
    const link = page.locator('#origins a').nth(5);
    await link.focus();
    const text = await link.innerText();
    void site.backend.origins.drain(name); // it needs nobody any more
    await first.filter({ hasNotText: name }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe(text);
  });

  test('one origin can be looked at alone, by keyboard, and by its address', async () => {
    const site = await Site.open();
    await site.send(10);
    const page = await visit(site.url);
    await live(page);
    await page.locator('#origins a').nth(1).focus();
    await page.keyboard.press('Enter');
    const heading = page.locator('#alone h2');
    await heading.waitFor();
    expect(await heading.innerText()).toBe(site.origins[1]);
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H2');
    await page.keyboard.press('Tab'); // the summary of the list of connections
    await page.keyboard.press('Enter');
    await page.locator('.connections tbody tr').first().waitFor();
    await page.reload();
    await heading.waitFor();
    await page.locator('.back a').click();
    await page.locator('#overview').waitFor();
  });

  test('an origin that is looked at alone and removed gives way to all, and does not take the page back', async () => {
    const site = await Site.open();
    const [, name = ''] = site.origins;
    const page = await visit(`${site.url}#/origin/${encodeURIComponent(name)}`);
    await page.locator('#alone h2').waitFor();
    await site.backend.origins.remove(name);
    await page.locator('#overview').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('title');
    site.backend.origins.add(name);
    await page.locator('#origins .card').filter({ hasText: name }).waitFor();
    expect(await page.locator('#alone').isHidden()).toBe(true);
  });

  test('without any origin its lines lie on the ground', async () => {
    const site = await Site.open({ origins: 1 });
    await site.backend.origins.remove(site.origins[0] ?? '');
    const page = await visit(site.url);
    const lines = page.locator('#tiles path.line[d^="M"]');
    await lines.nth(1).waitFor({ state: 'attached' });
    const heights = await lines.evaluateAll((all) => all.map((one) => one.getAttribute('d')?.split(' ')[1]));
    expect(new Set(heights)).toEqual(new Set(['39.0']));
  });

  test('an origin that is looked at alone comes back when a restarted process has found it', async () => {
    const name = 'http://127.0.0.1:9';
    let find = () => {};
    const found = new Promise<void>((resolve) => {
      find = resolve;
    });
    const before = new PooledBackend({ origins: () => [name] });
    const after = new PooledBackend({ origins: () => found.then(() => [name]) });
    let answer = before.statusHandler({ interval: 100 });
    const status = createServer((req, res) => answer(req, res));
    onTestFinished(() => {
      before.destroy();
      after.destroy();
      status.closeAllConnections();
      status.close();
    });
    await before.ready();
    const page = await visit(`http://127.0.0.1:${await listen(status)}/#/origin/${encodeURIComponent(name)}`);
    await page.locator('#alone h2').waitFor();
    answer = after.statusHandler({ interval: 100 });
    before.destroy();
    await page.locator('#process', { hasText: 'no origins found' }).waitFor();
    expect(await page.locator('#alone').isHidden()).toBe(true);
    find();
    await page.locator('#alone h2').waitFor();
  });

  test.each(['overview', 'one origin'])('fits a phone, its buttons too: %s', async (what) => {
    const site = await Site.open({ actions: () => true });
    await site.send(10);
    const address = what === 'overview' ? site.url : `${site.url}#/origin/${encodeURIComponent(site.origins[0] ?? '')}`;
    const page = await visit(address, { viewport: PHONE });
    await live(page);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
  });

  describe.each(['light', 'dark'] as const)('has nothing for axe to complain of, %s', (colorScheme) => {
    test.each([
      ['overview', undefined],
      ['overview', PHONE],
      ['one origin', undefined],
      ['overview with buttons', undefined],
      ['one origin with buttons', PHONE],
    ])('%s, %j', async (what, viewport) => {
      const site = await Site.open({ actions: () => what.includes('buttons') });
      await site.stop(1);
      site.keepBusy();
      const hash = what.startsWith('overview') ? '' : `#/origin/${encodeURIComponent(site.origins[1] ?? '')}`;
      const page = await visit(site.url + hash, { colorScheme, ...(viewport && { viewport }) });
      await live(page);
      await page.locator('[data-mood="bad"]').first().waitFor();
      expect((await page.getByRole('button', { name: 'Drain' }).count()) > 0).toBe(what.includes('buttons'));
      expect(await complaintsOfAxe(page)).toEqual([]);
    });
  });

  test('is printed with its connections, though without backgrounds', async () => {
    const site = await Site.open();
    await site.send(10);
    const page = await visit(site.url);
    await live(page);
    await reused(page).first().waitFor();
    await page.emulateMedia({ media: 'print' });
    const adjusts = (selector: string) =>
      page.evaluate(`getComputedStyle(document.querySelector('${selector}')).printColorAdjust`);
    expect(await Promise.all(['.strip i', '.legend i', '.lamp'].map(adjusts))).toEqual(['exact', 'exact', 'exact']);
  });

  test('has no buttons for whoever may only look', async () => {
    const site = await Site.open({ actions: async () => false });
    const page = await visit(site.url);
    await live(page);
    await page.locator('#origins .card').first().waitFor();
    expect(await page.getByRole('button').allInnerTexts()).toEqual(['Pause', 'Export', 'Theme: auto']);
  });

  test('an origin is drained and made ready by keyboard, and what came of it is said aloud', async () => {
    const site = await Site.open({ actions: () => true });
    const page = await visit(site.url);
    await live(page);
    const [origin = ''] = site.origins;
    const host = origin.replace('http://', '');
    await page.getByRole('button', { name: `Drain: ${host}` }).focus();
    await page.keyboard.press('Enter');
    const ready = page.getByRole('button', { name: `Make ready: ${host}` });
    await ready.waitFor();
    expect(await page.locator('#said[aria-live]').innerText()).toBe(`${origin} gets no more requests`);
    expect(await page.locator('#origins .card').first().innerText()).toContain('draining');
    await page.locator('#news li', { hasText: 'draining, by its owner' }).waitFor();
    await site.send(6);
    expect(site.backend.stats().origins.map(({ requests }) => requests)).toEqual([0, 6]);
    await page.keyboard.press('Enter'); // the focus is where it was
    await page.getByRole('button', { name: `Drain: ${host}` }).waitFor();
    expect(site.backend.stats().origins[0]?.service).toBe('serving');
  });

  test('a double click drains, and does not make ready again', async () => {
    const site = await Site.open({ actions: () => true });
    const page = await visit(site.url);
    await live(page);
    let actions = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST') actions += 1;
    });
    const [first, second] = [0, 1].map((index) => page.locator('#origins .card button').nth(index));
    await first?.click();
    await first?.filter({ hasText: 'Make ready' }).waitFor();
    await first?.dispatchEvent('click', { detail: 2 }); // its second click, if the page has heard between the two
    await second?.click();
    await second?.filter({ hasText: 'Make ready' }).waitFor();
    expect(actions).toBe(2);
    expect(site.backend.stats().origins.map(({ service }) => service)).toEqual(['draining', 'draining']);
  });

  test('the weight of an origin is set by keyboard, and a bad one is refused in words', async () => {
    const site = await Site.open({ actions: () => true });
    const page = await visit(`${site.url}#/origin/${encodeURIComponent(site.origins[1] ?? '')}`);
    await live(page);
    const weight = page.getByLabel('Weight');
    await weight.fill('9');
    await weight.press('Enter');
    await page.locator('#said', { hasText: 'has weight 9' }).waitFor();
    expect(site.backend.stats().origins.map(({ weight }) => weight)).toEqual([1, 9]);
  });

  test('another site cannot press the buttons in the name of whoever watches', async () => {
    const site = await Site.open({ actions: () => true });
    const page = await visit(site.url);
    await live(page);
    const address = `${site.url}?${new URLSearchParams({ action: 'drain', origin: site.origins[0] ?? '' })}`;
    // Of the same host, so that the cookie is sent along; another port is another origin.
    const evil = createServer((_req, res) => {
      res.setHeader('Content-Type', 'text/html');
      res.end(`<title>win</title><form method="post" action="${address}"></form>`);
    });
    const url = `http://127.0.0.1:${await listen(evil)}/`;
    onTestFinished(() => void evil.close());
    const other = await page.context().newPage();
    await other.goto(url);
    const send = `fetch(${JSON.stringify(address)}, { method: 'POST', mode: 'no-cors', credentials: 'include' })`;
    await other.evaluate(`${send}.catch(() => undefined)`); // not even the answer can be seen
    const [answer] = await Promise.all([other.waitForNavigation(), other.evaluate('document.forms[0].submit()')]);
    expect([answer?.status(), site.backend.stats().origins[0]?.service]).toEqual([403, 'serving']);
  });

  test('can be paused, and goes on; nobody watches meanwhile', async () => {
    const site = await Site.open();
    const page = await visit(site.url);
    await live(page);
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => site.listeners).toBe(0);
    expect(await page.locator('#feed').innerText()).toContain('paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await live(page);
    expect(site.listeners).toBeGreaterThan(0);
  });

  test('exports what it shows', async () => {
    const site = await Site.open();
    await site.send(5);
    const page = await visit(site.url);
    await live(page);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export' }).click(),
    ]);
    const report: FullReport = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(download.suggestedFilename()).toMatch(/^the-shop-.*\.json$/);
    expect(report.origins.reduce((all, { requests }) => all + requests, 0)).toBe(5);
  });

  test('can be set to light or dark, and keeps it', async () => {
    const site = await Site.open();
    const page = await visit(site.url, { colorScheme: 'light' });
    await live(page);
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await page.getByRole('button', { name: 'Theme' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    const dark = await background();
    await page.reload();
    expect([dark !== light, await background()]).toEqual([true, dark]);
  });

  /** A page whose stream does not come through. */
  async function polling() {
    const site = await Site.open();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.route(/format=events/, (route) => route.fulfill({ status: 502 }));
    await page.goto(site.url);
    await page.locator('#feed[data-feed="polling"]').waitFor();
    return { site, page };
  }

  test('polls where a stream does not come through', async () => {
    const { site, page } = await polling();
    await site.send(7);
    await page.locator('.tile', { hasText: 'Requests' }).locator('dd', { hasText: '7' }).waitFor();
  });

  test('stays paused when a poll is answered that was under way', async () => {
    const { page } = await polling();
    const poll = await new Promise<Route>((asked) => void page.route(/format=json/, asked));
    await page.getByRole('button', { name: 'Pause' }).click();
    const [answer] = await Promise.all([page.waitForResponse(/format=json/), poll.continue()]);
    await answer.finished();
    await page.evaluate('new Promise((turn) => setTimeout(turn))'); // the page has had its turn
    expect(await page.locator('#feed-word').innerText()).toBe('paused');
  });

  test('leaves nothing behind when it is closed', async () => {
    const site = await Site.open();
    const page = await visit(site.url);
    await live(page);
    const during = site.listeners;
    await page.close();
    await expect.poll(() => site.listeners).toBe(0);
    expect(during).toBeGreaterThan(0);
  });

  test('says so when the backend is closed, and when nobody answers any more', async () => {
    const site = await Site.open();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(site.url);
    await live(page);
    await site.backend.close();
    await page.locator('#verdict', { hasText: 'closed' }).waitFor();
    await page.route(/format=/, (route) => route.abort());
    await page.locator('#feed[data-feed="lost"]').waitFor();
  });

  test('says so when the server stands still, to whoever presses a button too', async () => {
    const site = await Site.open({ actions: () => true });
    const line = await Line.to(site.url);
    const page = await visit('about:blank');
    await page.clock.install();
    await page.addInitScript(TIMEOUTS_OF_THE_CLOCK);
    await page.goto(line.url);
    await live(page);
    line.hold();
    await page.getByRole('button', { name: 'Drain' }).first().click();
    const said = async () => {
      await page.clock.fastForward(16_000);
      return [await page.locator('#feed-word').innerText(), await page.locator('#said').innerText()];
    };
    await expect.poll(said).toEqual(['no answer', 'no answer: nobody knows whether it was done']);
  });
});

/** Playwright's clock has all timers of a page but this one. */
const TIMEOUTS_OF_THE_CLOCK = `AbortSignal.timeout = (ms) => {
  const given = new AbortController();
  setTimeout(() => given.abort(), ms);
  return given.signal;
};`;

/** What lies between a browser and a server, and may carry nothing more. */
class Line {
  readonly url: string;
  readonly #sockets: Set<Socket>;
  readonly #carries: { now: boolean };

  private constructor(url: string, sockets: Set<Socket>, carries: { now: boolean }) {
    this.url = url;
    this.#sockets = sockets;
    this.#carries = carries;
  }

  static async to(url: string): Promise<Line> {
    const sockets = new Set<Socket>();
    const carries = { now: true };
    const server = createLine((near) => {
      sockets.add(near.on('error', () => {}));
      if (!carries.now) return;
      const far = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      sockets.add(far);
      near.pipe(far).pipe(near);
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return new Line(url.replace(/:\d+/, `:${await listen(server)}`), sockets, carries);
  }

  hold(): void {
    this.#carries.now = false;
    for (const socket of this.#sockets) socket.unpipe();
  }
}

/** Each complaint with the elements that it is about. */
async function complaintsOfAxe(page: Page): Promise<string[]> {
  // Evaluated by the driver, which the policy of the page does not hold.
  await page.evaluate(axe.source);
  const results = await page.evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}
