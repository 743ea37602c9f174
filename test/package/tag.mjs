/** Checks that a tag fits the version of this package, and that the changelog has its section: `node test/package/tag.mjs v1.2.3`. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const [, , tag = ''] = process.argv;
const { version } = JSON.parse(read('package.json'));

assert.equal(tag, `v${version}`, `the tag is ${tag || 'missing'}, and package.json has version ${version}`);
const heading = new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2}$`, 'm');
assert.ok(heading.test(read('CHANGELOG.md')), `CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`);
console.log(`${tag} may be published`);
