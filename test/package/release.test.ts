/** How a release comes about: what npm needs to know of the package, and what the workflows may do. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');
const manifest = JSON.parse(read('package.json'));
const workflows = readdirSync(at('.github/workflows')).map((name) => `.github/workflows/${name}`);

test('package.json names the repository as provenance needs it, and its pages beside it', () => {
  const [, repository] = /^git\+(https:\/\/github\.com\/[\w-]+\/[\w-]+)\.git$/.exec(manifest.repository.url) ?? [];
  expect(repository).toBeDefined();
  expect(manifest).toMatchObject({
    repository: { type: 'git' },
    homepage: `${repository}#readme`,
    bugs: { url: `${repository}/issues` },
    publishConfig: { access: 'public', provenance: true },
    license: 'MIT',
  });
});

test('a package is built and tried before it is published, whoever publishes', () => {
  expect(manifest.scripts.prepublishOnly).toBe('npm run check:package');
  expect(manifest.scripts['check:package']).toMatch(/^npm run build && .*npm run --silent check:built$/);
  expect(manifest.scripts['check:built']).toMatch(/^publint --strict && attw .* test\/package\/check\.mjs$/);
});

test('npm pack builds first, so that no package is without its code', () => {
  expect(manifest.scripts.prepack).toBe('npm run build');
});

test.each(workflows)('%s uses what is GitHub’s own or ours, by major version', (path) => {
  const used = [...read(path).matchAll(/\buses: (\S+)/g)].map(([, name]) => name);
  expect(used.length).toBeGreaterThan(0);
  expect(used.filter((name) => !/^(actions\/[\w-]+@v\d+|\.\/\.github\/workflows\/\w+\.yml)$/.test(name ?? ''))).toEqual(
    [],
  );
});

test.each(workflows)('%s knows no secret, and may read the contents and nothing else unless a job says so', (path) => {
  const text = read(path);
  expect(text).not.toMatch(/secrets\.|_TOKEN|_authToken/);
  expect(text).toMatch(/^permissions:( \{\}|\n {2}contents: read)\n$/m);
});

test('only the job that publishes may ask for an identity, after all that has to hold', () => {
  const writers = workflows.flatMap((path) =>
    [...read(path).matchAll(/^ +(\S+): write\b/gm)].map(([, name]) => `${path} ${name}`),
  );
  expect(writers).toEqual(['.github/workflows/release.yml id-token']);
  const [, publish = ''] = read('.github/workflows/release.yml').split(/^ {2}publish:$/m);
  expect(publish).toMatch(/needs: test\n[\s\S]*id-token: write[\s\S]*tag\.mjs[\s\S]*run: npm publish --provenance\n$/);
});

test('a tag of another version is refused, and one without a section in the changelog', () => {
  const complaint = (tag: string) =>
    spawnSync(process.execPath, [fileURLToPath(at('test/package/tag.mjs')), tag], { encoding: 'utf8' }).stderr;
  expect(complaint('v999.0.0')).toContain(`the tag is v999.0.0, and package.json has version ${manifest.version}`);
  const hasSection = new RegExp(`^## \\[${manifest.version}\\] - `, 'm').test(read('CHANGELOG.md'));
  expect(complaint(`v${manifest.version}`) === '').toBe(hasSection);
});
