/**
 * Checks the packed package as users get it: unpacked into an empty project, loaded as ESM and as CJS.
 * Run by `npm run check:package`, after the build.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkContents, checkSizes } from './contents.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// Inside node_modules, so that Node finds the package's dependencies in the folders above it.
const project = join(ROOT, 'node_modules/.cache/pooled-backend/project');
const installed = join(project, 'node_modules/pooled-backend');

const { name, version, bin, exports, dependencies, peerDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
);
const packed = unpack();
checkContents(packed.files.map(({ path }) => path));
const sizes = checkSizes(packed, readFileSync(join(installed, 'dist/index.js')));

const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));
const names = entries.map((entry) => name + entry.slice(1));
assert.deepEqual(
  names,
  ['', '/cluster', '/fastify', '/http-proxy-middleware', '/otel', '/prometheus', '/testing', '/undici'].map(
    (entry) => name + entry,
  ),
);

const imported = namesGivenBy(
  'esm.mjs',
  names.map((entry, index) => `import * as m${index} from '${entry}';`).join('\n'),
);
const required = namesGivenBy(
  'cjs.cjs',
  names.map((entry, index) => `const m${index} = require('${entry}');`).join('\n'),
);
assert.deepEqual(imported, required, 'ESM and CJS give the same names');
assert.ok(!JSON.stringify(imported).includes('"default"'), 'named exports only');
assert.ok(imported[0].includes('PooledBackend') && imported[0].includes('BackendError'), `. gives ${imported[0]}`);
assert.deepEqual(imported[1], ['shareConnections']);
assert.ok(imported[2].includes('fastifyPooledBackend'), `./fastify gives ${imported[2]}`);
assert.deepEqual(imported[3], ['createProxyMiddleware']);
assert.deepEqual(imported[4], ['instrumentBackend']);
assert.deepEqual(imported[5], ['registerMetrics']);
assert.ok(imported[7].includes('BackendDispatcher'), `./undici gives ${imported[7]}`);

// The declarations must export exactly the names that exist at run time as values, all else as types, and nothing internal.
for (const [index, entry] of entries.entries()) {
  for (const { types } of Object.values(exports[entry])) {
    const text = readFileSync(join(installed, types), 'utf8');
    const offered = namesIn(text);
    const values = offered.filter((word) => !word.startsWith('type '));
    assert.deepEqual(values.sort(), imported[index], `${types} declares the values that there are`);
  }
}
for (const file of readdirSync(join(installed, 'dist')).filter((file) => /\.d\.c?ts$/.test(file))) {
  const text = readFileSync(join(installed, 'dist', file), 'utf8');
  assert.ok(!text.includes('@internal'), `${file} offers what is internal`);
}

// TypeScript 6 and newer load the types of Node only where they are asked for.
const asks = `import { PooledBackend } from '${name}';
new PooledBackend('http://127.0.0.1:9001').on('fail', ({ error }) => error.code);
`;
for (const file of ['asks.mts', 'asks.cts']) writeFileSync(join(project, file), asks);
// The declarations of a user's project name what it infers from ours: a part of what is exported must be exported too.
const parts = `declare function parts<T>(whole: T): T extends (...words: infer Words) => infer Result
  ? [Words, Result]
  : { [Name in keyof T]: T[Name] };
`;
const wholes = entries.map((entry, index) => {
  const text = readFileSync(join(installed, exports[entry].import.types), 'utf8');
  const words = namesIn(text).map((word) => word.replace(/^(type )?(\w+ as )?/, ''));
  const plain = words.filter((word) => !new RegExp(`(interface|type|class) ${word}<`).test(text));
  const typeOf = (word) => `${/^[A-Z]/.test(word) ? '' : 'typeof '}m${index}.${word}`;
  const lines = plain.map((word) => `export const of${index}${word} = parts({} as ${typeOf(word)});\n`);
  return `import type * as m${index} from '${names[index]}';\n${lines.join('')}`;
});
writeFileSync(join(project, 'parts.mts'), parts + wholes.join(''));
const compilerOptions = {
  module: 'node16',
  strict: true,
  declaration: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
};
writeFileSync(
  join(project, 'tsconfig.json'),
  JSON.stringify({ compilerOptions, files: ['asks.mts', 'asks.cts', 'parts.mts'] }),
);
run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project], project);

// The program of a worker is the source text of classes, which a bundler may have renamed.
copyFileSync(new URL('kit.mjs', import.meta.url), join(project, 'kit.mjs'));
const use = "import('./kit.mjs').then(({ useKit }) => useKit(core, kit, require('node:assert')));";
const asEsm = `import { createRequire } from 'node:module';
import * as core from '${names[0]}';
import * as kit from '${name}/testing';
const require = createRequire(import.meta.url);
`;
writeFileSync(join(project, 'uses-kit.mjs'), asEsm + use);
writeFileSync(
  join(project, 'uses-kit.cjs'),
  `const core = require('${names[0]}'), kit = require('${name}/testing');\n${use}`,
);
for (const file of ['uses-kit.mjs', 'uses-kit.cjs']) run(process.execPath, [file], project);

const allowed = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies), ...names]);
for (const file of readdirSync(join(installed, 'dist'))) {
  const text = readFileSync(join(installed, 'dist', file), 'utf8');
  for (const [, from] of text.matchAll(/(?:\bfrom|\brequire\(|\bimport\(|^import)\s*["']([^."'][^"'\n]*)["']/gm)) {
    const isKnown = from.startsWith('node:') || allowed.has(from);
    assert.ok(isKnown || isBuiltin(from), `${file} imports ${from}, which a user need not have`);
  }
  assert.ok(!text.includes(ROOT), `${file} names the folder it was built in`);
  if (!file.includes('.d.')) assert.ok(!/^\s*\/\*\*/m.test(text), `${file} has comments that nobody reads`);
}
const command = join(installed, bin[name]);
assert.equal(run(process.execPath, [command, '--version'], project), `${version}\n`);
const flags = ['--check', '--listen', '8080', '--origin', 'http://127.0.0.1:9001'];
assert.match(run(process.execPath, [command, ...flags], project), /the options are right/);
console.log(`${name}: ${names.length} entry points load as ESM and as CJS, and the command runs`);
console.log(sizes);

/** Packs and unpacks the package. Returns what npm says about it. */
function unpack() {
  rmSync(project, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', project], ROOT));
  run('tar', ['-xzf', packed.filename, '-C', installed, '--strip-components=1'], project);
  writeFileSync(join(project, 'package.json'), '{}\n');
  return packed;
}

/** The names that a declaration file exports, each with `type` or `as` where it has them. */
function namesIn(text) {
  return [...text.matchAll(/^export \{ (.+) \}/gm)].flatMap(([, list]) => list.split(', '));
}

/** The names that each entry point exports, as reported by a separate program. */
function namesGivenBy(file, imports) {
  const modules = names.map((_, index) => `Object.keys(m${index}).sort()`).join(', ');
  writeFileSync(join(project, file), `${imports}\nconsole.log(JSON.stringify([${modules}]));\n`);
  return JSON.parse(run(process.execPath, [file], project));
}

function run(command, words, cwd) {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${words.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}
