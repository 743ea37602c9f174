import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const entry = fileURLToPath(new URL('../../src/testing/index.ts', import.meta.url));

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

// With a request still waiting and a client that stays, so that whatever is left behind would keep the process alive.
const PROGRAM = `
const { connect } = require('node:net');
async function main({ ScriptedOrigin, answer, execute, wait }) {
  const rules = [{ when: { path: '/slow' }, steps: [execute(), wait(600000), answer()] }];
  // Closed just before the wait begins, and in the middle of it.
  const moments = [(origin) => origin.executions('/slow') === 1, (origin) => origin.connections[0]?.steps.includes('wait')];
  for (const thread of [false, true]) {
    for (const moment of moments) {
      const origin = await ScriptedOrigin.start({ thread, rules });
      const client = connect(origin.port, '127.0.0.1', () => client.write('GET / HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n'));
      client.once('data', () => client.write('GET /slow HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n'));
      client.on('error', () => undefined);
      origin.until(() => false, 600000).catch(() => undefined);
      await origin.until(() => moment(origin));
      await origin.close();
      console.log(thread, origin.executions('/'));
    }
  }
}
`;

test.each([
  { format: 'esm' as const, minify: false, keepNames: false },
  { format: 'cjs' as const, minify: false, keepNames: true },
  { format: 'cjs' as const, minify: true, keepNames: false },
  { format: 'cjs' as const, minify: true, keepNames: true },
])(
  'bundled as $format (minified: $minify, with names: $keepNames), both origins work and nothing keeps the process alive after close',
  async ({ format, minify, keepNames }) => {
    const name = `${format}-${minify}-${keepNames}`;
    const extension = format === 'esm' ? 'mjs' : 'cjs';
    await build({
      ...{ config: false, silent: true, clean: false, dts: false, target: 'node20', platform: 'node' },
      entry: { [name]: entry },
      format,
      outDir: folder,
      minify,
      keepNames,
      outExtension: () => ({ js: `.${extension}` }),
    });
    const program = join(folder, `${name}-program.cjs`);
    await writeFile(program, `${PROGRAM}import('./${name}.${extension}').then(main);`);
    const { stdout } = await run(process.execPath, [program], { timeout: 50_000 });
    expect(stdout).toBe('false 1\nfalse 1\ntrue 1\ntrue 1\n');
  },
);
