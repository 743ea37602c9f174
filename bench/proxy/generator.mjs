/** Generates the load, with wrk if it is installed, else with our own generator. It is the same for every peer. */

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

/** What is sent. @typedef {Pick<import('./cases.mjs').Case, 'requests' | 'clients' | 'keepsAlive' | 'load'>} Traffic */

/**
 * Clients of one server.
 * @typedef {object} Clients
 * @property {(seconds: number, rate?: number) => Promise<Load>} load `rate`: requests a second, evenly
 * @property {() => Promise<void>} close
 */

/** @typedef {(port: number, what: Traffic) => Promise<Clients>} Connect */

// Node accepts one connection in a turn of its event loop. With more clients than this, the first ones of wrk begin long before
// the last ones are accepted, and wrk measures that wait.
const CLIENTS_OF_WRK = 500;

/**
 * @param {number | undefined} core
 * @returns {{ name: string, connect: Connect, stop: () => void }}
 */
export function chooseGenerator(core) {
  const { stdout } = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  /** @type {Connect} */
  const own = (port, what) => connectOwn(core, port, what);
  if (!stdout?.startsWith('wrk')) return { name: 'bench/rig/load.mjs', connect: own, stop: () => {} };
  const wrk = useWrk(core);
  return {
    name: `${stdout.split(' ').slice(0, 2).join(' ')}; for a given rate and for many clients bench/rig/load.mjs`,
    connect: (port, what) => (what.load !== undefined || what.clients > CLIENTS_OF_WRK ? own : wrk.connect)(port, what),
    stop: wrk.stop,
  };
}

/** @param {number | undefined} core */
function useWrk(core) {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-wrk-'));
  const script = join(folder, 'case.lua');
  /** @type {Connect} */
  const connect = async (port, what) => ({
    load: async (seconds) => {
      writeFileSync(script, wrkScript(what));
      const how = ['-t1', `-c${what.clients}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
      const words = ['wrk', ...how, `http://127.0.0.1:${port}`];
      const [file = '', ...rest] = core === undefined ? words : ['taskset', '-c', String(core), ...words];
      const { stdout } = await promisify(execFile)(file, rest);
      return JSON.parse(stdout.slice(stdout.indexOf('RESULT') + 'RESULT'.length));
    },
    close: async () => {},
  });
  return { connect, stop: () => rmSync(folder, { recursive: true, force: true }) };
}

/** With one request, wrk runs no Lua under load. With several, Lua only chooses the next one. */
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
 * When this resolves, every client that keeps its connection has sent one request and received its answer.
 * @param {number | undefined} core
 * @param {number} port
 * @param {Traffic} what
 * @returns {Promise<Clients>}
 */
async function connectOwn(core, port, { requests, clients, keepsAlive = true }) {
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
  if (keepsAlive) await child.ask('run', { requests: clients });
  return {
    load: async (seconds, rate) => {
      const { requests: answered, errors, seconds: elapsed, latency } = await child.ask('run', { seconds, rate });
      const failed = /** @type {number[]} */ (Object.values(errors)).reduce((sum, count) => sum + count, 0);
      return { requests: answered, errors: failed, seconds: elapsed, latency };
    },
    close: () => child.stop(),
  };
}
