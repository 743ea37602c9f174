/** The load: wrk where it is installed, else our own generator. The same for every peer. */

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startChild } from '../rig/child.mjs';

/**
 * @typedef {object} Load
 * @property {number} requests answered with 2xx
 * @property {number} errors everything else
 * @property {number} seconds
 * @property {{ p50: number, p99: number }} latency in ms
 */

/** What is sent. @typedef {Pick<import('./cases.mjs').Case, 'requests' | 'clients' | 'keepsAlive'>} Traffic */

/** `rate`: requests a second, evenly. @typedef {(port: number, what: Traffic, seconds: number, rate?: number) => Promise<Load>} Generate */

/**
 * @param {number | undefined} core
 * @returns {{ name: string, generate: Generate, stop: () => void }}
 */
export function chooseGenerator(core) {
  const { stdout } = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  /** @type {Generate} */
  const own = (port, what, seconds, rate) => ownLoad(core, port, what, seconds, rate);
  if (!stdout?.startsWith('wrk')) return { name: 'bench/rig/load.mjs', generate: own, stop: () => {} };
  const wrk = useWrk(core);
  return {
    name: `${stdout.split(' ').slice(0, 2).join(' ')}; at a given rate bench/rig/load.mjs`,
    generate: (port, what, seconds, rate) => (rate === undefined ? wrk.generate : own)(port, what, seconds, rate),
    stop: wrk.stop,
  };
}

/** @param {number | undefined} core */
function useWrk(core) {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-wrk-'));
  const script = join(folder, 'case.lua');
  /** @type {Generate} */
  const generate = async (port, what, seconds) => {
    writeFileSync(script, wrkScript(what));
    const how = ['-t1', `-c${what.clients}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
    const words = ['wrk', ...how, `http://127.0.0.1:${port}`];
    const [file = '', ...rest] = core === undefined ? words : ['taskset', '-c', String(core), ...words];
    const { stdout } = await promisify(execFile)(file, rest);
    return JSON.parse(stdout.slice(stdout.indexOf('RESULT') + 'RESULT'.length));
  };
  return { generate, stop: () => rmSync(folder, { recursive: true, force: true }) };
}

/** One request needs no Lua while the load runs; of several, Lua only chooses. */
function wrkScript(/** @type {Traffic} */ { requests, keepsAlive = true }) {
  const body = (/** @type {number} */ bytes) => (bytes > 0 ? `string.rep("x", ${bytes})` : 'nil');
  const texts = requests.map((sent) => `wrk.format("${sent.method}", "${sent.path}", nil, ${body(sent.bodyBytes)})`);
  const [first] = requests;
  const one = `
wrk.method, wrk.path, wrk.body = "${first?.method}", "${first?.path}", ${body(first?.bodyBytes ?? 0)}
`;
  const several = `
local texts, turn = {}, 0
init = function() texts = { ${texts.join(', ')} } end
request = function()
  turn = turn % #texts + 1
  return texts[turn]
end
`;
  return `${keepsAlive ? '' : 'wrk.headers["Connection"] = "close"'}
${requests.length === 1 ? one : several}
done = function(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('RESULT{"requests":%d,"errors":%d,"seconds":%f,"latency":{"p50":%f,"p99":%f}}',
    summary.requests - e.status, errors, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
`;
}

/**
 * @param {number | undefined} core
 * @param {number} port
 * @param {Traffic} what
 * @param {number} seconds
 * @param {number | undefined} rate
 * @returns {Promise<Load>}
 */
async function ownLoad(core, port, { requests, clients, keepsAlive = true }, seconds, rate) {
  const request = requests.map(({ method, path, bodyBytes }) => {
    const framing = bodyBytes > 0 ? `content-length: ${bodyBytes}\r\n` : '';
    const ending = keepsAlive ? '' : 'connection: close\r\n';
    return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${framing}${ending}\r\n${'x'.repeat(bodyBytes)}`;
  });
  const child = await startChild(
    new URL('../rig/load.mjs', import.meta.url),
    { port, connections: clients, request },
    { core },
  );
  const { requests: answered, errors, seconds: elapsed, latency } = await child.ask('run', { seconds, rate });
  await child.stop();
  const failed = /** @type {number[]} */ (Object.values(errors)).reduce((sum, count) => sum + count, 0);
  return { requests: answered, errors: failed, seconds: elapsed, latency };
}
