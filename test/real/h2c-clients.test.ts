/** Clients that offer `h2c` on ordinary requests, before a server with an upgrade handler. */

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PooledBackend } from 'pooled-backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../mount/setting.js';

const run = promisify(execFile);
const has = (program: string) => spawnSync(program, ['--version']).status === 0;
const LARGE = 'y'.repeat(300_000);
const STARTING_MS = 60_000;

/** Java's client offers it on every request until it is taken, bodies included. */
const JAVA = `
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;

public class Client {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    URI uri = URI.create(args[0]);
    HttpRequest[] requests = {
      HttpRequest.newBuilder(uri).build(),
      HttpRequest.newBuilder(uri).POST(BodyPublishers.ofString("small")).build(),
      HttpRequest.newBuilder(uri).POST(BodyPublishers.ofString("y".repeat(300000))).build(),
      HttpRequest.newBuilder(uri).PUT(BodyPublishers.ofInputStream(
        () -> new java.io.ByteArrayInputStream("y".repeat(300000).getBytes()))).build(),
    };
    for (HttpRequest request : requests) {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      System.out.println(response.statusCode() + " " + response.version() + " " + response.body());
    }
  }
}
`;

/** A front server, and the Upgrade fields that were offered to it. */
async function startFront(): Promise<{ readonly url: string; readonly offers: string[] }> {
  const origin = createServer((req, res) => {
    let bytes = 0;
    req.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    req.on('end', () => res.end(`${req.method} ${bytes} ${req.headers.upgrade ?? 'plain'}`));
  });
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(origin)}`);
  onTestFinished(() => backend.destroy());
  const server = createServer(backend.handler());
  const offers: string[] = [];
  server.on('upgrade', (req) => offers.push(req.headers.upgrade ?? ''));
  server.on('upgrade', backend.upgradeHandler());
  return { url: `http://127.0.0.1:${await listen(server)}/`, offers };
}

describe('a client that offers h2c is served by HTTP/1.1', () => {
  test.runIf(has('curl'))(
    'curl --http2: a GET, a small POST, and a large one that expects 100, on one connection',
    async () => {
      const { url, offers } = await startFront();
      const post = (body: string) => ['--next', '-sS', '--http2', '--data-binary', body, url];
      const large = join(temporaryFolder(), 'large');
      writeFileSync(large, LARGE);
      const expects = ['--next', '-sS', '--http2', '-H', 'Expect: 100-continue', '--data-binary', `@${large}`, url];
      const { stdout } = await run('curl', ['-sS', '--http2', '-w', '\\n', url, ...post('small'), ...expects]);
      expect(stdout.replace('\n', '')).toBe('GET 0 plainPOST 5 plainPOST 300000 plain');
      expect(offers.length).toBeGreaterThan(0);
    },
    STARTING_MS,
  );

  test.runIf(has('java'))(
    "Java's HttpClient: GET, POST and a chunked PUT",
    async () => {
      const { url, offers } = await startFront();
      const source = join(temporaryFolder(), 'Client.java');
      writeFileSync(source, JAVA);
      const { stdout } = await run('java', [source, url]);
      expect(stdout.trim().split('\n')).toEqual([
        '200 HTTP_1_1 GET 0 plain',
        '200 HTTP_1_1 POST 5 plain',
        '200 HTTP_1_1 POST 300000 plain',
        '200 HTTP_1_1 PUT 300000 plain',
      ]);
      expect(offers.length).toBeGreaterThan(0);
    },
    STARTING_MS,
  );
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'h2c-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
