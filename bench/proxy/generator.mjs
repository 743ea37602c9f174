/** The load: wrk where it is installed, else our own generator. The same for every peer. */

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startChild } from '../rig/child.mjs';
import { CLIENTS } from './cases.mjs';

/**
 * @typedef {object} Load
 * @property {number} requests answered with 2xx
 * @property {number} errors everything else
 * @property {number} seconds
 * @property {{ p50: number, p99: number }} latency in ms
 */

/** @typedef {(port: number, what: import('./cases.mjs').Case, seconds: number) => Promise<Load>} Generate */

/**
 * @param {number | undefined} core
 * @returns {{ name: string, generate: Generate, stop: () => void }}
 */
export function chooseGenerator(core) {
  const { stdout } = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  if (stdout?.startsWith('wrk')) return useWrk(stdout.split(' ').slice(0, 2).join(' '), core);
  return {
    name: 'bench/rig/load.mjs',
    generate: (port, what, seconds) => ownLoad(core, port, what, seconds),
    stop: () => {},
  };
}

/**
 * @param {string} name
 * @param {number | undefined} core
 */
function useWrk(name, core) {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-wrk-'));
  /** @type {Generate} */
  const generate = async (port, what, seconds) => {
    const script = join(folder, `${what.key}.lua`);
    writeFileSync(script, wrkScript(what));
    const words = ['wrk', '-t1', `-c${CLIENTS}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`];
    const [file = '', ...rest] = core === undefined ? words : ['taskset', '-c', String(core), ...words];
    const { stdout } = await promisify(execFile)(file, rest);
    return JSON.parse(stdout.slice(stdout.indexOf('RESULT') + 'RESULT'.length));
  };
  return { name, generate, stop: () => rmSync(folder, { recursive: true, force: true }) };
}

/** One request needs no Lua while the load runs; of several, Lua only chooses. */
function wrkScript(/** @type {import('./cases.mjs').Case} */ { requests }) {
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
  return `${requests.length === 1 ? one : several}
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
 * @param {import('./cases.mjs').Case} what
 * @param {number} seconds
 * @returns {Promise<Load>}
 */
async function ownLoad(core, port, { requests }, seconds) {
  const request = requests.map(({ method, path, bodyBytes }) => {
    const framing = bodyBytes > 0 ? `content-length: ${bodyBytes}\r\n` : '';
    return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${framing}\r\n${'x'.repeat(bodyBytes)}`;
  });
  const child = await startChild(
    new URL('../rig/load.mjs', import.meta.url),
    { port, connections: CLIENTS, request },
    { core },
  );
  const { requests: answered, errors, seconds: elapsed, latency } = await child.ask('run', { seconds });
  await child.stop();
  const failed = /** @type {number[]} */ (Object.values(errors)).reduce((sum, count) => sum + count, 0);
  return { requests: answered, errors: failed, seconds: elapsed, latency };
}
